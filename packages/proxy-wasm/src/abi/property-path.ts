/** Paths of properties: parts with NULs between them, as `request`, NUL, `path`. @module */

/** Longer paths, and those of more parts, name nothing. */
const maxBytes = 4096;
const maxParts = 64;

/**
 * The parts of a path; a NUL at its end counts for nothing, as in Envoy.
 *
 * @param bytes UTF-8.
 * @returns Null for an empty path, or one that is too long or has too many parts.
 * @example
 * ```ts
 * decodePropertyPath(Buffer.from("request\0path")); // ["request", "path"]
 * ```
 */
export function decodePropertyPath(bytes: Uint8Array): string[] | null {
  if (bytes.length === 0 || bytes.length > maxBytes) return null;
  const end = bytes[bytes.length - 1] === 0 ? bytes.length - 1 : bytes.length;
  const parts = Buffer.from(bytes.buffer, bytes.byteOffset, end)
    .toString("utf8")
    .split("\0", maxParts + 1);
  return parts.length > maxParts ? null : parts;
}

/** Messages that have no value of their own, only parts. */
export const abstractProperties: ReadonlySet<string> = new Set([
  "request",
  "response",
  "source",
  "destination",
  "connection",
  "upstream",
  "xds",
  "filter_state",
  "upstream_filter_state",
]);

/** `request.path` as its parts: filters of hosts that take dots between them (Gcore FastEdge) run too. Null for a path of more than one part, or without a dot. */
export function dottedPath(path: readonly string[]): string[] | null {
  const [only] = path;
  return path.length === 1 && only?.includes(".") ? only.split(".") : null;
}
