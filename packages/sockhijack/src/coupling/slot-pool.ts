/** Slots: which entries of the kernel's array `pairs` are in use. @module */

/**
 * Hands out numbers from 1 up; 0 means none.
 *
 * @example
 * ```ts
 * const slots = new SlotPool(1024);
 * const slot = slots.take();
 * slots.free(slot);
 * ```
 */
export class SlotPool {
  readonly #size: number;
  readonly #taken = new Set<number>();
  readonly #free: number[] = [];
  #next = 1;

  constructor(size: number) {
    this.#size = size;
  }

  /** How many are in use. */
  get used(): number {
    return this.#taken.size;
  }

  /** A free slot, 0 when all are in use. */
  take(): number {
    for (;;) {
      const slot = this.#free.pop() ?? (this.#next < this.#size ? this.#next++ : 0);
      if (slot === 0 || this.claim(slot)) return slot;
    }
  }

  /** Takes this very slot; false when it is in use, or none. */
  claim(slot: number): boolean {
    if (slot === 0 || this.#taken.has(slot)) return false;
    this.#taken.add(slot);
    return true;
  }

  /** Gives a slot back; one that is not in use is ignored. */
  free(slot: number): void {
    if (this.#taken.delete(slot)) this.#free.push(slot);
  }
}
