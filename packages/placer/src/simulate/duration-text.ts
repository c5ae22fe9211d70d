/** Durations as text with their unit: `250us`, `1.5ms`, `3s`. @module */

/** Powers of ten. */
const units: Readonly<Record<string, number>> = { ns: -9, us: -6, µs: -6, ms: -3, s: 0 };

/** What a duration looks like. */
export const durationPattern: RegExp = /^(\d+(?:\.\d+)?)(?:e(-?\d+))?(ns|us|µs|ms|s)$/;

/** Seconds of a text that {@link durationPattern} matches. */
export function parseSeconds(text: string): number {
  const [, figure, power = "0", unit] = durationPattern.exec(text)!;
  // Read as one decimal number: a product would be off in its last digit.
  return Number(`${figure}e${Number(power) + units[unit!]!}`);
}

/**
 * Seconds as text that {@link parseSeconds} reads, to six digits.
 *
 * @example
 * ```ts
 * secondsText(0.00025); // "250us"
 * ```
 */
export function secondsText(seconds: number): string {
  const unit = seconds === 0 || seconds >= 1 ? "s" : seconds >= 1e-3 ? "ms" : seconds >= 1e-6 ? "us" : "ns";
  return `${Number((seconds / 10 ** units[unit]!).toPrecision(6))}${unit}`;
}
