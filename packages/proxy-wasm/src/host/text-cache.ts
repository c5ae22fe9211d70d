/** Texts of short runs of a guest's bytes, kept: the names and values in a filter's data are the same at every request. @module */

const slots = 512;
/** Bytes; of a whole number of words. */
const longest = 64;
const wordsPerSlot = longest / 4;

/**
 * Gives a text for bytes without making a string when the same bytes came before. A character is a byte (Latin-1).
 *
 * Of fixed size: a slot holds the text that was last asked for there. It is found and compared by words of four bytes, of which the last two may overlap.
 *
 * @example
 * ```ts
 * const names = new TextCache((raw) => raw.toLowerCase());
 * names.get(new DataView(memory.buffer), 1024, 6); // "x-path"
 * ```
 */
export class TextCache {
  readonly #lengths = new Uint8Array(slots);
  readonly #words = new Int32Array(slots * wordsPerSlot);
  readonly #made: (string | undefined)[] = new Array<string | undefined>(slots).fill("");
  readonly #make: (raw: string) => string | undefined;

  /** @param make What to give for a text; undefined for one that is refused. Must depend on the text only. */
  constructor(make: (raw: string) => string | undefined) {
    this.#make = make;
  }

  /** The text of `[at, at + length)`, which lies within `view`, as {@link TextCache} was told to make it. */
  get(view: DataView, at: number, length: number): string | undefined {
    if (length === 0 || length > longest) return this.#make(textOf(view, at, length));
    const words = this.#words;
    const first = length >= 4 ? view.getInt32(at, true) : shortWord(view, at, length);
    const last = length > 4 ? view.getInt32(at + length - 4, true) : first;
    const slot = Math.imul(Math.imul(first, 0x9e37_79b1) ^ Math.imul(last + length, 0x85eb_ca6b), 0xc2b2_ae35) >>> 23;
    const base = slot * wordsPerSlot;
    if (this.#lengths[slot] === length && words[base] === first) {
      let from = 4;
      while (from < length - 4 && words[base + (from >> 2)] === view.getInt32(at + from, true)) from += 4;
      if (length <= 4 || (from >= length - 4 && words[base + (from >> 2)] === last)) return this.#made[slot];
    }
    const made = this.#make(textOf(view, at, length));
    this.#lengths[slot] = length;
    words[base] = first;
    let from = 4;
    for (; from < length - 4; from += 4) words[base + (from >> 2)] = view.getInt32(at + from, true);
    if (length > 4) words[base + (from >> 2)] = last;
    this.#made[slot] = made;
    return made;
  }
}

/** Of one to three bytes. */
function shortWord(view: DataView, at: number, length: number): number {
  let word = 0;
  for (let index = 0; index < length; index++) word = (word << 8) | view.getUint8(at + index);
  return word;
}

function textOf({ buffer, byteOffset }: DataView, at: number, length: number): string {
  return Buffer.from(buffer, byteOffset + at, length).toString("latin1");
}
