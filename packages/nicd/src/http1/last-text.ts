/** A text that a connection's messages mostly have in common. @module */

/** Longer ones are not compared, nor kept. */
const longest = 64;

/**
 * Gives the text of bytes (Latin-1), the one it gave before where they are the same: most requests of a connection name one host, and many one target, and
 * to compare is quicker than to make a string.
 *
 * @example
 * ```ts
 * host.of(buffer, 22, 30); // "web.mesh"
 * ```
 */
export class LastText {
  readonly #bytes = new Uint8Array(longest);
  #text = "";

  /** The text of `buffer[start, end)`. */
  of(buffer: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > longest) return buffer.toString("latin1", start, end);
    const bytes = this.#bytes;
    let at = 0;
    if (length === this.#text.length) while (at < length && buffer[start + at] === bytes[at]) at++;
    if (at < length || length === 0) {
      for (at = 0; at < length; at++) bytes[at] = buffer[start + at]!;
      this.#text = buffer.toString("latin1", start, end);
    }
    return this.#text;
  }
}
