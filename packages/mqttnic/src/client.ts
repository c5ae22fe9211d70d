/** How a command reaches the daemon. @module */
import type { Context } from "@mitsu/cli";
import { type Client, connect, type MqttnicProtocol, mqttnic } from "@mitsu/ipc";

/** A connection to the daemon. */
export type MqttnicClient = Client<MqttnicProtocol>;

/** Connects to the daemon that listens on `--socket`. */
export function daemonClient({ socket }: Pick<Context, "socket">): Promise<MqttnicClient> {
  return connect(socket, mqttnic, { startHint: "start it: mqttnic daemon, or systemctl start mqttnic" });
}
