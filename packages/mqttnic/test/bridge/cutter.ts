/** A way over TCP that breaks. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { ExecutionContext } from "ava";

/** What {@link cutter} did. */
export interface Cutter {
  readonly port: number;
  cuts: number;
}

/** Carries bytes to a port and cuts each connection after so many of them, in the middle of whatever they are; after `most` cuts it leaves them whole. */
export async function cutter(t: ExecutionContext, to: number, most: number, cutAfter: () => number): Promise<Cutter> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port: to, noDelay: true });
    let left = self.cuts < most ? cutAfter() : Number.POSITIVE_INFINITY;
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        into.destroy();
      });
      from.on("data", (bytes) => {
        if (left <= 0) return;
        into.write(bytes.subarray(0, Math.min(left, bytes.length)));
        left -= bytes.length;
        if (left > 0) return;
        self.cuts++;
        near.destroy();
        far.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const self = { port: (server.address() as AddressInfo).port, cuts: 0 };
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return self;
}

/** Park and Miller's generator: the same numbers in each run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state;
  };
}
