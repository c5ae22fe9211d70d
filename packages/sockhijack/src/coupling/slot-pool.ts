/** Slots: which entries of the kernel's array `pairs` are in use, and by which two sockets. @module */

/** Two ends by their cookies, the client's first. */
export type Ends = readonly [client: bigint, server: bigint];

/**
 * Hands out numbers from 1 up; 0 means none.
 *
 * @example
 * ```ts
 * const slots = new SlotPool(1024);
 * const slot = slots.take([client.cookie, server.cookie]);
 * slots.peer(server.cookie); // client.cookie
 * slots.free(slot);
 * ```
 */
export class SlotPool {
  readonly #size: number;
  /** Undefined for those whose sockets are nobody's, or on their way out. */
  readonly #taken = new Map<number, Ends | undefined>();
  readonly #slots = new Map<bigint, number>();
  readonly #free: number[] = [];
  #next = 1;

  constructor(size: number) {
    this.#size = size;
  }

  /** How many are in use. */
  get used(): number {
    return this.#taken.size;
  }

  /** How many of them are of two sockets that are, or shall be, coupled. */
  get pairs(): number {
    return this.#slots.size / 2;
  }

  /** A free slot, 0 when all are in use. */
  take(ends?: Ends): number {
    for (;;) {
      const slot = this.#free.pop() ?? (this.#next < this.#size ? this.#next++ : 0);
      if (slot === 0 || this.claim(slot, ends)) return slot;
    }
  }

  /** Takes this very slot; false when it is in use by others, or none. */
  claim(slot: number, ends?: Ends): boolean {
    if (slot === 0) return false;
    if (this.#taken.has(slot)) return ends?.every((end) => this.#slots.get(end) === slot) ?? false;
    const named = ends !== undefined && ends[0] !== ends[1] && !ends.some((end) => this.#slots.has(end));
    this.#taken.set(slot, named ? ends : undefined);
    if (named) for (const end of ends) this.#slots.set(end, slot);
    return true;
  }

  /** Gives a slot back; one that is not in use is ignored. */
  free(slot: number): void {
    this.leave(slot);
    if (this.#taken.delete(slot)) this.#free.push(slot);
  }

  /** Its sockets are not coupled any more; it stays in use until they are out. @returns Them. */
  leave(slot: number): readonly bigint[] {
    const ends = this.#taken.get(slot);
    if (ends === undefined) return [];
    for (const end of ends) this.#slots.delete(end);
    this.#taken.set(slot, undefined);
    return ends;
  }

  /** By a cookie; undefined for a socket that has none. */
  slotOf(end: bigint): number | undefined {
    return this.#slots.get(end);
  }

  ends(slot: number): Ends | undefined {
    return this.#taken.get(slot);
  }

  /** The other end's cookie. */
  peer(end: bigint): bigint | undefined {
    const slot = this.#slots.get(end);
    return slot === undefined ? undefined : this.#taken.get(slot)!.find((other) => other !== end);
  }

  /** All pairs. */
  all(): Ends[] {
    return [...this.#taken.values()].filter((ends) => ends !== undefined);
  }
}
