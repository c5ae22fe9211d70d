/** BpfMap: key/value storage shared with BPF programs, on raw bytes; {@link TypedMap} puts types on top. @module */
import { closeSync } from "node:fs";
import { checked, errnos } from "./kernel-error.ts";
import { mapError } from "./map-error.ts";
import { isArray, isPerCpu, mapTypeName, mapTypeNumber } from "./map-type.ts";
import { MappedMemory } from "./mapped-memory.ts";
import { type Libbpf, libbpf } from "./native.ts";
import { infoString, objectInfo } from "./object-info.ts";
import { openPin, pin } from "./pin.ts";

/** `any` creates or overwrites; `noexist` only creates; `exist` only overwrites. */
export type UpdateFlag = "any" | "noexist" | "exist";

/** The kernel's numbers for {@link UpdateFlag}. */
export const updateFlags: Readonly<Record<UpdateFlag, number>> = { any: 0, noexist: 1, exist: 2 };

/** What kernels answer for map types that cannot look up and delete at once. */
const noTake: readonly number[] = [-errnos.ENOTSUPP, -errnos.EOPNOTSUPP, -errnos.EINVAL];

/** A map. Those of a {@link BpfObject} live as long as it does; opened ones are closed by `close`. */
export class BpfMap {
  /** As in the source (`.bss` for globals); of an opened pin as the kernel keeps it, its first 15 characters. */
  readonly name: string;
  readonly fd: number;
  /** `hash`, `array`, `sockhash`, `ringbuf`, ... */
  readonly type: string;
  readonly keySize: number;
  /** Bytes of one value, of one CPU. */
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly id: number;
  readonly flags: number;
  /** Bytes that one `get` fills: the value, or for per-CPU maps every CPU's, each padded to 8 bytes. */
  readonly slotSize: number;
  readonly #bpf: Libbpf = libbpf();
  #owned: boolean;

  constructor(fd: number, options: { name?: string; owned: boolean }) {
    const info = objectInfo(fd, `map ${options.name ?? ""}`);
    const u32 = (offset: number): number => info.getUint32(offset, true);
    this.fd = fd;
    this.name = options.name ?? infoString(info, 24, 16);
    this.type = mapTypeName(u32(0));
    this.id = u32(4);
    this.keySize = u32(8);
    this.valueSize = u32(12);
    this.maxEntries = u32(16);
    this.flags = u32(20);
    this.slotSize = isPerCpu(this.type) ? Math.ceil(this.valueSize / 8) * 8 * this.#bpf.libbpf_num_possible_cpus() : this.valueSize;
    this.#owned = options.owned;
  }

  /**
   * Opens a pinned map.
   *
   * @throws MitsuError `ERR_BPF_MISSING` if nothing is pinned there.
   */
  static open(path: string): BpfMap {
    return new BpfMap(openPin(path), { owned: true });
  }

  /**
   * Creates a map of its own, outside any object.
   *
   * @param spec.flags BPF_F_* bits of uapi/linux/bpf.h; 1024 is BPF_F_MMAPABLE.
   * @example
   * ```ts
   * using map = BpfMap.create({ type: "hash", name: "seen", keySize: 4, valueSize: 8, maxEntries: 1024 });
   * ```
   */
  static create(spec: { type: string; name: string; keySize: number; valueSize: number; maxEntries: number; flags?: number }): BpfMap {
    const { type, name, keySize, valueSize, maxEntries, flags = 0 } = spec;
    // struct bpf_map_create_opts of libbpf 1.1: sz 0, map_flags 28.
    const opts = new Uint8Array(48);
    const view = new DataView(opts.buffer);
    view.setBigUint64(0, BigInt(opts.length), true);
    view.setUint32(28, flags, true);
    const fd = libbpf().bpf_map_create(mapTypeNumber(type), name, keySize, valueSize, maxEntries, opts);
    return new BpfMap(checked(fd, `cannot create map ${name} of type ${type}`), { name, owned: true });
  }

  /** Keeps the map alive beyond this process, under `path` in a bpffs. */
  pin(path: string): this {
    pin(this.fd, path);
    return this;
  }

  /** The value (`Uint8Array[slotSize]`) of `key` (`Uint8Array[keySize]`); undefined if it is not there. */
  get(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.slotSize);
    return this.getInto(key, value) ? value : undefined;
  }

  /** Like `get`, into the caller's `Uint8Array[slotSize]`; false if the key is not there. */
  getInto(key: Uint8Array, value: Uint8Array): boolean {
    this.#expect(key, this.keySize, "key");
    this.#expect(value, this.slotSize, "value");
    const result = this.#bpf.bpf_map_lookup_elem(this.fd, key, value);
    if (result === 0) return true;
    if (result === -errnos.ENOENT) return false;
    throw mapError(this, "read from", result);
  }

  /**
   * Sets the value of `key`.
   *
   * @throws MitsuError `ERR_BPF_MAP_FULL`, `ERR_BPF_EXISTS` (with `noexist`), `ERR_BPF_MISSING` (with `exist`).
   */
  set(key: Uint8Array, value: Uint8Array, flag: UpdateFlag = "any"): this {
    this.#expect(key, this.keySize, "key");
    this.#expect(value, this.slotSize, "value");
    const result = this.#bpf.bpf_map_update_elem(this.fd, key, value, updateFlags[flag]);
    if (result < 0) throw mapError(this, "write to", result);
    return this;
  }

  /** Like `getInto`, and deletes the key in the same system call, so that nobody else gets it too; in two before Linux 5.14. */
  takeInto(key: Uint8Array, value: Uint8Array): boolean {
    this.#expect(key, this.keySize, "key");
    this.#expect(value, this.slotSize, "value");
    const result = this.#bpf.bpf_map_lookup_and_delete_elem(this.fd, key, value);
    if (result === 0) return true;
    if (result === -errnos.ENOENT) return false;
    if (noTake.includes(result)) return this.getInto(key, value) && this.delete(key);
    throw mapError(this, "take from", result);
  }

  /** Deletes `key`; true if it was there. */
  delete(key: Uint8Array): boolean {
    this.#expect(key, this.keySize, "key");
    const result = this.#bpf.bpf_map_delete_elem(this.fd, key);
    if (result === 0) return true;
    if (result === -errnos.ENOENT) return false;
    throw mapError(this, "delete from", result);
  }

  /**
   * All keys, each a fresh `Uint8Array[keySize]`. The present key may be deleted meanwhile.
   *
   * The kernel starts over when the key it continues from is deleted by others, so keys may then come twice.
   */
  *keys(): Generator<Uint8Array, void> {
    let previous: Uint8Array | null = null;
    for (;;) {
      const key = new Uint8Array(this.keySize);
      const result: number = this.#bpf.bpf_map_get_next_key(this.fd, previous, key);
      if (previous !== null) yield previous;
      if (result === -errnos.ENOENT) return;
      if (result < 0) throw mapError(this, "list the keys of", result);
      previous = key;
    }
  }

  /** Deletes every entry; of an array, sets every value to zeros. */
  clear(): void {
    const zeros = new Uint8Array(this.slotSize);
    for (const key of this.keys()) {
      if (isArray(this.type)) this.set(key, zeros);
      else this.delete(key);
    }
  }

  /**
   * Maps an array's values into memory: those of an `array` with BPF_F_MMAPABLE, or the variables of `.bss`, `.data`, `.rodata`.
   * Value `i` begins at byte `i * ceil(valueSize / 8) * 8`.
   *
   * @throws MitsuError `ERR_BPF_INVALID` if the map cannot be mapped, `ERR_BPF_RIGHTS` for `writable` on a frozen one.
   */
  mmap(options: { writable?: boolean } = {}): MappedMemory {
    const length = Math.ceil(this.valueSize / 8) * 8 * this.maxEntries;
    return new MappedMemory(this.fd, 0, length, { writable: options.writable ?? false, what: `the values of map ${this.name}` });
  }

  #expect(bytes: Uint8Array, size: number, what: string): void {
    if (bytes.length !== size) throw new RangeError(`map ${this.name}: ${what} has ${bytes.length} bytes, must have ${size}`);
  }

  /** Closes the descriptor of an opened or created map; a map of an object is closed with the object. */
  close(): void {
    if (!this.#owned) return;
    this.#owned = false;
    closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
