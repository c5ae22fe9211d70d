/** What the fields of a spec may hold. @module */

/** Looks at one field. @returns What is wrong with it, as the end of `entries …`; undefined where nothing is. */
export type FieldRule = (value: unknown) => string | undefined;

/**
 * A whole number within bounds, both included.
 *
 * @example
 * ```ts
 * integer(1, 128)(0); // "is 0, not a whole number from 1 to 128"
 * ```
 */
export function integer(least: number, most: number): FieldRule {
  return (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `is ${shown(value)}, not a whole number from ${least} to ${most}`;
}

/**
 * One of some words.
 *
 * @example
 * ```ts
 * oneOf("exact", "prefix")("range"); // 'is "range", not exact or prefix'
 * ```
 */
export function oneOf(...words: readonly string[]): FieldRule {
  return (value) => (words.includes(value as string) ? undefined : `is ${shown(value)}, not ${words.join(" or ")}`);
}

/** Bytes, `Uint8Array[least..most]`. */
export function bytes(least: number, most: number): FieldRule {
  return (value) => {
    if (!(value instanceof Uint8Array)) return `is ${shown(value)}, not bytes`;
    return value.length >= least && value.length <= most ? undefined : `has ${value.length} bytes, not ${least} to ${most}`;
  };
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : `of type ${typeof value}`;
}
