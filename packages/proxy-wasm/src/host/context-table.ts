/** The contexts of a guest by their numbers. @module */
import type { GuestContext } from "./guest-context.ts";

const largest = 0xffff_ffff;

/**
 * A context stands at its number modulo the table's size, and a new one gets the next number whose place is free. Not a `Map`: with entries that come and
 * go it makes a new table every few streams, and V8 links each to the next, so that one in the old generation would hold all since until a full collection.
 */
export class ContextTable {
  #places: (GuestContext | null)[] = new Array<GuestContext | null>(64).fill(null);
  #size = 0;
  #last = 0;

  /** A number that no context has: from 1, and 32 bits. */
  nextId(): number {
    const mask = this.#places.length - 1;
    do this.#last = (this.#last % largest) + 1;
    while (this.#places[this.#last & mask] !== null);
    return this.#last;
  }

  /** Numbers outside {@link nextId} are not for this table. */
  add(context: GuestContext): void {
    this.#places[context.id & (this.#places.length - 1)] = context;
    if (++this.#size * 2 > this.#places.length) this.#grow();
  }

  get(id: number): GuestContext | undefined {
    const found = this.#places[id & (this.#places.length - 1)];
    return found != null && found.id === id ? found : undefined;
  }

  delete(id: number): void {
    if (this.get(id) === undefined) return;
    this.#places[id & (this.#places.length - 1)] = null;
    this.#size--;
  }

  clear(): void {
    this.#places.fill(null);
    this.#size = 0;
  }

  /** Who had places of their own before has them in a larger table too. */
  #grow(): void {
    const old = this.#places;
    this.#places = new Array<GuestContext | null>(old.length * 2).fill(null);
    for (const context of old) if (context !== null) this.#places[context.id & (this.#places.length - 1)] = context;
  }
}
