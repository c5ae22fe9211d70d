/** Whether one request can match two rules: what the compiler may not put in another order. @module */

import { type IpPrefix, inPrefix } from "./ip-prefix.ts";
import type { HeaderMatch, Match, PathMatch } from "./ir.ts";

/**
 * False only where no request matches both. Exact but for who asks: a service and a SPIFFE id may be the same program.
 *
 * @example
 * ```ts
 * overlaps({ ...matchAll, ports: [80] }, { ...matchAll, ports: [443] }); // false
 * ```
 */
export function overlaps(one: Match, other: Match): boolean {
  return (
    meet(one.ports, other.ports, (a, b) => a === b) &&
    meet(one.methods, other.methods, (a, b) => a === b) &&
    meet(one.from, other.from, sameCaller) &&
    meet(one.sources, other.sources, prefixesMeet) &&
    meet(one.hosts, other.hosts, hostsMeet) &&
    meet(one.paths, other.paths, pathsMeet) &&
    headersMeet(one.headers, other.headers)
  );
}

function meet<T>(one: readonly T[], other: readonly T[], same: (a: T, b: T) => boolean): boolean {
  return one.length === 0 || other.length === 0 || one.some((a) => other.some((b) => same(a, b)));
}

function sameCaller(one: string, other: string): boolean {
  return one === other || one.startsWith("spiffe://") !== other.startsWith("spiffe://");
}

function prefixesMeet(one: IpPrefix, other: IpPrefix): boolean {
  return one.length <= other.length ? inPrefix(other.bytes, one) : inPrefix(one.bytes, other);
}

function hostsMeet(one: string, other: string): boolean {
  if (one === other) return true;
  // `*.b.c` and `*.c` share what is below `b.c`; `*.c` and `b.c` share `b.c`.
  return (one.startsWith("*") && other.endsWith(one.slice(1))) || (other.startsWith("*") && one.endsWith(other.slice(1)));
}

function pathsMeet(one: PathMatch, other: PathMatch): boolean {
  if (one.value === other.value) return true;
  return (
    (one.kind === "prefix" && other.value.startsWith(`${one.value}/`)) ||
    (other.kind === "prefix" && one.value.startsWith(`${other.value}/`))
  );
}

/** All of them must hold, so one that cannot is enough. */
function headersMeet(one: readonly HeaderMatch[], other: readonly HeaderMatch[]): boolean {
  return one.every(({ name, value }) =>
    other.every((condition) => condition.name !== name || value === null || condition.value === null || condition.value === value),
  );
}
