/** An answer's head as it came by HTTP/1, or as nicd makes it, and as it goes on. @module */
import type { ResponseHead } from "../message-head.ts";
import { Http1Head } from "./head.ts";
import { HeadTable } from "./scan-head.ts";

const chunkedField = Buffer.from("transfer-encoding: chunked\r\n");
const closeField = Buffer.from("connection: close\r\n");
const upgradeField = Buffer.from("connection: upgrade\r\n");

const nothing = Buffer.alloc(0);
/** Not by import, which reads all that node:http exports: with its WebSocket come a fetch client and HTTP/2, 12 MB of them. */
const { STATUS_CODES } = process.getBuiltinModule("node:http");

/** One serves a connection to a replica for all its answers. */
export class Http1ResponseHead extends Http1Head implements ResponseHead {
  #status = 0;
  #own = false;
  #length: number | null = null;

  constructor() {
    super(new HeadTable());
  }

  /** Takes the head that {@link table} describes; it stays in `buffer`, so it is valid as long as that is. */
  take(buffer: Buffer): void {
    this.begin(buffer);
    this.#status = this.table.status;
    this.#own = false;
    this.#length = null;
  }

  /** Begins an answer of nicd's own. @param length Bytes of its body; null where none may be told. */
  make(status: number, length: number | null): void {
    this.table.reset(0);
    this.begin(nothing);
    this.#status = status;
    this.#own = true;
    this.#length = null;
    if (length !== null) this.put("content-length", String(length));
  }

  /** It has no body: a length that it tells all the same does not go on (RFC 9110 §8.6). */
  dropLength(): void {
    this.withoutLength = true;
  }

  /** How the body goes on, where filters have changed it: its length, else by what {@link writeTo} is told. */
  reframe(length: number | null): void {
    this.withoutLength = true;
    this.#length = length;
  }

  /** Copies the bytes, for an answer that is held back. */
  keep(): void {
    if (this.#own) return;
    const { start, end } = this.table;
    const copy = Buffer.from(this.buffer.subarray(start, end));
    this.table.move(-start);
    this.buffer = copy;
  }

  /** What {@link table} is about. */
  get bytes(): Buffer {
    return this.buffer;
  }

  get status(): number {
    return this.#status;
  }

  set status(value: number) {
    this.#status = value;
  }

  /**
   * By how many bytes filters have made it longer where they have added fields only, and nothing in it is for us alone: 0 for one that may go on byte for
   * byte as it came, -1 for one that is to be written anew.
   */
  get growth(): number {
    const { status, minor } = this.table;
    return !this.#own && this.passesWhole && this.#status === status && minor === 1 ? this.addedBytes : -1;
  }

  /**
   * Adds the fields where the head lies, which moves to the front by {@link growth}; what is behind it stays.
   *
   * @param roomy The head's buffer with so many bytes before it: a byte at n is at n + growth there.
   * @example
   * ```ts
   * head.growIn(roomy); // the message is in roomy from table.start on
   * ```
   */
  growIn(roomy: Buffer): void {
    const { start, at, count } = this.table;
    const growth = this.addedBytes;
    const fieldsEnd = at[4 * count]!;
    roomy.copyWithin(start, start + growth, fieldsEnd + growth);
    this.writeAdded(roomy, fieldsEnd);
    this.buffer = roomy;
  }

  /**
   * Writes the head for the client.
   *
   * @param ends What the connection does then: `close` says so, `upgrade` changes its protocol.
   * @param chunked The body goes in chunks.
   * @returns Where it ends in `out`.
   * @throws {RangeError} when it does not fit.
   */
  writeTo(out: Buffer, ends: "stays" | "close" | "upgrade", chunked: boolean): number {
    const { start, lineEnd, status, minor } = this.table;
    let at = 0;
    let from = this.#own ? -1 : lineEnd;
    if (!this.#own && status === this.#status) {
      // The reason as the replica said it, behind our version.
      if (minor === 0) at = out.write("HTTP/1.1", 0, "latin1");
      from = start + at;
    } else at = out.write(`HTTP/1.1 ${this.#status} ${STATUS_CODES[this.#status] ?? ""}\r\n`, 0, "latin1");
    at = this.writeFields(out, at, from, -1, ends === "upgrade", ends === "stays");
    if (chunked) at += chunkedField.copy(out, at);
    else if (this.#length !== null) at += out.write(`content-length: ${this.#length}\r\n`, at, "latin1");
    if (ends === "close") at += closeField.copy(out, at);
    else if (ends === "upgrade") at += upgradeField.copy(out, at);
    out[at++] = 13;
    out[at++] = 10;
    return at;
  }
}
