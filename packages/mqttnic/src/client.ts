/** How a command reaches the daemon. @module */
import type { Context } from "@mitsu/cli";
import { type Client, connect } from "@mitsu/ipc";
import { type ControlProtocol, control } from "./control.ts";

/** A connection to the daemon. */
export type MqttnicClient = Client<ControlProtocol>;

/** Connects to the daemon that listens on `--socket`. */
export function daemonClient({ socket }: Pick<Context, "socket">): Promise<MqttnicClient> {
  return connect(socket, control, { startHint: "start it: mqttnic daemon, or systemctl start mqttnic" });
}
