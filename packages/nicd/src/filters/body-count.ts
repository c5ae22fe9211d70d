/** Counts bodies whose length was not told. @module */
import type { LiveExchange } from "../live-exchange.ts";

/** Bytes of the bodies under way, for a limit on them. */
export class BodyCount {
  readonly #most: number;
  readonly #bytes = new Map<number, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Begins with one. */
  begin(x: LiveExchange): void {
    this.#bytes.set(x.id, 0);
  }

  /** Adds a piece of one that was begun. @returns Whether it is within the limit. */
  add(x: LiveExchange, bytes: number): boolean {
    if (this.#bytes.size === 0) return true;
    const before = this.#bytes.get(x.id);
    if (before === undefined) return true;
    this.#bytes.set(x.id, before + bytes);
    return before + bytes <= this.#most;
  }

  end(x: LiveExchange): void {
    if (this.#bytes.size > 0) this.#bytes.delete(x.id);
  }
}
