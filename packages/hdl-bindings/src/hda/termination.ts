/**
 * Termination detection by Safra's token.
 *
 * Source: E. W. Dijkstra, "Shmuel Safra's version of termination detection", EWD 998, 1987. Elements form a ring, a token goes round; each element counts
 * the messages it sent less those it received, and becomes black when it receives one. The token sums the counts and takes the black; element 0 ends when a
 * white token comes back to it, white itself, and the sum with its own count is 0. Messages may overtake each other and take any time; the token too.
 *
 * @module
 */

/** What goes round. */
export interface Token {
  readonly count: number;
  readonly black: boolean;
}

/**
 * One element's part. Every message that can make an element active has to be told by {@link Safra.sent} and {@link Safra.received}; the token itself does not count.
 *
 * @example
 * ```ts
 * const safra = new Safra(0);
 * safra.start(); // the first token, to the next element
 * ```
 */
export class Safra {
  readonly #element: number;
  #count = 0;
  #black = false;
  #token: Token | null = null;

  /** @param element Its number; 0 begins and decides. */
  constructor(element: number) {
    this.#element = element;
  }

  /** The token is here: pass it on, by {@link Safra.pass}, as soon as there is nothing to do. */
  get holds(): boolean {
    return this.#token !== null;
  }

  /** Messages sent less received. */
  get count(): number {
    return this.#count;
  }

  sent(): void {
    this.#count++;
  }

  received(): void {
    this.#count--;
    this.#black = true;
  }

  /** The token came. */
  take(token: Token): void {
    this.#token = token;
  }

  /** Element 0 makes the first token, and is then as if it held one that says nothing. */
  start(): void {
    this.#token = { count: 0, black: true };
  }

  /**
   * To be called when the element is passive and holds the token.
   *
   * @returns the token for the next element, or `"ended"` (at element 0 only).
   */
  pass(): Token | "ended" {
    const token = this.#token ?? { count: 0, black: true };
    this.#token = null;
    const black = token.black || this.#black;
    this.#black = false;
    if (this.#element !== 0) return { count: token.count + this.#count, black };
    if (!black && token.count + this.#count === 0) return "ended";
    return { count: 0, black: false };
  }
}
