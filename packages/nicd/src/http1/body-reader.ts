/** Follows a message's body to its end (RFC 9112 §6.3, §7.1). @module */
import { token, valueByte } from "./byte-classes.ts";

/** How long a body is. */
export const framing = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;

/** One of {@link framing}. */
export type Framing = (typeof framing)[keyof typeof framing];

const state = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  trailerName: 7,
  trailerValue: 8,
  trailerLf: 9,
  lastLf: 10,
  padding: 11,
} as const;
const CR = 13;
const LF = 10;
const SP = 32;
const HTAB = 9;
const COLON = 58;
const SEMICOLON = 59;
/** Of one chunk's extensions, and of all trailers: they carry nothing that a proxy knows; long ones are an attack. */
const mostOverhead = 16 * 1024;
/** What a trailer's line has besides what is counted byte by byte. */
const lineBytes = 4;

/** Value of a hexadecimal digit; 255 for other bytes. */
const hex = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  hex[value.toString(16).charCodeAt(0)] = value;
  hex[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

/**
 * Where in the bytes that come the body is, and where it ends. One serves a connection for all its messages.
 *
 * @example
 * ```ts
 * reader.begin(framing.chunked, 0);
 * for (let at = start; at < end && !reader.done; ) {
 *   at = reader.step(buffer, at, end);
 *   if (reader.failed) return refuse();
 *   consume(buffer, reader.dataStart, reader.dataEnd);
 * }
 * ```
 */
export class BodyReader {
  /** The body has ended. */
  done = true;
  /** Chunk framing was broken: nothing behind it can be told apart. */
  failed = false;
  /** What the last step found of the body itself; equal when it found only framing. */
  dataStart = 0;
  dataEnd = 0;
  /** Where the last step found bytes of trailers, up to where it ended; -1 for none. The empty line that ends a body is among them. */
  trailersAt = -1;
  framing: Framing = framing.none;
  /** Bytes of the body, or of the present chunk, that are still to come. */
  #left = 0;
  #state: number = state.size;
  #digits = 0;
  #overhead = 0;

  /** @param length Bytes of the body where `kind` is `framing.length`; else it does not matter. */
  begin(kind: Framing, length: number): void {
    this.framing = kind;
    this.trailersAt = -1;
    this.failed = false;
    this.#left = kind === framing.length ? length : 0;
    this.#state = state.size;
    this.#digits = 0;
    this.#overhead = 0;
    this.done = kind === framing.none || (kind === framing.length && length === 0);
  }

  /** The connection has ended. @returns Whether the body had, which only one without a length of its own can. */
  close(): boolean {
    if (this.framing === framing.untilClose) this.done = true;
    return this.done;
  }

  /** Looks at `buffer[at, end)`, to the end of a run of body bytes at most. @returns Where to go on. */
  step(buffer: Uint8Array, at: number, end: number): number {
    if (this.framing === framing.chunked) return this.#stepChunked(buffer, at, end);
    this.dataStart = at;
    if (this.framing === framing.length) {
      this.dataEnd = Math.min(end, at + this.#left);
      this.#left -= this.dataEnd - at;
      this.done = this.#left === 0;
    } else this.dataEnd = end;
    return this.dataEnd;
  }

  #stepChunked(buffer: Uint8Array, from: number, end: number): number {
    this.dataStart = this.dataEnd = from;
    this.trailersAt = this.#state >= state.trailer && this.#state <= state.lastLf ? from : -1;
    let at = from;
    while (at < end) {
      const byte = buffer[at]!;
      switch (this.#state) {
        case state.size: {
          const digit = hex[byte]!;
          if (digit !== 255) {
            if (++this.#digits > 12) return this.#fail(at); // 2^48 bytes, exact in a number
            this.#left = this.#left * 16 + digit;
          } else if (this.#digits === 0) return this.#fail(at);
          else if (byte === CR) this.#state = state.sizeLf;
          else if (byte === SEMICOLON) this.#state = state.extension;
          else if (byte === SP || byte === HTAB) this.#state = state.padding;
          else return this.#fail(at);
          at++;
          break;
        }
        case state.padding:
          // Old servers pad the size. Anything but an extension behind that could be read as more of the size.
          if (byte === CR) this.#state = state.sizeLf;
          else if (byte === SEMICOLON) this.#state = state.extension;
          else if ((byte !== SP && byte !== HTAB) || ++this.#overhead > mostOverhead) return this.#fail(at);
          at++;
          break;
        case state.extension:
          if (byte === CR) this.#state = state.sizeLf;
          else if (valueByte[byte] === 0 || ++this.#overhead > mostOverhead) return this.#fail(at);
          at++;
          break;
        case state.sizeLf:
          if (byte !== LF) return this.#fail(at);
          this.#overhead = 0;
          at++;
          this.#state = this.#left === 0 ? state.trailer : state.data;
          if (this.#left === 0) this.trailersAt = at;
          break;
        case state.data: {
          this.dataStart = at;
          this.dataEnd = Math.min(end, at + this.#left);
          this.#left -= this.dataEnd - at;
          if (this.#left === 0) this.#state = state.dataCr;
          return this.dataEnd;
        }
        case state.dataCr:
          if (byte !== CR) return this.#fail(at);
          this.#state = state.dataLf;
          at++;
          break;
        case state.dataLf:
          if (byte !== LF) return this.#fail(at);
          this.#state = state.size;
          this.#digits = 0;
          at++;
          break;
        case state.trailer:
          if (byte === CR) this.#state = state.lastLf;
          else if (token[byte] === 0 || this.#overhead > mostOverhead) return this.#fail(at);
          else this.#state = state.trailerName;
          this.#overhead += lineBytes;
          at++;
          break;
        case state.trailerName:
          if (byte === COLON) this.#state = state.trailerValue;
          else if (token[byte] === 0 || ++this.#overhead > mostOverhead) return this.#fail(at);
          at++;
          break;
        case state.trailerValue:
          if (byte === CR) this.#state = state.trailerLf;
          else if (valueByte[byte] === 0 || ++this.#overhead > mostOverhead) return this.#fail(at);
          at++;
          break;
        case state.trailerLf:
          if (byte !== LF) return this.#fail(at);
          this.#state = state.trailer;
          at++;
          break;
        default: // lastLf
          if (byte !== LF) return this.#fail(at);
          this.done = true;
          return at + 1;
      }
    }
    return at;
  }

  #fail(at: number): number {
    this.failed = true;
    return at;
  }
}
