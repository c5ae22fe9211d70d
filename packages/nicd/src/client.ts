/** How a command reaches the daemon. @module */
import type { Context } from "@mitsu/cli";
import { type Client, connect, type NicdProtocol, nicd } from "@mitsu/ipc";

/** A connection to the daemon. */
export type NicdClient = Client<NicdProtocol>;

/** Connects to the daemon that listens on `--socket`. */
export function daemonClient({ socket }: Pick<Context, "socket">): Promise<NicdClient> {
  return connect(socket, nicd, { startHint: "start it: nicd daemon, or systemctl start nicd" });
}
