/** Closes what a daemon opened, last opened first. @module */
import type { Log } from "./log.ts";

/** A stack of things to undo; one that fails is logged and the rest still close. */
export interface Closers {
  /** Runs `close` when the daemon ends; `name` is for the log. */
  readonly defer: (name: string, close: () => void | Promise<void>) => void;
  /** Closes all in reverse order, once; later calls do nothing. @returns how many failed. */
  readonly closeAll: () => Promise<number>;
}

/**
 * Makes an empty stack.
 *
 * @example
 * ```ts
 * const closers = createClosers(log);
 * closers.defer("map file", () => map.close());
 * await closers.closeAll();
 * ```
 */
export function createClosers(log: Log): Closers {
  const stack: { name: string; close: () => void | Promise<void> }[] = [];
  return {
    defer: (name, close) => void stack.push({ name, close }),
    async closeAll() {
      let failed = 0;
      for (let top = stack.pop(); top; top = stack.pop()) {
        log.debug("closing", { what: top.name });
        try {
          await top.close();
        } catch (error) {
          failed++;
          log.error("could not close", { what: top.name, error });
        }
      }
      return failed;
    },
  };
}
