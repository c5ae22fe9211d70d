/** A request's head as it came by HTTP/1, and as it goes on. @module */
import type { RequestHead } from "../message-head.ts";
import { Http1Head } from "./head.ts";
import { LastText } from "./last-text.ts";
import { HeadTable } from "./scan-head.ts";

const version = Buffer.from(" HTTP/1.1\r\n");
const chunkedField = Buffer.from("transfer-encoding: chunked\r\n");
const upgradeField = Buffer.from("connection: upgrade\r\n");
/** A connection's copy of a head begins with so many bytes, and grows. */
const usualHead = 512;

/** One serves a connection for all its requests: {@link take} begins the next. */
export class Http1RequestHead extends Http1Head implements RequestHead {
  #copy: Buffer = Buffer.alloc(0);
  #method: string | undefined;
  readonly #lastTarget: LastText = new LastText();
  readonly #lastHost: LastText = new LastText();
  #path: string | undefined;
  #authority: string | undefined;
  #methodChanged = false;
  #pathChanged = false;
  #authorityChanged = false;
  /** The target has scheme and authority in it (RFC 9112 §3.2.2): where these end. */
  #absolute = 0;
  /** Null: as it came. */
  #framing: number | "chunked" | null = null;

  constructor() {
    super(new HeadTable());
  }

  /** Takes the head that {@link table} describes, and copies it, since what it was read into is used again. */
  take(from: Buffer): void {
    const { start, end } = this.table;
    const length = end - start;
    if (this.#copy.length < length) this.#copy = Buffer.allocUnsafeSlow(Math.max(usualHead, 1 << (32 - Math.clz32(length - 1))));
    from.copy(this.#copy, 0, start, end);
    if (start !== 0) this.table.move(-start);
    this.begin(this.#copy);
    this.#method = this.#path = this.#authority = undefined;
    this.#methodChanged = this.#pathChanged = this.#authorityChanged = false;
    this.#framing = null;
    this.#absolute = this.#copy[this.table.targetStart] === 47 ? 0 : this.#authorityEnd();
  }

  get method(): string {
    this.#method ??= methodName(this.buffer, this.table.start, this.table.methodEnd);
    return this.#method;
  }

  set method(value: string) {
    this.#method = value;
    this.#methodChanged = true;
  }

  get path(): string {
    if (this.#path === undefined) {
      const { targetStart, targetEnd } = this.table;
      const start = this.#absolute || targetStart;
      if (targetEnd - start === 1 && this.buffer[start] === 47) this.#path = "/";
      else {
        const text = this.#lastTarget.of(this.buffer, start, targetEnd);
        if (!this.#absolute || text.startsWith("/")) this.#path = text;
        else this.#path = text === "" && this.method === "OPTIONS" ? "*" : `/${text}`; // RFC 9112 §3.2.4
      }
    }
    return this.#path;
  }

  set path(value: string) {
    this.#path = value;
    this.#pathChanged = true;
  }

  get authority(): string {
    if (this.#authority === undefined) {
      const { targetStart, targetEnd, host } = this.table;
      if (this.#absolute) this.#authority = this.buffer.toString("latin1", this.buffer.indexOf("//", targetStart) + 2, this.#absolute);
      else if (this.isConnect) this.#authority = this.buffer.toString("latin1", targetStart, targetEnd);
      else this.#authority = host < 0 ? "" : this.#lastHost.of(this.buffer, this.table.at[4 * host + 2]!, this.table.at[4 * host + 3]!);
    }
    return this.#authority;
  }

  set authority(value: string) {
    this.#authority = value;
    this.#authorityChanged = true;
  }

  /** How the body goes on, where filters have changed it: its length, or in chunks. */
  reframe(body: number | "chunked"): void {
    this.#framing = body;
    this.withoutLength = true;
  }

  /** Asks for a tunnel (RFC 9110 §9.3.6). */
  get isConnect(): boolean {
    return this.table.methodEnd - this.table.start === 7 && this.method === "CONNECT";
  }

  /**
   * Writes the head for the next hop.
   *
   * @param upgrades Connection and Upgrade go on too.
   * @returns Where it ends in `out`.
   * @throws {RangeError} when it does not fit.
   */
  writeTo(out: Buffer, upgrades: boolean): number {
    const { start, methodEnd, targetEnd, lineEnd, minor, host, chunked } = this.table;
    let at = 0;
    let from = lineEnd;
    const plain = !(this.#methodChanged || this.#pathChanged || this.#absolute);
    if (plain && minor === 1) from = start;
    else if (plain) at += this.buffer.copy(out, 0, start, targetEnd);
    else {
      if (this.#methodChanged) at += out.write(this.method, 0, "latin1");
      else at += this.buffer.copy(out, 0, start, methodEnd);
      out[at++] = 32;
      at += out.write(this.isConnect ? this.authority : this.path, at, "latin1");
    }
    if (from === lineEnd) at += version.copy(out, at);
    const newHost = this.#authorityChanged || this.#absolute > 0;
    if (newHost) {
      if (from < lineEnd) at += this.buffer.copy(out, 0, from, lineEnd);
      from = lineEnd;
      at += out.write(`host: ${this.authority}\r\n`, at, "latin1");
    }
    at = this.writeFields(out, at, from, newHost ? host : -1, upgrades, false);
    if (this.#framing === null ? chunked : this.#framing === "chunked") at += chunkedField.copy(out, at);
    else if (this.#framing !== null) at += out.write(`content-length: ${this.#framing}\r\n`, at, "latin1");
    if (upgrades) at += upgradeField.copy(out, at);
    out[at++] = 13;
    out[at++] = 10;
    return at;
  }

  /** Where the authority of a target in absolute form ends; 0 when it is in another form. */
  #authorityEnd(): number {
    const { targetStart, targetEnd } = this.table;
    const text = this.buffer.toString("latin1", targetStart, targetEnd);
    const match = /^https?:\/\/[^/?#]+/i.exec(text);
    return match ? targetStart + match[0].length : 0;
  }
}

/** The usual methods without making a string. */
function methodName(buffer: Buffer, start: number, end: number): string {
  switch (end - start) {
    case 3:
      if (buffer[start] === 71 && buffer[start + 1] === 69 && buffer[start + 2] === 84) return "GET";
      break;
    case 4:
      if (buffer[start] === 80 && buffer[start + 1] === 79 && buffer[start + 2] === 83 && buffer[start + 3] === 84) return "POST";
  }
  return buffer.toString("latin1", start, end);
}
