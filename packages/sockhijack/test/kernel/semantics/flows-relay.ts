/** Lets the cases ask for flows in a millisecond: a socket that answers every connection with what `sockhijack flows --json` prints. @module */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { connect, sockhijack } from "@mitsu/ipc";

/**
 * Listens at `path` and asks the daemon behind `socket` once per connection.
 *
 * @returns The server, listening; a daemon that is not there yet gives an empty list.
 * @example
 * ```ts
 * const relay = await relayFlows("/tmp/flows.sock", "/run/mitsu/sockhijack.sock");
 * relay.close();
 * ```
 */
export async function relayFlows(path: string, socket: string): Promise<Server> {
  const relay = createServer(async (asking) => {
    asking.on("error", () => {}); // the case was killed while it asked
    try {
      using client = await connect(socket, sockhijack);
      asking.end(JSON.stringify(await client.call("flows", {})));
    } catch (error) {
      asking.end(JSON.stringify({ flows: [], error: String(error) }));
    }
  });
  relay.listen(path);
  await once(relay, "listening");
  return relay;
}
