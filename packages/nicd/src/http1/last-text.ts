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
  #last = "";

  /** The text of `buffer[start, end)`. */
  of(buffer: Buffer, start: number, end: number): string {
    const length = end - start;
    const last = this.#last;
    if (length > longest) return buffer.toString("latin1", start, end);
    if (length === last.length) {
      let at = 0;
      while (at < length && buffer[start + at] === last.charCodeAt(at)) at++;
      if (at === length) return last;
    }
    this.#last = buffer.toString("latin1", start, end);
    return this.#last;
  }
}
