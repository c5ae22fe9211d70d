/** Polling with a deadline, for what sends no event. @module */
import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks again and again, at first every 5 ms and later every 100 ms, until the answer is neither undefined nor false.
 *
 * @param what What is waited for, for the message: "the flow is redirected".
 * @param probe May throw: that counts as "not yet".
 * @returns the first answer that holds.
 * @throws when `timeoutMs` (10 000 unless told) have passed, with the last error or what `seen` says.
 * @example
 * ```ts
 * const flow = await until("a flow", async () => (await sandbox.flows())[0]);
 * ```
 */
export async function until<T>(
  what: string,
  probe: () => T | false | undefined | Promise<T | false | undefined>,
  { timeoutMs = 10_000, seen }: { readonly timeoutMs?: number; readonly seen?: () => unknown } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (let pauseMs = 5; ; pauseMs = Math.min(100, pauseMs * 1.5)) {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer as T;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const shown = seen ? `: ${JSON.stringify(seen())}` : last ? `: ${(last as Error).message}` : "";
      throw new Error(`not within ${timeoutMs} ms: ${what}${shown}`, { cause: last });
    }
    await pause(pauseMs);
  }
}
