/** Sizes of `mesh.yaml`: `64KiB`, `1MB`, or a number of bytes. @module */

const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** A number and a unit, without a space, the case of letters does not matter. */
export const byteSizePattern: RegExp = /^(\d{1,12}(?:\.\d{1,9})?)([KkMmGg][Ii]?)?[Bb]$/;

/** More is a slip: 1 TiB. */
export const largestBytes: number = 2 ** 40;

/**
 * Reads a size.
 *
 * @param size A number is bytes.
 * @returns Whole bytes; undefined for anything else, parts of a byte, and what is over {@link largestBytes}.
 * @example
 * ```ts
 * parseByteSize("64KiB"); // 65536
 * ```
 */
export function parseByteSize(size: string | number): number | undefined {
  let bytes: number;
  if (typeof size === "number") bytes = size;
  else {
    const [, count, unit = ""] = byteSizePattern.exec(size) ?? [];
    if (count === undefined) return undefined;
    bytes = Number(count) * unitBytes[`${unit.toLowerCase()}b`]!;
  }
  const whole = Math.round(bytes);
  return whole >= 0 && Math.abs(bytes - whole) < 1e-6 && whole <= largestBytes ? whole : undefined;
}

/** Writes bytes in the largest unit that needs no fraction: 65536 is `64KiB`, 1000000 is `1MB`, 1500 is `1500B`. */
export function formatByteSize(bytes: number): string {
  if (bytes === 0) return "0B";
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["GB", 1e9],
    ["MiB", 2 ** 20],
    ["MB", 1e6],
    ["KiB", 2 ** 10],
    ["kB", 1e3],
  ] as const)
    if (bytes % size === 0) return `${bytes / size}${unit}`;
  return `${bytes}B`;
}
