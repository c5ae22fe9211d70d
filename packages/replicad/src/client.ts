/** How a command reaches the daemon. @module */
import type { Context } from "@mitsu/cli";
import { type Client, connect, type ReplicadProtocol, replicad } from "@mitsu/ipc";

/** A connection to the daemon. */
export type ReplicadClient = Client<ReplicadProtocol>;

/** Connects to the daemon that listens on `--socket`. */
export function daemonClient({ socket }: Pick<Context, "socket">): Promise<ReplicadClient> {
  return connect(socket, replicad, { startHint: "start it: replicad daemon, or systemctl start replicad" });
}
