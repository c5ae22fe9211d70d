/** One line of a mosquitto.conf, and the kinds of values that directives take. @module */

/** What is wrong with a line; `mosquitto-conf.ts` adds the place and throws them all as one `MitsuError`. */
export class ConfFault extends Error {}

/** Where a line stands. */
export interface ConfPlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A directive and what stands behind it. */
export class ConfValue {
  readonly place: ConfPlace;
  readonly directive: string;
  readonly #rest: string;

  constructor(place: ConfPlace, directive: string, rest: string) {
    this.place = place;
    this.directive = directive;
    this.#rest = rest;
  }

  /** All of the rest of the line, with its blanks, as file names may have them. @throws {ConfFault} when there is nothing. */
  text(what: string): string {
    if (this.#rest === "") throw new ConfFault(`has no value; give ${what}`);
    return this.#rest;
  }

  /** Words between blanks; `""` is an empty one. @throws {ConfFault} for fewer or more of them. */
  words(least: number, most: number, what: string): readonly string[] {
    const words = this.#rest
      .split(/[ \t]+/)
      .filter((word) => word !== "")
      .map((word) => (word === '""' ? "" : word));
    if (words.length < least || words.length > most) {
      throw new ConfFault(`${words.length === 0 ? "has no value" : `takes no ${words.length} words`}; give ${what}`);
    }
    return words;
  }

  /** `true` or `false`; mosquitto takes 1 and 0 too. */
  bool(): boolean {
    const [word] = this.words(1, 1, "true or false");
    if (word === "true" || word === "1") return true;
    if (word === "false" || word === "0") return false;
    throw new ConfFault(`${shown(word!)} is neither true nor false`);
  }

  /** A whole number within bounds. */
  whole(least: number, most: number): number {
    const range = `a whole number from ${least} to ${most}`;
    const [word] = this.words(1, 1, range);
    return wholeOf(word!, least, most, range);
  }

  /** One of a few words. */
  oneOf<const T extends string>(...allowed: readonly T[]): T {
    const [word] = this.words(1, 1, allowed.join(" or "));
    const found = allowed.find((one) => one === word);
    if (found === undefined) throw new ConfFault(`cannot be ${shown(word!)}; use ${allowed.join(", ")}`);
    return found;
  }
}

/** Reads a whole number. @param range Words for the error. @throws {ConfFault} */
export function wholeOf(word: string, least: number, most: number, range = `a whole number from ${least} to ${most}`): number {
  const value = /^[+-]?\d{1,15}$/.test(word) ? Number(word) : Number.NaN;
  if (!(value >= least && value <= most)) throw new ConfFault(`${shown(word)} is not ${range}`);
  return value;
}

/** A word as messages show it: quoted, cut at 60 characters. */
export function shown(word: string): string {
  const text = JSON.stringify(word);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}
