/** TypedMap: a map whose keys and values are TypeScript values. @module */
import type { Codec } from "./codec.ts";
import { errnos } from "./kernel-error.ts";
import { type BpfMap, type UpdateFlag, updateFlags } from "./map.ts";
import { mapError } from "./map-error.ts";
import { libbpf } from "./native.ts";

/** Entries asked for per batched system call; grows when a hash bucket holds more. */
const firstBatch = 4096;

/** What kernels answer for map types without batch operations. */
const noBatch: readonly number[] = [-errnos.ENOTSUPP, -errnos.EOPNOTSUPP, -errnos.EINVAL];

/**
 * Types over a {@link BpfMap}; it holds no state but scratch buffers, and does not own the map.
 *
 * @example
 * ```ts
 * const hits = new TypedMap(object.map("hits"), u32, u64);
 * hits.set(1, 5n);
 * for (const [key, count] of hits.entries()) console.log(key, count);
 * ```
 */
export class TypedMap<K, V> {
  readonly map: BpfMap;
  readonly #keyCodec: Codec<K>;
  readonly #valueCodec: Codec<V>;
  readonly #key: DataView<ArrayBuffer>;
  readonly #keyBytes: Uint8Array;
  readonly #slot: DataView<ArrayBuffer>;
  readonly #slotBytes: Uint8Array;

  /** @throws RangeError if the codecs' sizes are not the map's. */
  constructor(map: BpfMap, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    if (map.keySize !== keyCodec.size || map.valueSize !== valueCodec.size) {
      const found = `keys of ${map.keySize} and values of ${map.valueSize} bytes`;
      throw new RangeError(`map ${map.name} has ${found}, its codecs ${keyCodec.size} and ${valueCodec.size}`);
    }
    this.map = map;
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
    this.#keyBytes = new Uint8Array(map.keySize);
    this.#key = new DataView(this.#keyBytes.buffer as ArrayBuffer);
    this.#slotBytes = new Uint8Array(map.slotSize);
    this.#slot = new DataView(this.#slotBytes.buffer as ArrayBuffer);
  }

  /** The value of `key`, of CPU 0 for per-CPU maps; undefined if it is not there. */
  get(key: K): V | undefined {
    return this.#load(key) ? this.#valueCodec.decode(this.#slot, 0) : undefined;
  }

  /** Every possible CPU's value of `key`; undefined if it is not there. */
  getPerCpu(key: K): V[] | undefined {
    return this.#load(key) ? this.#perCpu(this.#slot, 0) : undefined;
  }

  /** The sum over all CPUs; `pick` chooses the counter where values are structs. 0n if the key is not there. */
  sumPerCpu(key: K, pick: (value: V) => number | bigint = (value) => value as number | bigint): bigint {
    return (this.getPerCpu(key) ?? []).reduce((sum, value) => sum + BigInt(pick(value)), 0n);
  }

  /**
   * Sets the value of `key`, on every CPU for per-CPU maps.
   *
   * @throws MitsuError `ERR_BPF_MAP_FULL`, `ERR_BPF_EXISTS` (with `noexist`), `ERR_BPF_MISSING` (with `exist`).
   */
  set(key: K, value: V, flag: UpdateFlag = "any"): this {
    this.#keyCodec.write(this.#key, 0, key);
    this.#writeSlot(this.#slot, 0, value);
    this.map.set(this.#keyBytes, this.#slotBytes, flag);
    return this;
  }

  /** Deletes `key`; true if it was there. */
  delete(key: K): boolean {
    this.#keyCodec.write(this.#key, 0, key);
    return this.map.delete(this.#keyBytes);
  }

  /** Sets many entries by few system calls. */
  setMany(entries: Iterable<readonly [K, V]>, flag: UpdateFlag = "any"): void {
    const all = [...entries];
    if (all.length === 0) return;
    const { keySize, slotSize } = this.map;
    const keys = new Uint8Array(keySize * all.length);
    const slots = new Uint8Array(slotSize * all.length);
    const keyView = new DataView(keys.buffer);
    const slotView = new DataView(slots.buffer);
    for (const [index, [key, value]] of all.entries()) {
      this.#keyCodec.write(keyView, index * keySize, key);
      this.#writeSlot(slotView, index * slotSize, value);
    }
    // struct bpf_map_batch_opts: sz, elem_flags, flags.
    const opts = new Uint8Array(BigUint64Array.of(24n, BigInt(updateFlags[flag]), 0n).buffer);
    const count = Uint32Array.of(all.length);
    const result = libbpf().bpf_map_update_batch(this.map.fd, keys, slots, count, opts);
    if (result === 0) return;
    if (!noBatch.includes(result)) throw mapError(this.map, `write entry ${count[0]} of ${all.length} to`, result);
    // Maps without batches (sockhash, LPM tries on old kernels) take them one by one.
    for (const [key, value] of all) this.set(key, value, flag);
  }

  /** All entries at about this moment; per-CPU maps give CPU 0's value, see {@link TypedMap.perCpuEntries}. */
  entries(): [K, V][] {
    const found: [K, V][] = [];
    this.#scan((keyView, keyAt, slotView, slotAt) =>
      found.push([this.#keyCodec.decode(keyView, keyAt), this.#valueCodec.decode(slotView, slotAt)]),
    );
    return found;
  }

  /** All entries of a per-CPU map, with every CPU's value. */
  perCpuEntries(): [K, V[]][] {
    const found: [K, V[]][] = [];
    this.#scan((keyView, keyAt, slotView, slotAt) => found.push([this.#keyCodec.decode(keyView, keyAt), this.#perCpu(slotView, slotAt)]));
    return found;
  }

  #load(key: K): boolean {
    this.#keyCodec.write(this.#key, 0, key);
    return this.map.getInto(this.#keyBytes, this.#slotBytes);
  }

  /** Values of a per-CPU slot are `valueSize` rounded up to 8 bytes apart. */
  #perCpu(view: DataView, at: number): V[] {
    const stride = Math.ceil(this.map.valueSize / 8) * 8;
    return Array.from({ length: this.map.slotSize / stride }, (_, cpu) => this.#valueCodec.decode(view, at + cpu * stride));
  }

  #writeSlot(view: DataView, at: number, value: V): void {
    const stride = Math.ceil(this.map.valueSize / 8) * 8;
    for (let offset = 0; offset < this.map.slotSize; offset += stride) this.#valueCodec.write(view, at + offset, value);
  }

  #scan(visit: (keys: DataView, keyAt: number, slots: DataView, slotAt: number) => void): void {
    if (!this.#scanByBatch(visit)) this.#scanByKey(visit);
  }

  /** False, before any visit, if the map has no batch operations. */
  #scanByBatch(visit: (keys: DataView, keyAt: number, slots: DataView, slotAt: number) => void): boolean {
    const { keySize, slotSize, fd, maxEntries } = this.map;
    // The cursor is a bucket index for hashes, a key for tries.
    const cursor = new Uint8Array(Math.max(keySize, 4));
    let started = false;
    let batch = Math.min(firstBatch, maxEntries);
    let keys = new DataView(new ArrayBuffer(keySize * batch));
    let slots = new DataView(new ArrayBuffer(slotSize * batch));
    for (;;) {
      const count = Uint32Array.of(batch);
      const into = [new Uint8Array(keys.buffer), new Uint8Array(slots.buffer)] as const;
      const result = libbpf().bpf_map_lookup_batch(fd, started ? cursor : null, cursor, into[0], into[1], count, null);
      if (result === -errnos.ENOSPC && count[0] === 0) {
        // One bucket holds more than a batch: nothing was read, ask again with more room.
        batch *= 2;
        keys = new DataView(new ArrayBuffer(keySize * batch));
        slots = new DataView(new ArrayBuffer(slotSize * batch));
        continue;
      }
      if (!started && noBatch.includes(result)) return false;
      if (result < 0 && result !== -errnos.ENOENT && result !== -errnos.ENOSPC) throw mapError(this.map, "read all entries of", result);
      for (let index = 0; index < count[0]!; index++) visit(keys, index * keySize, slots, index * slotSize);
      if (result === -errnos.ENOENT) return true;
      started = true;
    }
  }

  #scanByKey(visit: (keys: DataView, keyAt: number, slots: DataView, slotAt: number) => void): void {
    for (const key of this.map.keys()) {
      // An entry may vanish between the listing of its key and the reading of its value.
      if (this.map.getInto(key, this.#slotBytes)) visit(new DataView(key.buffer), 0, this.#slot, 0);
    }
  }
}
