/** A TCP server of this process, made inside a network namespace. @module */
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import { inNetns } from "../src/mod.ts";

/** Port of a new server that hands its connections to `accept`, which closes them unless given. */
export function listenIn(
  t: ExecutionContext,
  netns: string | undefined,
  accept: (socket: Socket) => void = (socket) => socket.end(),
): number {
  const server = createServer(accept);
  // Without a host name listen() makes the socket at once, so within the namespace.
  const listen = (): number => (server.listen(0).address() as AddressInfo).port;
  t.teardown(() => server.close());
  return netns === undefined ? listen() : inNetns(netns, listen);
}
