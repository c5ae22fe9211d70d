/** Twin of rtl/async_ring.sv: words that stay unseen until they are published, and a head that is read one cycle ahead. @module */

/**
 * A ring of words of at most 32 bits with a peer's number beside each.
 *
 * @example
 * ```ts
 * const ring = new AsyncRing(8);
 * ring.clock(true, 7, 1, true, false);
 * ring.clock(false, 0, 0, false, false);
 * ring.headData; // 7
 * ```
 */
export class AsyncRing {
  /** The head may be popped. */
  headValid = false;
  headData = 0;
  headPeer = 0;
  readonly #words: number;
  readonly #data: Uint32Array;
  readonly #peers: Uint8Array;
  #written = 0;
  #shown = 0;
  #read = 0;

  /** @param words Places; a power of two. */
  constructor(words: number) {
    this.#words = words;
    this.#data = new Uint32Array(words);
    this.#peers = new Uint8Array(words);
  }

  /** A push would be kept. */
  get ready(): boolean {
    return this.#written - this.#read !== this.#words;
  }

  /** Words between the writer and the reader. */
  get held(): number {
    return this.#written - this.#read;
  }

  reset(): void {
    this.#written = 0;
    this.#shown = 0;
    this.#read = 0;
    this.headValid = false;
  }

  /** One rising edge. */
  clock(push: boolean, data: number, peer: number, publish: boolean, pop: boolean): void {
    const pushes = push && this.ready;
    const next = this.#read + (pop && this.headValid ? 1 : 0);
    const at = next & (this.#words - 1);
    this.headData = this.#data[at]!;
    this.headPeer = this.#peers[at]!;
    this.headValid = next !== this.#shown;
    if (pushes) {
      const end = this.#written & (this.#words - 1);
      this.#data[end] = data;
      this.#peers[end] = peer;
      this.#written++;
    }
    if (publish) this.#shown = this.#written;
    this.#read = next;
  }
}
