/**
 * Picks values out of JSON text of any size as it streams by: only the picked ones are ever held.
 *
 * It looks at each byte outside of strings, so it sees where text stops to be JSON, and says so with the byte's place; who reads on from there says
 * how the next value begins. It is long because its inner loop is one function: a call for each byte would be slower than parsing.
 * [RFC 8259]
 * @module
 */

/** Where a damaged text is taken up again: the text by which it is known, and the container it then is in. */
export interface Resync {
  /** Matched against Latin-1 text; the first group, if any, is what stands before the value. */
  readonly pattern: RegExp;
  /** Containers around the match, such as `{` (path empty) and `[` (path `data`). */
  readonly within: readonly { readonly array: boolean; readonly path: string | null }[];
}

/** What is picked, and who is told. */
export interface ScanOptions {
  /** Paths of containers: keys joined by dots, `[]` for a list's elements: `data[]`, `resourceSpans[].resource`. */
  readonly paths: readonly string[];
  /** A value's text was complete. @param at Its first byte's place. */
  readonly value: (path: string, text: string, at: number) => void;
  /** A container on the way to a picked one ends. */
  readonly leave?: (path: string) => void;
  /** The text is damaged at a byte. */
  readonly fault: (why: string, at: number) => void;
  /** Bytes that were passed over after a fault. */
  readonly skipped: (bytes: number) => void;
  readonly resync: Resync;
  /** A value of more bytes is a fault; 64 MiB unless told. */
  readonly mostBytes?: number;
}

interface Container {
  readonly array: boolean;
  /** Null when nothing is picked below. */
  readonly path: string | null;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
/** 1 for what may stand outside of strings besides brackets: white space, comma, colon, numbers, true, false, null. */
const plain = new Uint8Array(256);
for (const character of " \t\r\n,:0123456789+-.eEtrufalsn") plain[character.charCodeAt(0)] = 1;
/** How far before a match its text may begin: kept from one piece to the next. */
const overlapBytes = 512;

/**
 * Scans text that comes in pieces.
 *
 * @example
 * ```ts
 * const scanner = new JsonScanner({ paths: ["data[]"], value: (_path, text) => traces.push(JSON.parse(text)), … });
 * for await (const piece of file) scanner.push(piece);
 * scanner.end();
 * ```
 */
export class JsonScanner {
  readonly #options: ScanOptions;
  readonly #prefixes = new Set<string>();
  readonly #paths: ReadonlySet<string>;
  readonly #most: number;
  #stack: Container[] = [];
  /** Bytes before the piece that is looked at. */
  #before = 0;
  /** The last byte outside of strings that is no white space; a quote for a string. */
  #last = comma;
  #inString = false;
  #escaped = false;
  /** Text of the string that is read, while it may be a key on the way. */
  #key: string | null = null;
  #keyParts: string[] | null = null;
  #picked: { readonly path: string; readonly at: number; readonly depth: number; readonly parts: Uint8Array[]; bytes: number } | null =
    null;
  /** After a fault: what of the text may be part of a match. */
  #lost: Uint8Array | null = null;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#paths = new Set(options.paths);
    this.#most = options.mostBytes ?? 64 << 20;
    for (const path of options.paths) {
      for (let end = 0; end <= path.length; end++) {
        if (end === path.length || path[end] === "." || path.startsWith("[]", end)) this.#prefixes.add(path.slice(0, end));
      }
      this.#prefixes.add("");
    }
  }

  /** Looks at the next piece. */
  push(next: Uint8Array): void {
    // What was kept of the piece before may begin a match.
    const kept = this.#lost ?? new Uint8Array(0);
    const piece = kept.length > 0 ? Buffer.concat([kept, next]) : next;
    this.#before -= kept.length;
    let from = 0;
    while (from < piece.length) from = this.#lost ? this.#search(piece, from) : this.#scan(piece, from);
    this.#before += piece.length;
  }

  /** The text has ended. */
  end(): void {
    if (this.#lost) this.#options.skipped(this.#lost.length);
    else if (this.#stack.length > 0 || this.#inString) {
      const { at } = this.#picked ?? { at: this.#before };
      this.#options.fault(this.#picked ? "the text ends in the middle of what begins here" : "the text ends too early", at);
      if (this.#picked) this.#options.skipped(this.#before - at);
    }
    this.#lost = null;
    this.#stack = [];
    this.#picked = null;
    this.#inString = false;
    this.#last = comma;
  }

  /** Scans until the piece ends or a fault comes; returns where. */
  #scan(piece: Uint8Array, begin: number): number {
    let at = begin;
    /** Where what belongs to the picked value begins in this piece. */
    let pickedFrom = begin;
    const { length } = piece;
    while (at < length) {
      const byte = piece[at]!;
      if (this.#inString) {
        at = this.#string(piece, at);
        // A raw line break or the like: a quote is missing somewhere before. [RFC 8259 §7]
        if (this.#inString && at < length) return this.#fail("unexpected control character in a string", at, pickedFrom);
        continue;
      }
      if (byte === quote) {
        this.#inString = true;
        this.#last = quote;
        const top = this.#stack.at(-1);
        this.#keyParts = this.#picked === null && top && !top.array && top.path !== null ? [] : null;
        at++;
      } else if (byte === 0x7b || byte === 0x5b) {
        const around = this.#stack.at(-1);
        // Where the end of the value before is missing, this is where it shows.
        if (around && this.#last !== colon && (!around.array || (this.#last !== comma && this.#last !== 0x5b))) {
          return this.#fail(`unexpected ${String.fromCharCode(byte)}`, at, pickedFrom);
        }
        this.#last = byte;
        const path = this.#picked ? null : this.#pathOfNext();
        const array = byte === 0x5b;
        if (path !== null && this.#paths.has(path) && this.#picked === null) {
          this.#picked = { path, at: this.#before + at, depth: this.#stack.length, parts: [], bytes: 0 };
          pickedFrom = at;
          this.#stack.push({ array, path: null });
        } else {
          const kept = path !== null && this.#prefixes.has(path) ? path : null;
          this.#stack.push({ array, path: kept });
        }
        this.#key = null;
        at++;
      } else if (byte === 0x7d || byte === 0x5d) {
        const top = this.#stack.pop();
        if (!top || top.array !== (byte === 0x5d)) return this.#fail(`unexpected ${String.fromCharCode(byte)}`, at, pickedFrom);
        at++;
        this.#last = byte;
        const picked = this.#picked;
        if (picked && this.#stack.length === picked.depth) {
          picked.parts.push(piece.subarray(pickedFrom, at));
          this.#picked = null;
          const text = Buffer.concat(picked.parts).toString("utf8");
          this.#options.value(picked.path, text, picked.at);
        } else if (top.path !== null) this.#options.leave?.(top.path);
      } else if (plain[byte] === 1) {
        if (byte > 0x20) this.#last = byte;
        at++;
      } else return this.#fail(`unexpected byte 0x${byte.toString(16).padStart(2, "0")}`, at, pickedFrom);
    }
    if (this.#picked) {
      this.#picked.parts.push(piece.slice(pickedFrom));
      this.#picked.bytes += length - pickedFrom;
      if (this.#picked.bytes > this.#most) {
        this.#options.fault(`more than ${this.#most} bytes in one value`, this.#picked.at);
        this.#options.skipped(this.#picked.bytes);
        this.#lose();
      }
    }
    return at;
  }

  /** Goes to the string's end, the piece's, or a byte that no string may hold. */
  #string(piece: Uint8Array, begin: number): number {
    let at = begin;
    const { length } = piece;
    while (at < length) {
      const byte = piece[at]!;
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        if (this.#keyParts) {
          this.#key = this.#keyParts.join("") + latin(piece, begin, at);
          this.#keyParts = null;
        }
        return at + 1;
      } else if (byte < 0x20) return at;
      at++;
    }
    this.#keyParts?.push(latin(piece, begin, at));
    return at;
  }

  /** Path of the container that begins here; null when nothing is picked in it. */
  #pathOfNext(): string | null {
    const top = this.#stack.at(-1);
    if (!top) return "";
    if (top.path === null) return null;
    if (top.array) return `${top.path}[]`;
    return this.#key === null ? null : top.path === "" ? this.#key : `${top.path}.${this.#key}`;
  }

  #fail(why: string, at: number, pickedFrom: number): number {
    const place = this.#before + at;
    const picked = this.#picked;
    const into = picked ? `, in what begins at byte ${picked.at}` : "";
    this.#options.fault(`${why}${into}`, place);
    if (picked) this.#options.skipped(picked.bytes + at - pickedFrom);
    this.#lose();
    return at; // the byte itself may begin the next match
  }

  #lose(): void {
    this.#stack = [];
    this.#picked = null;
    this.#inString = false;
    this.#escaped = false;
    this.#keyParts = null;
    this.#key = null;
    this.#lost = new Uint8Array(0);
  }

  /** Looks for where to go on; returns the place in the piece, its length when there is none. */
  #search(piece: Uint8Array, from: number): number {
    const bytes = piece.subarray(from);
    const match = this.#options.resync.pattern.exec(latin(bytes, 0, bytes.length));
    if (!match) {
      const drop = Math.max(0, bytes.length - overlapBytes);
      this.#options.skipped(drop);
      this.#lost = bytes.slice(drop);
      return piece.length;
    }
    const begin = match.index + (match[1]?.length ?? 0);
    this.#options.skipped(begin);
    this.#lost = null;
    this.#stack = [...this.#options.resync.within];
    this.#last = comma;
    return from + begin;
  }
}

function latin(piece: Uint8Array, from: number, to: number): string {
  return Buffer.from(piece.buffer, piece.byteOffset + from, to - from).toString("latin1");
}
