/** A kernel map that is kept equal to a wanted state by writing only what changed. @module */
import type { Codec } from "@mitsu/ebpf-ts";

/** What is written: a kernel map, or what stands before one. */
export interface WritableMap<K, V> {
  set(key: K, value: V): unknown;
  delete(key: K): unknown;
  entries(): Iterable<[K, V]>;
}

/**
 * Remembers what the kernel holds, so that a change of one service does not rewrite the tables of all.
 *
 * @example
 * ```ts
 * const addresses = new MirroredMap(kernel.maps.addresses, layout.addressKey, layout.addressValue, { readFirst: kernel.takenOver });
 * addresses.sync([[key, value]]);
 * ```
 */
export class MirroredMap<K, V> {
  readonly #map: WritableMap<K, V>;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  readonly #empty: V | undefined;
  readonly #held = new Map<string, { key: K; value: string }>();
  /** What was wanted when all of it was written. */
  #synced: Iterable<readonly [K, V]> | null = null;

  /** @param options `readFirst` when the map may hold entries already; `empty` is what a removed entry of an array becomes. */
  constructor(map: WritableMap<K, V>, key: Codec<K>, value: Codec<V>, options: { readonly readFirst: boolean; readonly empty?: V }) {
    this.#map = map;
    this.#key = key;
    this.#value = value;
    this.#empty = options.empty;
    if (options.readFirst && this.#empty === undefined)
      for (const [k, v] of map.entries()) this.#held.set(this.#text(key, k), { key: k, value: this.#text(value, v) });
  }

  #text<T>(codec: Codec<T>, value: T): string {
    return Buffer.from(codec.encode(value)).toString("latin1");
  }

  /**
   * Writes what is new or different, then removes what is no longer wanted.
   *
   * @param wanted The very same list as the last time is taken to be unchanged.
   * @returns how many entries were touched.
   */
  sync(wanted: Iterable<readonly [K, V]>): number {
    if (wanted === this.#synced) return 0;
    this.#synced = null;
    const keep = new Set<string>();
    let touched = 0;
    for (const [key, value] of wanted) {
      const name = this.#text(this.#key, key);
      const bytes = this.#text(this.#value, value);
      keep.add(name);
      if (this.#held.get(name)?.value === bytes) continue;
      this.#map.set(key, value);
      this.#held.set(name, { key, value: bytes });
      touched++;
    }
    for (const [name, { key }] of this.#held) {
      if (keep.has(name)) continue;
      if (this.#empty === undefined) this.#map.delete(key);
      else this.#map.set(key, this.#empty);
      this.#held.delete(name);
      touched++;
    }
    this.#synced = wanted;
    return touched;
  }
}
