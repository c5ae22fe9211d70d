/** Ports nobody listens on. @module */
import { createServer } from "node:net";

const given = new Set<number>();

/**
 * A TCP port above 20000 that was free a moment ago and that this process has not given out before; below the range from which the
 * kernel takes client ports (32768 up), so that no client can take it in between.
 *
 * @example
 * ```ts
 * const port = await freePort();
 * ```
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ port, host: "::" }, () => server.close(() => resolve(true)));
  });
}
