/**
 * The one form of a path that routes and rules look at, and that is sent on: whoever reads it next sees what was judged.
 *
 * As Envoy's `normalize_path` and `merge_slashes` do: escapes of unreserved characters are decoded (`%2e` is `.`), `\` is `/`, `.` and `..`
 * segments are resolved, then runs of `/` become one. `%2f` stays an escape: it is no separator (RFC 3986 §2.2). Beyond Envoy, a `%` that begins
 * no escape becomes `%25`, so that decoding it makes no new escape, and a fragment, which no request may have, is cut off.
 *
 * @module
 */

/** What makes a path worth a closer look: an empty or dot segment, an escape, a backslash before the query. */
const doubtful = /^[^?]*?(?:\/[/.]|[\\%])/;
const escapes = /%([0-9a-f]{2})?/gi;
const unreserved = /[A-Za-z0-9\-._~]/;

/**
 * The normal form of a path with query; the query stays as it is. What does not begin with `/` gets one, but for `*` and nothing at all.
 * Normalising twice changes nothing more. Source: RFC 3986 §5.2.4 and §6.2.2.
 *
 * @example
 * ```ts
 * normalPath("/a/%2e%2E//admin?next=/../x"); // "/admin?next=/../x"
 * ```
 */
export function normalPath(path: string): string {
  if (path === "*" || path === "") return path;
  const fragment = path.indexOf("#");
  const rooted = path.charCodeAt(0) === 0x2f ? path : `/${path}`;
  const sent = fragment < 0 ? rooted : rooted.slice(0, rooted.indexOf("#"));
  if (!doubtful.test(sent)) return sent;
  const mark = sent.indexOf("?");
  const plain = (mark < 0 ? sent : sent.slice(0, mark)).replace(escapes, decodeUnreserved).replaceAll("\\", "/");
  return withoutDots(plain).replace(/\/{2,}/g, "/") + (mark < 0 ? "" : sent.slice(mark));
}

function decodeUnreserved(escaped: string, hex: string | undefined): string {
  if (hex === undefined) return "%25";
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return unreserved.test(character) ? character : escaped;
}

/** RFC 3986 §5.2.4: `..` takes the segment before it away, also an empty one. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/");
  for (const [index, segment] of segments.entries()) {
    if (index === 0) continue;
    const dots = segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    if (!dots) kept.push(segment);
    else if (index === segments.length - 1) kept.push("");
  }
  return `/${kept.join("/")}`;
}
