/** How soon a change is found: what the ticker of the sender and whoever judges its silence must agree on. @module */

/** Between two ticks while nothing changes, milliseconds: a timer of 1 ms takes 2 % of a core by itself (bench/replica-signals.sh). */
export const idleTickMs = 10;

/**
 * Milliseconds until the next tick, when the next message is due after `intervalMs`. A message every 40 ms or less often: nothing changed for as long.
 *
 * @example
 * ```ts
 * tickDelayMs(1, 1); // 1: while something changes
 * tickDelayMs(100, 1); // 10: while nothing does
 * ```
 */
export function tickDelayMs(intervalMs: number, fastMs: number, idleMs: number = idleTickMs): number {
  return Math.min(idleMs, Math.max(fastMs, intervalMs / 4));
}
