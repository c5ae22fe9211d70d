/** Stable numbers for names: the kernel only knows numbers, and a number must not change its meaning while sockets carry it. @module */

/**
 * Numbers from 1 up, one for each name.
 *
 * @example
 * ```ts
 * const ids = new Ids(4096);
 * ids.of("web"); // 1
 * ids.name(1); // "web"
 * ```
 */
export class Ids {
  readonly #byName = new Map<string, number>();
  readonly #byId = new Map<number, string>();
  readonly #limit: number;

  /** @param limit Numbers below this are given out. @param known Names that have a number from before. */
  constructor(limit: number, known: Readonly<Record<string, number>> = {}) {
    this.#limit = limit;
    for (const [name, id] of Object.entries(known)) this.#put(name, id);
  }

  #put(name: string, id: number): number {
    this.#byName.set(name, id);
    this.#byId.set(id, name);
    return id;
  }

  /** The number of a name, a new one at first sight; 0 when all are in use. */
  of(name: string): number {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    for (let id = 1; id < this.#limit; id++) if (!this.#byId.has(id)) return this.#put(name, id);
    return 0;
  }

  /** How many numbers are in use. */
  get size(): number {
    return this.#byId.size;
  }

  /** The name behind a number; empty for 0 and for one that is free. */
  name(id: number): string {
    return this.#byId.get(id) ?? "";
  }

  /** Frees the numbers of all names that `keep` does not have. */
  retain(keep: ReadonlySet<string>): void {
    for (const [name, id] of this.#byName) {
      if (keep.has(name)) continue;
      this.#byName.delete(name);
      this.#byId.delete(id);
    }
  }

  /** All, for saving. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#byName);
  }
}
