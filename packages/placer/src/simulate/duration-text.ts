/** Durations as text with their unit: `250us`, `1.5ms`, `3s`. @module */

const units: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1 };

/** What a duration looks like. */
export const durationPattern: RegExp = /^(\d+(?:\.\d+)?(?:e-?\d+)?)(ns|us|µs|ms|s)$/;

/** Seconds of a text that {@link durationPattern} matches. */
export function parseSeconds(text: string): number {
  const [, figure, unit] = durationPattern.exec(text)!;
  return Number(figure) * units[unit!]!;
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
  return `${Number((seconds / units[unit]!).toPrecision(6))}${unit}`;
}
