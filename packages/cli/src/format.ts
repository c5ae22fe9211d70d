/** Quantities as people read them: three digits and a unit. @module */

function scaled(value: number, base: number, units: readonly string[]): string {
  let at = 0;
  let rest = Math.abs(value);
  // 0.9995: what would print as "1000 kB" is "1.00 MB".
  while (rest >= base * 0.9995 && at < units.length - 1) {
    rest /= base;
    at++;
  }
  const digits = at === 0 && Number.isInteger(rest) ? 0 : rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0;
  return `${value < 0 ? "-" : ""}${rest.toFixed(digits)} ${units[at]}`;
}

/**
 * Bytes with binary units.
 *
 * @example
 * ```ts
 * formatBytes(1536); // "1.50 KiB"
 * ```
 */
export function formatBytes(bytes: number | bigint): string {
  return scaled(Number(bytes), 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
}

/**
 * A duration in nanoseconds, as ns, µs, ms, s, or `1h02m`.
 *
 * @example
 * ```ts
 * formatDuration(1_250_000); // "1.25 ms"
 * formatDuration(3_720e9); // "1h02m"
 * ```
 */
export function formatDuration(ns: number | bigint): string {
  const value = Number(ns);
  const seconds = Math.floor(value / 1e9);
  if (seconds < 60) return scaled(value, 1000, ["ns", "µs", "ms", "s"]);
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string) =>
    `${big}${bigUnit}${String(small).padStart(2, "0")}${smallUnit}`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "m", seconds % 60, "s");
  if (seconds < 86400) return pair(Math.floor(seconds / 3600), "h", Math.floor((seconds % 3600) / 60), "m");
  return pair(Math.floor(seconds / 86400), "d", Math.floor((seconds % 86400) / 3600), "h");
}

/**
 * Events a second with decimal units.
 *
 * @example
 * ```ts
 * formatRate(142_000, "req"); // "142 kreq/s"
 * ```
 */
export function formatRate(perSecond: number, unit = ""): string {
  return `${scaled(
    perSecond,
    1000,
    ["", "k", "M", "G", "T"].map((prefix) => prefix + unit),
  )}/s`.replace(" /s", "/s");
}
