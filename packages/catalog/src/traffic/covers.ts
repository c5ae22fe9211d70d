/** Says whether one match leaves nothing for another. @module */
import { RE2JS } from "re2js";
import type { FieldMatch, RequestMatch, TextMatch } from "../traffic.ts";

/**
 * Whether every request that `inner` matches, `outer` matches too. Only what is certain counts: of two different regular expressions it says no.
 *
 * @example
 * ```ts
 * covers(prefix("/api"), exact("/api/carts")); // true
 * ```
 */
export function covers(outer: RequestMatch, inner: RequestMatch): boolean {
  return (
    hostsCover(outer.hosts, inner.hosts) &&
    (outer.path === null || pathCovers(outer.path, inner.path)) &&
    listCovers(outer.methods, inner.methods) &&
    listCovers(outer.ports, inner.ports) &&
    fieldsCover(outer.headers, inner.headers) &&
    fieldsCover(outer.query, inner.query)
  );
}

/** An empty list stands for all. */
function listCovers<T>(outer: readonly T[], inner: readonly T[]): boolean {
  return outer.length === 0 || (inner.length > 0 && inner.every((item) => outer.includes(item)));
}

function hostsCover(outer: readonly string[], inner: readonly string[]): boolean {
  if (outer.length === 0 || outer.includes("*")) return true;
  const covered = (host: string) =>
    outer.some((pattern) => pattern === host || (pattern.startsWith("*.") && host.endsWith(pattern.slice(1))));
  return inner.length > 0 && inner.every(covered);
}

function pathCovers(outer: TextMatch, inner: TextMatch | null): boolean {
  // Every path of HTTP begins with a slash, but for `OPTIONS *`.
  if (outer.kind === "prefix" && outer.value === "/") return true;
  if (inner === null) return false;
  if (inner.kind === "exact" && outer.kind === "regex") return RE2JS.compile(outer.value).matches(inner.value);
  if (outer.kind === "prefix" && inner.kind !== "regex" && inner.kind !== "present")
    return inner.value === outer.value || inner.value.startsWith(`${outer.value}/`);
  return sameText(outer, inner);
}

/** Each condition of `outer` is one of `inner` too, or asks only for the presence of what that asks a value of. */
function fieldsCover(outer: readonly FieldMatch[], inner: readonly FieldMatch[]): boolean {
  return outer.every((one) =>
    inner.some(
      (other) =>
        one.name === other.name &&
        one.invert === other.invert &&
        (sameText(one.match, other.match) || (one.match.kind === "present" && !one.invert)),
    ),
  );
}

function sameText(a: TextMatch, b: TextMatch): boolean {
  return a.kind === b.kind && (a.kind === "present" || a.value === (b as { value: string }).value);
}
