/** Twin of rtl/async_link.sv: a wire that takes a number of cycles. @module */

/**
 * A delay line for a word of at most 32 bits with a peer's number beside it.
 *
 * @example
 * ```ts
 * const link = new AsyncLink(2);
 * link.clock(true, 7, 0);
 * link.clock(false, 0, 0);
 * link.outData; // 7
 * ```
 */
export class AsyncLink {
  outValid = false;
  outData = 0;
  outPeer = 0;
  readonly #length: number;
  readonly #valid: Uint8Array;
  readonly #data: Uint32Array;
  readonly #peers: Uint8Array;
  #at = 0;
  #inFlight = 0;

  /** @param latency Cycles; 0 counts as 1, as in the RTL. */
  constructor(latency: number) {
    this.#length = Math.max(1, latency);
    this.#valid = new Uint8Array(this.#length);
    this.#data = new Uint32Array(this.#length);
    this.#peers = new Uint8Array(this.#length);
  }

  /** Words on the wire, that at its end too. */
  get inFlight(): number {
    return this.#inFlight;
  }

  reset(): void {
    this.#valid.fill(0);
    this.outValid = false;
    this.#at = 0;
    this.#inFlight = 0;
  }

  /** One rising edge. */
  clock(valid: boolean, data: number, peer: number): void {
    if (this.outValid) this.#inFlight--;
    else if (!valid && this.#inFlight === 0) return; // an empty wire stays as it is, wherever its pointer stands
    const at = this.#at;
    this.#valid[at] = valid ? 1 : 0;
    this.#data[at] = data;
    this.#peers[at] = peer;
    if (valid) this.#inFlight++;
    const next = at + 1 === this.#length ? 0 : at + 1;
    this.#at = next;
    this.outValid = this.#valid[next] === 1;
    this.outData = this.#data[next]!;
    this.outPeer = this.#peers[next]!;
  }
}
