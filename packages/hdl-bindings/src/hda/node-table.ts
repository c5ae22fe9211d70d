/** The states a processing element has met, with the least cost known. @module */

/** Slot of a state in the table; kept until the table grows. */
type Slot = number;

/**
 * A hash table with open addressing, of columns.
 *
 * @example
 * ```ts
 * const table = new NodeTable();
 * const node = table.at(low, high, hash);
 * table.cost[node] = 3;
 * ```
 */
export class NodeTable {
  /** Least cost known, by node; the greatest number for a new one. */
  cost: Uint32Array = new Uint32Array(0);
  low: Uint32Array = new Uint32Array(0);
  high: Uint32Array = new Uint32Array(0);
  /** The move that came here at that cost. */
  move: Uint8Array = new Uint8Array(0);
  /** States met: nodes are 0 to this, in the order of their first coming. */
  count = 0;
  /** Node + 1 by slot, 0 for none. */
  #slots: Uint32Array;
  #hashes: Uint32Array = new Uint32Array(0);

  constructor() {
    this.#slots = new Uint32Array(1024);
    this.#room(512);
  }

  /** The node of a state, made when it is new. */
  at(low: number, high: number, hash: number): number {
    const slot = this.#find(low, high, hash);
    const held = this.#slots[slot]!;
    if (held !== 0) return held - 1;
    if (this.count === this.cost.length) {
      this.#grow();
      return this.at(low, high, hash);
    }
    const node = this.count++;
    this.#slots[slot] = node + 1;
    this.#hashes[node] = hash;
    this.low[node] = low;
    this.high[node] = high;
    this.cost[node] = 0xffffffff;
    return node;
  }

  #find(low: number, high: number, hash: number): Slot {
    const mask = this.#slots.length - 1;
    // The owner was chosen by the upper bits: fold them in, the lower ones would be enough otherwise.
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const held = this.#slots[slot]!;
      if (held === 0 || (this.low[held - 1] === low && this.high[held - 1] === high)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #room(nodes: number): void {
    const wider = <T extends Uint32Array | Uint8Array>(make: new (length: number) => T, old: T): T => {
      const column = new make(nodes);
      column.set(old);
      return column;
    };
    this.cost = wider(Uint32Array, this.cost);
    this.low = wider(Uint32Array, this.low);
    this.high = wider(Uint32Array, this.high);
    this.#hashes = wider(Uint32Array, this.#hashes);
    this.move = wider(Uint8Array, this.move);
  }

  #grow(): void {
    this.#room(this.cost.length * 2);
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let node = 0; node < this.count; node++)
      this.#slots[this.#find(this.low[node]!, this.high[node]!, this.#hashes[node]!)] = node + 1;
  }
}
