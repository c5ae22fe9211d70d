/** A guest's linear memory, read and written with every range checked. @module */
import { fieldName, fieldValue } from "../abi/field.ts";
import { type Status, status } from "../abi/types.ts";
import { TextCache } from "./text-cache.ts";
import type { Memory } from "./web-assembly.ts";

/** Below it, a loop is quicker than a call of the runtime. */
const shortText = 48;

/** See the module. Pointers and lengths are unsigned 32-bit numbers. */
export class GuestMemory {
  /** All of it. Becomes empty when memory grows: only to be used after {@link has}. */
  bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(new ArrayBuffer(0));
  #memory: Memory | null = null;
  #allocate: (size: number) => number = () => 0;
  readonly #names = new TextCache(fieldName);
  readonly #values = new TextCache(fieldValue);

  /** @param allocate The guest's allocator, from size to pointer; 0 for failure. */
  attach(memory: Memory, allocate: (size: number) => number): void {
    this.#memory = memory;
    this.#allocate = allocate;
    this.#refresh();
  }

  /** Bytes now. */
  get size(): number {
    return this.#memory === null ? 0 : this.#memory.buffer.byteLength;
  }

  #refresh(): void {
    if (this.#memory === null) return;
    this.bytes = Buffer.from(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }

  /** Whether `[at, at + length)` lies within. */
  has(at: number, length: number): boolean {
    if (at + length <= this.bytes.length) return true;
    // The view of a memory that grew has length 0, so that growth always comes here.
    if (this.#memory === null || this.bytes.buffer === this.#memory.buffer) return false;
    this.#refresh();
    return at + length <= this.bytes.length;
  }

  /** A field's name, lower-cased; undefined for one that no message may carry. */
  name(at: number, length: number): string | undefined {
    return this.#names.get(this.#view, at, length);
  }

  /** A field's value; what would end the field is replaced by spaces. */
  value(at: number, length: number): string {
    return this.#values.get(this.#view, at, length) ?? "";
  }

  /** UTF-8. */
  text(at: number, length: number): string {
    return this.bytes.toString("utf8", at, at + length);
  }

  /** A character a byte. */
  latin1(at: number, length: number): string {
    return this.bytes.toString("latin1", at, at + length);
  }

  /** Valid until the guest runs again. */
  slice(at: number, length: number): Uint8Array {
    return this.bytes.subarray(at, at + length);
  }

  /** Bytes of its own. */
  copy(at: number, length: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, at, length).slice();
  }

  getU32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  setU64(at: number, value: bigint): void {
    this.#view.setBigUint64(at, value, true);
  }

  /** Room in the guest, asked of its own allocator, which may run and grow memory. @returns 0 for none. */
  #room(length: number): number {
    const at = this.#allocate(length) >>> 0;
    return at !== 0 && this.has(at, length) ? at : 0;
  }

  #point(at: number, length: number, pointerAt: number, lengthAt: number): Status {
    this.#view.setUint32(pointerAt, at, true);
    this.#view.setUint32(lengthAt, length, true);
    return status.ok;
  }

  /** Gives the guest a text (Latin-1): its own memory, and pointer and length where it wants them. Nothing is written unless all is well. */
  giveText(text: string, pointerAt: number, lengthAt: number): Status {
    const length = text.length;
    if (!this.has(pointerAt, 4) || !this.has(lengthAt, 4)) return status.invalidMemoryAccess;
    if (length === 0) return this.#point(0, 0, pointerAt, lengthAt);
    const at = this.#room(length);
    if (at === 0) return status.invalidMemoryAccess;
    if (length > shortText) this.bytes.write(text, at, length, "latin1");
    else {
      const bytes = this.bytes;
      for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index);
    }
    return this.#point(at, length, pointerAt, lengthAt);
  }

  /** As {@link giveText}, of bytes. */
  give(bytes: Uint8Array, pointerAt: number, lengthAt: number): Status {
    const length = bytes.length;
    if (!this.has(pointerAt, 4) || !this.has(lengthAt, 4)) return status.invalidMemoryAccess;
    if (length === 0) return this.#point(0, 0, pointerAt, lengthAt);
    const at = this.#room(length);
    if (at === 0) return status.invalidMemoryAccess;
    this.bytes.set(bytes, at);
    return this.#point(at, length, pointerAt, lengthAt);
  }
}
