/** Which filters clients subscribe to, each counted once however many do: what other brokers are asked for. @module */

/** Filters and how many subscriptions there are of each. */
export class Interest {
  readonly #counts = new Map<string, number>();
  readonly #listeners = new Set<(filter: string, wanted: boolean) => void>();

  add(filter: string): void {
    const count = this.#counts.get(filter) ?? 0;
    this.#counts.set(filter, count + 1);
    if (count === 0) for (const listener of this.#listeners) listener(filter, true);
  }

  remove(filter: string): void {
    const count = this.#counts.get(filter) ?? 0;
    if (count > 1) this.#counts.set(filter, count - 1);
    else if (this.#counts.delete(filter)) for (const listener of this.#listeners) listener(filter, false);
  }

  filters(): Iterable<string> {
    return this.#counts.keys();
  }

  /** @returns What ends it. */
  onChange(listener: (filter: string, wanted: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
