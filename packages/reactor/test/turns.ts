/** Waiting in tests of what runs on a reactor. @module */
import type { Reactor } from "../src/reactor.ts";

/** After this, all that was written to sockets of this machine before has been read and dealt with. */
export async function turns(reactor: Reactor): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise<void>((turned) => reactor.defer(turned));
}

/** Waits for something that is about to be so. */
export async function until(holds: () => boolean, what: string, withinMs = 5000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
