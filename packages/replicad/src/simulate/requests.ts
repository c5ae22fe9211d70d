/** Requests that are under way, as numbers of places in arrays: no object for each. @module */

/** The fields of all requests; a place is used again once its request is over. */
export class Requests {
  /** Number among all requests of the run, the key of its draws. */
  number: Int32Array<ArrayBuffer> = new Int32Array(1024);
  client: Int32Array<ArrayBuffer> = new Int32Array(1024);
  server: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** Tries that failed. */
  failed: Int32Array<ArrayBuffer> = new Int32Array(1024);
  arrivedMs: Float64Array<ArrayBuffer> = new Float64Array(1024);
  /** Of the present try. */
  sentMs: Float64Array<ArrayBuffer> = new Float64Array(1024);
  reachedMs: Float64Array<ArrayBuffer> = new Float64Array(1024);
  /** Work, in milliseconds at full speed. */
  demandMs: Float64Array<ArrayBuffer> = new Float64Array(1024);
  /** The next in the queue of its server, or among free places; −1 for none. */
  next: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** In flight at the server when it came, itself included. */
  inFlightThen: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** What the answer says; in flight −1 for a connection that was refused, −2 for any other failure. */
  saysInFlight: Int32Array<ArrayBuffer> = new Int32Array(1024);
  saysServiceMs: Float64Array<ArrayBuffer> = new Float64Array(1024);
  #free = -1;
  #used = 0;

  take(): number {
    const at = this.#free;
    if (at >= 0) {
      this.#free = this.next[at]!;
      return at;
    }
    if (this.#used === this.number.length) this.#grow();
    return this.#used++;
  }

  giveBack(at: number): void {
    this.next[at] = this.#free;
    this.#free = at;
  }

  #grow(): void {
    const ints = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    const floats = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    this.number = ints(this.number);
    this.client = ints(this.client);
    this.server = ints(this.server);
    this.failed = ints(this.failed);
    this.next = ints(this.next);
    this.inFlightThen = ints(this.inFlightThen);
    this.saysInFlight = ints(this.saysInFlight);
    this.arrivedMs = floats(this.arrivedMs);
    this.sentMs = floats(this.sentMs);
    this.reachedMs = floats(this.reachedMs);
    this.demandMs = floats(this.demandMs);
    this.saysServiceMs = floats(this.saysServiceMs);
  }
}
