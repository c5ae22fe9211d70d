/** A growing list of numbers without objects: what stands on a node during a search. @module */

/** An unordered list of 32-bit numbers; removal puts the last one in the gap. */
export class Int32List {
  items: Int32Array = new Int32Array(16);
  length = 0;

  /** Appends, and returns where it stands. */
  push(value: number): number {
    if (this.length === this.items.length) {
      const larger = new Int32Array(this.length * 2);
      larger.set(this.items);
      this.items = larger;
    }
    this.items[this.length] = value;
    return this.length++;
  }

  /** Removes what stands at a place, and returns the one that stands there now; -1 for none. */
  removeAt(at: number): number {
    const last = this.items[--this.length]!;
    if (at === this.length) return -1;
    this.items[at] = last;
    return last;
  }
}
