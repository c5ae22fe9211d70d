/** Fields behind a chunked body (RFC 9112 §7.1.2). @module */

/** Reads them from bytes that `BodyReader` has found to be well-formed. Names in lower case, values Latin-1. */
export function parseTrailers(bytes: Buffer): (readonly [name: string, value: string])[] {
  return bytes
    .toString("latin1")
    .split("\r\n")
    .flatMap((line): (readonly [string, string])[] => {
      const colon = line.indexOf(":");
      return colon <= 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]];
    });
}
