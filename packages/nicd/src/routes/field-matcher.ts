/** Conditions on headers and query parameters, which may come several times. @module */
import type { FieldMatch } from "@mitsu/catalog";
import { compileText, type TextTest } from "./text-matcher.ts";

/**
 * How a request that can be read in two ways is judged: `plain` for routes, where one value that matches is enough; `some` for deny rules, which
 * hold when some reading meets the condition; `every` for allow rules, which hold only when every reading does. A reading is one of a field's
 * values, or one of the two meanings of a path.
 */
export type Reading = "plain" | "some" | "every";

/** One condition, ready to be asked. */
export class FieldMatcher {
  readonly name: string;
  readonly #test: TextTest;
  readonly #invert: boolean;
  readonly #reading: Reading;

  constructor({ name, match, invert }: FieldMatch, reading: Reading) {
    this.name = name;
    this.#test = compileText(match);
    this.#invert = invert;
    this.#reading = reading;
  }

  /** Is the condition met by a request that has these values? Without any it is when inverted. */
  holds(values: readonly string[]): boolean {
    if (values.length === 0) return this.#invert;
    let matching = 0;
    for (const value of values) if (this.#test(value)) matching++;
    const meeting = this.#invert ? values.length - matching : matching;
    if (this.#reading === "some") return meeting > 0;
    if (this.#reading === "every" || this.#invert) return meeting === values.length;
    return meeting > 0;
  }
}
