/** Durations of `mesh.yaml`: `250ms`, `2s`, `1.5m`, `1h`. @module */

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A number and a unit, without a space. */
export const durationPattern: RegExp = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)$/;

/** Timers of Node take no more: 2³¹ - 1 ms, a little under 25 days. */
export const longestMs = 2_147_483_647;

/**
 * Reads a duration.
 *
 * @returns Whole milliseconds; undefined for anything else, parts of a millisecond, and what is over {@link longestMs}.
 * @example
 * ```ts
 * parseDuration("1.5s"); // 1500
 * ```
 */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = durationPattern.exec(text) ?? [];
  if (count === undefined) return undefined;
  const ms = Number(count) * unitMs[unit as keyof typeof unitMs];
  // 0.3 × 1000 and the like are off by the last bit.
  const whole = Math.round(ms);
  return Math.abs(ms - whole) < 1e-6 && whole <= longestMs ? whole : undefined;
}

/** Writes milliseconds in the largest unit that needs no fraction: 90000 is `90s`. */
export function formatDuration(ms: number): string {
  const units = Object.entries(unitMs).toReversed();
  const [unit, size] = units.find(([, size]) => ms !== 0 && ms % size === 0) ?? ["ms", 1];
  return ms === 0 ? "0s" : `${ms / size}${unit}`;
}
