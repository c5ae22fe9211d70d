/** Texts of short runs of a guest's bytes, kept: the names and values in a filter's data are the same at every request. @module */

const slots = 512;
const longest = 64;

/**
 * Gives a text for bytes without making a string when the same bytes came before. A character is a byte (Latin-1).
 *
 * Of fixed size: a slot holds the text that was last asked for there.
 */
export class TextCache {
  readonly #raw: string[] = new Array<string>(slots).fill("");
  readonly #made: (string | undefined)[] = new Array<string | undefined>(slots).fill("");
  readonly #make: (raw: string) => string | undefined;

  /** @param make What to give for a text; undefined for one that is refused. Must depend on the text only. */
  constructor(make: (raw: string) => string | undefined) {
    this.#make = make;
  }

  /** The text of `[at, at + length)`, as {@link TextCache} was told to make it. */
  get(bytes: Buffer, at: number, length: number): string | undefined {
    if (length === 0 || length > longest) return this.#make(bytes.toString("latin1", at, at + length));
    // Four of the bytes and the length tell texts of one filter apart; the comparison below decides.
    const slot =
      (length * 31 + bytes[at]! * 7 + bytes[at + length - 1]! * 131 + bytes[at + (length >> 1)]! * 17 + bytes[at + (length >> 2)]! * 61) &
      (slots - 1);
    const raw = this.#raw[slot]!;
    if (raw.length === length) {
      let index = 0;
      while (index < length && raw.charCodeAt(index) === bytes[at + index]) index++;
      if (index === length) return this.#made[slot];
    }
    const text = bytes.toString("latin1", at, at + length);
    this.#raw[slot] = text;
    const made = this.#make(text);
    this.#made[slot] = made;
    return made;
  }
}
