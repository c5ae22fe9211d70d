/** A file of /proc, /sys or a cgroup that is read again and again: opened once, one pread each time, into the same buffer. @module */
import { closeSync, openSync, readSync } from "node:fs";

/** How long a file that is missing is left alone, milliseconds. */
const retryMs = 10_000;

/**
 * The file. What cannot be read is no error: it has a reason in {@link KeptFile.missing}, and is tried again after ten seconds.
 *
 * @example
 * ```ts
 * const file = new KeptFile("/proc/loadavg", 64);
 * if (file.read(nowMs) > 0) parse(file.scan);
 * ```
 */
export class KeptFile {
  readonly path: string;
  /** What was read last, for parsing from its start. */
  readonly scan: ByteScan;
  /** Why there is nothing; null when there is something. */
  missing: string | null = null;
  #fd = -1;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  /** Of a file longer than `maxBytes` only the start is read. */
  constructor(path: string, maxBytes: number) {
    this.path = path;
    this.scan = new ByteScan(new Uint8Array(maxBytes));
  }

  /** Reads it from its start. @returns Bytes read; 0 when it is missing. */
  read(nowMs: number): number {
    if (this.#fd < 0 && !this.#open(nowMs)) return 0;
    try {
      const length = readSync(this.#fd, this.scan.bytes, 0, this.scan.bytes.length, 0);
      this.scan.reset(length);
      return length;
    } catch (error) {
      // The cgroup is gone, or PSI was switched off (`psi=0`: EOPNOTSUPP).
      this.close();
      this.#miss(error, nowMs);
      return 0;
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #open(nowMs: number): boolean {
    if (nowMs - this.#triedAtMs < retryMs) return false;
    try {
      this.#fd = openSync(this.path, "r");
      this.missing = null;
      return true;
    } catch (error) {
      this.#miss(error, nowMs);
      return false;
    }
  }

  #miss(error: unknown, nowMs: number): void {
    this.#triedAtMs = nowMs;
    this.missing = `cannot read ${this.path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
  }
}

/** Finds and reads numbers in bytes, without making strings. */
export class ByteScan {
  readonly bytes: Uint8Array;
  length = 0;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** There are `length` bytes now; back to the start. */
  reset(length: number): void {
    this.length = length;
    this.at = 0;
  }

  /** Goes behind the next `label` from here on; false, and stays, when there is none. */
  past(label: Uint8Array): boolean {
    const last = this.length - label.length;
    for (let start = this.at; start <= last; start++) {
      let same = 0;
      while (same < label.length && this.bytes[start + same] === label[same]) same++;
      if (same < label.length) continue;
      this.at = start + same;
      return true;
    }
    return false;
  }

  /** Goes to the start of the next line; false at the end. */
  nextLine(): boolean {
    while (this.at < this.length) if (this.bytes[this.at++] === 0x0a) return this.at < this.length;
    return false;
  }

  /** Skips blanks and reads a decimal number; NaN when there is none. */
  decimal(): number {
    return this.#number(10);
  }

  /** Skips blanks and reads a hexadecimal number in lower case; NaN when there is none. */
  hex(): number {
    return this.#number(16);
  }

  #number(base: number): number {
    const { bytes } = this;
    while (this.at < this.length && (bytes[this.at] === 0x20 || bytes[this.at] === 0x09)) this.at++;
    const start = this.at;
    let value = 0;
    for (; this.at < this.length; this.at++) {
      const byte = bytes[this.at]!;
      const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : base === 16 && byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
      if (digit < 0) break;
      value = value * base + digit;
    }
    return this.at === start ? Number.NaN : value;
  }
}

/** Bytes of a label for {@link ByteScan.past}. */
export const label = (text: string): Uint8Array => new TextEncoder().encode(text);
