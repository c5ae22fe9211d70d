/** What a careless server may take a path for. @module */
import { normalPath } from "./normal-path.ts";

/** Escaped separators, and parameters of segments, which Tomcat and its kin take off before they look at the path. */
const ambiguous = /%2f|%5c|;/i;

/**
 * The reading of a normal path by a server that decodes `%2f` and `%5c` before it splits the path, and takes `admin;a=b` for `admin` and `..;` for
 * `..`; the same string when there is no such thing in it. Authorisation asks whether both readings agree.
 *
 * @param path Normal, without query.
 * @example
 * ```ts
 * loosePath("/public%2f..%2fadmin"); // "/admin"
 * ```
 */
export function loosePath(path: string): string {
  if (!ambiguous.test(path)) return path;
  return normalPath(path.replace(/%2f|%5c/gi, "/").replace(/;[^/]*/g, ""));
}
