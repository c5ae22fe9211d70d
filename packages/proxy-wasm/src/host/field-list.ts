/** A map of fields over a plain list. @module */
import type { Pair } from "../abi/map.ts";
import type { FieldMap } from "./stream.ts";

/**
 * Fields in order; names in lower case.
 *
 * @example
 * ```ts
 * const fields = new FieldList([[":status", "200"]]);
 * fields.add("x-tag", "1");
 * ```
 */
export class FieldList implements FieldMap {
  #pairs: Pair[];
  readonly readOnly: boolean;

  constructor(pairs: readonly Pair[], readOnly = false) {
    this.#pairs = [...pairs];
    this.readOnly = readOnly;
  }

  get count(): number {
    return this.#pairs.length;
  }

  get(name: string): string | undefined {
    for (const pair of this.#pairs) if (pair[0] === name) return pair[1];
    return undefined;
  }

  pairs(): readonly Pair[] {
    return this.#pairs;
  }

  set(name: string, value: string): void {
    const at = this.#pairs.findIndex((pair) => pair[0] === name);
    if (at < 0) {
      this.#pairs.push([name, value]);
      return;
    }
    this.#pairs[at] = [name, value];
    this.#pairs = this.#pairs.filter((pair, index) => index <= at || pair[0] !== name);
  }

  add(name: string, value: string): void {
    this.#pairs.push([name, value]);
  }

  remove(name: string): void {
    for (let at = this.#pairs.length - 1; at >= 0; at--) if (this.#pairs[at]![0] === name) this.#pairs.splice(at, 1);
  }

  replaceAll(pairs: readonly Pair[]): void {
    this.#pairs = [...pairs];
  }
}
