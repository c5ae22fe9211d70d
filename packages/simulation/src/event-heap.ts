/** What is due next: a binary heap of (time, number) without an object for each event. @module */

/**
 * Least time first; of equal times in any order, but always the same one. Grows as it needs to. Times are in the caller's unit, numbers are 32 bits.
 *
 * @example
 * ```ts
 * const heap = new EventHeap();
 * heap.push(2.5, 7);
 * heap.firstTime; // 2.5
 * heap.pop(); // 7
 * ```
 */
export class EventHeap {
  #times = new Float64Array(64);
  #values = new Int32Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Infinity when empty. */
  get firstTime(): number {
    return this.#size > 0 ? this.#times[0]! : Number.POSITIVE_INFINITY;
  }

  push(time: number, value: number): void {
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    const values = this.#values;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent]! <= time) break;
      times[at] = times[parent]!;
      values[at] = values[parent]!;
      at = parent;
    }
    times[at] = time;
    values[at] = value;
  }

  /** Takes the first out; call it only when there is one. */
  pop(): number {
    const times = this.#times;
    const values = this.#values;
    const first = values[0]!;
    const size = --this.#size;
    const time = times[size]!;
    const value = values[size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && times[child + 1]! < times[child]!) child++;
      if (times[child]! >= time) break;
      times[at] = times[child]!;
      values[at] = values[child]!;
      at = child;
    }
    times[at] = time;
    values[at] = value;
    return first;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    times.set(this.#times);
    this.#times = times;
    const values = new Int32Array(times.length);
    values.set(this.#values);
    this.#values = values;
  }
}
