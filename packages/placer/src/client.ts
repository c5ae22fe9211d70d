/** How a command reaches the daemon. @module */
import type { Context } from "@mitsu/cli";
import { type Client, connect, type PlacerProtocol, placer } from "@mitsu/ipc";

/** A connection to the daemon. */
export type PlacerClient = Client<PlacerProtocol>;

/** Connects to the daemon that listens on `--socket`. */
export function daemonClient({ socket }: Pick<Context, "socket">): Promise<PlacerClient> {
  return connect(socket, placer, { startHint: "start it: placer daemon, or systemctl start placer" });
}
