/**
 * A node's state as bytes. A layout of our own, since msgpackr makes objects on both sides and takes any shape: here the sender writes in place, and the
 * receiver checks everything before it changes anything. 100 replicas are 3.3 kB. Long because layout, encoder and decoder want to be read side by side.
 *
 * All little-endian; f32 and f64 are IEEE 754.
 *
 * ```text
 *  0  u8   0x4d, "M"
 *  1  u8   version, 1
 *  2  u16  bytes of the whole message
 *  4  u32  CRC-32 (zlib) of bytes 8 to the end
 *  8  u32  boot: seconds since 1970       12  u32  boot: random number
 * 16  f64  sequence number, whole, from 1
 * 24  f64  when it was sent, milliseconds since 1970 by the sender's clock
 * 32  u16  replicas, at most 1024
 * 34  u8   echoes, at most 8
 * 35  u8   bytes of the node's name, 1 to 63
 * 36  u16  CPUs of the node, 0 is not known
 * 38  u16  the next message comes within so many ms even if nothing changes, 0 is not told
 * 40  f32  × 12: the figures of node-state.ts in their order; NaN is not known
 * 88       the name, UTF-8
 *          echoes, 20 bytes each: u32 boot seconds, u32 boot random, f64 sent at, f32 milliseconds since it came
 *          replicas, 32 or 44 bytes each:
 *     0  u8   flags: 1 draining, 2 ejected, 4 down; 128 the address is IPv6
 *     1  u8   0
 *     2  u16  port, from 1
 *     4  f32  in flight      8  f32  service ms      12  f32  latency ms      16  f32  failures, 0 to 1      20  f32  weight
 *    24  u16  workers       26  u16  0
 *    28       4 or 16 bytes of address, network order
 * ```
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { maxEchoes, maxReplicas, type NodeState, nodeFigures } from "./node-state.ts";
import { isV4, keyBytes } from "./replica-key.ts";

/** Longest message in bytes. */
export const maxMessageBytes = 0xffff;
/** Version of the layout. */
export const messageVersion = 1;

const magic = 0x4d;
const headerBytes = 88;
const echoBytes = 20;
const rowBytes = 28;
const v6Flag = 128;
const knownFlags = 7;

/** Why bytes are no message: of a length that cannot be, of another version, or with a field that cannot be. */
export type Refusal =
  | "empty"
  | "truncated"
  | "too-large"
  | "magic"
  | "version"
  | "length"
  | "checksum"
  | "count"
  | "name"
  | "value"
  | "duplicate-key";

/** Writes states into one buffer of its own, which the next state overwrites. */
export class StateEncoder {
  readonly #bytes = Buffer.alloc(maxMessageBytes);
  readonly #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, maxMessageBytes);
  #name: string | undefined;
  readonly #nameBytes = new Uint8Array(63);
  #nameLength = 0;
  #whole = this.#bytes.subarray(0, 0);
  #checked = this.#whole;

  /**
   * The message; valid until the next call. No garbage while name and length stay the same.
   *
   * @throws {RangeError} when the name is empty or longer than 63 bytes.
   */
  encode(state: NodeState): Buffer {
    const view = this.#view;
    const { replicas, echoes } = state;
    if (this.#name !== state.name) this.#rename(state.name);
    view.setUint8(0, magic);
    view.setUint8(1, messageVersion);
    view.setUint32(8, state.bootSeconds, true);
    view.setUint32(12, state.bootRandom, true);
    view.setFloat64(16, state.sequence, true);
    view.setFloat64(24, state.sentAtMs, true);
    view.setUint16(32, replicas.count, true);
    view.setUint8(34, echoes.count);
    view.setUint8(35, this.#nameLength);
    view.setUint16(36, state.cpus, true);
    view.setUint16(38, state.intervalMs, true);
    for (let index = 0; index < nodeFigures.length; index++) view.setFloat32(40 + 4 * index, state.figures[index]!, true);
    for (let index = 0; index < this.#nameLength; index++) this.#bytes[headerBytes + index] = this.#nameBytes[index]!;
    let at = headerBytes + this.#nameLength;
    for (let index = 0; index < echoes.count; index++, at += echoBytes) {
      view.setUint32(at, echoes.bootSeconds[index]!, true);
      view.setUint32(at + 4, echoes.bootRandom[index]!, true);
      view.setFloat64(at + 8, echoes.sentAtMs[index]!, true);
      view.setFloat32(at + 16, echoes.heldMs[index]!, true);
    }
    for (let row = 0; row < replicas.count; row++) at = this.#row(state, row, at);
    view.setUint16(2, at, true);
    if (this.#whole.length !== at) {
      this.#whole = this.#bytes.subarray(0, at);
      this.#checked = this.#bytes.subarray(8, at);
    }
    view.setUint32(4, crc32(this.#checked), true);
    return this.#whole;
  }

  #row({ replicas }: NodeState, row: number, at: number): number {
    const view = this.#view;
    const from = row * keyBytes;
    const { keys } = replicas;
    const v4 = isV4(keys, from);
    view.setUint8(at, replicas.flags[row]! | (v4 ? 0 : v6Flag));
    view.setUint8(at + 1, 0);
    view.setUint8(at + 2, keys[from + 16]!);
    view.setUint8(at + 3, keys[from + 17]!);
    view.setFloat32(at + 4, replicas.inFlight[row]!, true);
    view.setFloat32(at + 8, replicas.serviceMs[row]!, true);
    view.setFloat32(at + 12, replicas.latencyMs[row]!, true);
    view.setFloat32(at + 16, replicas.failures[row]!, true);
    view.setFloat32(at + 20, replicas.weight[row]!, true);
    view.setUint16(at + 24, replicas.workers[row]!, true);
    view.setUint16(at + 26, 0, true);
    const start = v4 ? 12 : 0;
    for (let index = start; index < 16; index++) this.#bytes[at + rowBytes + index - start] = keys[from + index]!;
    return at + rowBytes + 16 - start;
  }

  #rename(name: string): void {
    const { read, written } = new TextEncoder().encodeInto(name, this.#nameBytes);
    if (read < name.length || written === 0) throw new RangeError(`no name of a node: ${JSON.stringify(name)}; 1 to 63 bytes of UTF-8`);
    this.#name = name;
    this.#nameLength = written;
  }
}

/** What a message says of itself, for a judgement before any of it is kept. */
export interface Head {
  name: string;
  bootSeconds: number;
  bootRandom: number;
  sequence: number;
  sentAtMs: number;
  replicas: number;
}

/** Whether a figure can be: not below 0, finite, or NaN where that is allowed. */
const sound = (value: number, most: number): boolean => value >= 0 && value <= most;
const largest = 3.5e38;

/** Reads messages. One serves all nodes; it keeps nothing of them. */
export class StateDecoder {
  readonly #keys = new Uint8Array(maxReplicas * keyBytes);
  readonly #text = new TextDecoder("utf-8", { fatal: true });
  readonly #head: Head = { name: "", bootSeconds: 0, bootRandom: 0, sequence: 0, sentAtMs: 0, replicas: 0 };

  /**
   * Checks a message and, only when all of it holds and `judge` has no objection, writes it into `into`.
   *
   * @returns Why not, or null.
   */
  decode<R extends string = never>(bytes: Uint8Array, into: NodeState, judge?: (head: Readonly<Head>) => R | null): Refusal | R | null {
    if (bytes.length === 0) return "empty";
    if (bytes.length > maxMessageBytes) return "too-large";
    if (bytes[0] !== magic) return "magic";
    if (bytes.length < 2) return "truncated";
    if (bytes[1] !== messageVersion) return "version";
    if (bytes.length < headerBytes) return "truncated";
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const told = view.getUint16(2, true);
    if (told !== bytes.length) return told > bytes.length ? "truncated" : "length";
    if (crc32(bytes.subarray(8)) !== view.getUint32(4, true)) return "checksum";
    const refusal = this.#header(view, bytes) ?? this.#echoes(view) ?? this.#rows(view, bytes);
    if (refusal !== null) return refusal;
    const count = view.getUint16(32, true);
    const same = this.#sameKeys(into, count);
    if (!same && this.#duplicates(count)) return "duplicate-key";
    const objection = judge?.(this.#head) ?? null;
    if (objection !== null) return objection;
    if (!same) into.replicas.replaceKeys(this.#keys, count);
    this.#write(view, into);
    return null;
  }

  #header(view: DataView, bytes: Uint8Array): Refusal | null {
    if (view.getUint16(32, true) > maxReplicas || view.getUint8(34) > maxEchoes) return "count";
    const nameLength = view.getUint8(35);
    if (nameLength < 1 || nameLength > 63 || headerBytes + nameLength > bytes.length) return "name";
    const sequence = view.getFloat64(16, true);
    if (!Number.isSafeInteger(sequence) || sequence < 1 || !sound(view.getFloat64(24, true), 1e14)) return "value";
    for (let index = 0; index < nodeFigures.length; index++) {
      const value = view.getFloat32(40 + 4 * index, true);
      if (!Number.isNaN(value) && !sound(value, largest)) return "value";
    }
    const head = this.#head;
    try {
      head.name = this.#text.decode(bytes.subarray(headerBytes, headerBytes + nameLength));
    } catch {
      return "name";
    }
    head.bootSeconds = view.getUint32(8, true);
    head.bootRandom = view.getUint32(12, true);
    head.sequence = sequence;
    head.replicas = view.getUint16(32, true);
    head.sentAtMs = view.getFloat64(24, true);
    return null;
  }

  #echoes(view: DataView): Refusal | null {
    let at = headerBytes + view.getUint8(35);
    const count = view.getUint8(34);
    if (at + count * echoBytes > view.byteLength) return "count";
    for (let index = 0; index < count; index++, at += echoBytes) {
      if (!sound(view.getFloat64(at + 8, true), 1e14) || !sound(view.getFloat32(at + 16, true), 1e9)) return "value";
    }
    return null;
  }

  /** Checks the replicas and notes their keys. */
  #rows(view: DataView, bytes: Uint8Array): Refusal | null {
    let at = headerBytes + view.getUint8(35) + view.getUint8(34) * echoBytes;
    const count = view.getUint16(32, true);
    for (let row = 0; row < count; row++) {
      if (at + rowBytes + 4 > bytes.length) return "count";
      const flags = view.getUint8(at);
      const size = flags & v6Flag ? 16 : 4;
      if (at + rowBytes + size > bytes.length) return "count";
      if ((flags & ~(knownFlags | v6Flag)) !== 0 || view.getUint8(at + 1) !== 0 || view.getUint16(at + 26, true) !== 0) return "value";
      if (view.getUint16(at + 2, true) === 0 || !sound(view.getFloat32(at + 16, true), 1)) return "value";
      for (let field = 4; field < 24; field += 4) if (!sound(view.getFloat32(at + field, true), largest)) return "value";
      const key = row * keyBytes;
      this.#keys.fill(0, key, key + 10);
      this.#keys.fill(0xff, key + 10, key + 12);
      for (let index = 0; index < size; index++) this.#keys[key + 16 - size + index] = bytes[at + rowBytes + index]!;
      // One address has one form only, else a replica could be told of twice.
      if (size === 16 && isV4(this.#keys, key)) return "value";
      this.#keys[key + 16] = bytes[at + 2]!;
      this.#keys[key + 17] = bytes[at + 3]!;
      at += rowBytes + size;
    }
    return at === bytes.length ? null : "count";
  }

  #sameKeys({ replicas }: NodeState, count: number): boolean {
    if (replicas.count !== count) return false;
    for (let index = 0; index < count * keyBytes; index++) if (this.#keys[index] !== replicas.keys[index]) return false;
    return true;
  }

  #duplicates(count: number): boolean {
    const seen = new Set<string>();
    for (let row = 0; row < count; row++) {
      seen.add(Buffer.from(this.#keys.buffer, row * keyBytes, keyBytes).toString("latin1"));
    }
    return seen.size < count;
  }

  #write(view: DataView, into: NodeState): void {
    const { echoes, replicas } = into;
    const nameLength = view.getUint8(35);
    into.name = this.#head.name;
    into.bootSeconds = this.#head.bootSeconds;
    into.bootRandom = this.#head.bootRandom;
    into.sequence = this.#head.sequence;
    into.sentAtMs = this.#head.sentAtMs;
    into.cpus = view.getUint16(36, true);
    into.intervalMs = view.getUint16(38, true);
    for (let index = 0; index < nodeFigures.length; index++) into.figures[index] = view.getFloat32(40 + 4 * index, true);
    let at = headerBytes + nameLength;
    echoes.count = view.getUint8(34);
    for (let index = 0; index < echoes.count; index++, at += echoBytes) {
      echoes.bootSeconds[index] = view.getUint32(at, true);
      echoes.bootRandom[index] = view.getUint32(at + 4, true);
      echoes.sentAtMs[index] = view.getFloat64(at + 8, true);
      echoes.heldMs[index] = view.getFloat32(at + 16, true);
    }
    for (let row = 0; row < replicas.count; row++) {
      const flags = view.getUint8(at);
      replicas.flags[row] = flags & knownFlags;
      replicas.inFlight[row] = view.getFloat32(at + 4, true);
      replicas.serviceMs[row] = view.getFloat32(at + 8, true);
      replicas.latencyMs[row] = view.getFloat32(at + 12, true);
      replicas.failures[row] = view.getFloat32(at + 16, true);
      replicas.weight[row] = view.getFloat32(at + 20, true);
      replicas.workers[row] = view.getUint16(at + 24, true);
      at += rowBytes + (flags & v6Flag ? 16 : 4);
    }
  }
}
