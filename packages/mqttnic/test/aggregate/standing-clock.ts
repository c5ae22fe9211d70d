/** A clock that stands until it is told that time passes. */
import type { Clock } from "../../src/aggregate/clock.ts";

/** Makes one that stands at 1000. */
export function standing(): Clock & { pass(ms: number): void } {
  let now = 1000;
  const timers = new Set<{ readonly ms: number; due: number; readonly call: () => void }>();
  return {
    now: () => now,
    every(ms, call) {
      const timer = { ms, due: now + ms, call };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass(ms) {
      for (const end = now + ms; now < end; ) {
        now++;
        for (const timer of timers)
          if (timer.due === now) {
            timer.due += timer.ms;
            timer.call();
          }
      }
    },
  };
}
