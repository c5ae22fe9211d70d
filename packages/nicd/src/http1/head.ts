/** A head as HTTP/1 sends it, with changes on top: what requests' and answers' heads have in common. @module */
import type { MessageHead } from "../message-head.ts";
import { AddedFields } from "./added-fields.ts";
import { field, type HeadTable, isWord } from "./scan-head.ts";

/** A field of one connection, which a proxy does not pass on (RFC 9110 §7.6.1); or its framing, which no filter may change. */
function isOfConnection(name: string): boolean {
  switch (name.length) {
    case 2:
      return name === "te";
    case 7:
      return name === "upgrade";
    case 10:
      return name === "connection" || name === "keep-alive";
    case 14:
      return name === "content-length";
    case 16:
      return name === "proxy-connection";
    case 17:
      return name === "transfer-encoding";
  }
  return false;
}

/** The same by the table's code. */
const isOfConnectionByCode: readonly boolean[] = Object.entries(field).reduce<boolean[]>((codes, [name, code]) => {
  codes[code] = isOfConnection(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  return codes;
}, []);

/** Some 60 ns for each look-up; nothing is decoded that is not asked for. */
export abstract class Http1Head implements MessageHead {
  readonly table: HeadTable;
  /** What {@link table} is about. */
  protected buffer: Buffer;
  /** Fields taken out, by number. */
  readonly #removed: Uint8Array;
  #anyRemoved = false;
  readonly #added = new AddedFields();
  /** Content-Length does not go on: there is no body, whatever it says. */
  protected withoutLength = false;

  constructor(table: HeadTable) {
    this.table = table;
    this.buffer = Buffer.alloc(0);
    this.#removed = new Uint8Array(table.known.length);
  }

  /** Begins with what the table says of `buffer`, without changes. */
  protected begin(buffer: Buffer): void {
    this.buffer = buffer;
    if (this.#anyRemoved) this.#removed.fill(0);
    this.#anyRemoved = false;
    this.withoutLength = false;
    if (this.#added.count > 0) this.#added.clear();
  }

  /** All fields that came may go on: none was taken out, and none is for us alone but for a Connection that says that it stays open. */
  protected get passesWhole(): boolean {
    const { close, upgrade, namesFields, hopByHop } = this.table;
    return !(this.#anyRemoved || this.withoutLength || close || upgrade || namesFields || hopByHop);
  }

  /** What was added to it as HTTP/1 has it, bytes. */
  protected get addedBytes(): number {
    return this.#added.count === 0 ? 0 : this.#added.size;
  }

  /** Writes what was added. @returns Where the next byte goes. */
  protected writeAdded(out: Uint8Array, to: number): number {
    return this.#added.writeTo(out, to);
  }

  get(name: string): string | undefined {
    const index = this.#find(name, 0);
    if (index >= 0) return this.value(index);
    const added = this.#added.indexOf(name);
    return added < 0 ? undefined : this.#added.valueAt(added);
  }

  all(name: string): readonly string[] {
    const values: string[] = [];
    for (let index = this.#find(name, 0); index >= 0; index = this.#find(name, index + 1)) values.push(this.value(index));
    const added = this.#added;
    for (let index = 0; index < added.count; index++) if (added.nameAt(index) === name) values.push(added.valueAt(index));
    return values;
  }

  has(name: string): boolean {
    return this.#find(name, 0) >= 0 || this.#added.indexOf(name) >= 0;
  }

  get size(): number {
    const { count, known } = this.table;
    let size = this.#added.count;
    for (let index = 0; index < count; index++) if (this.#removed[index] === 0 && !isOfConnectionByCode[known[index]!]) size++;
    return size;
  }

  count(host: boolean): number {
    const { count, known, ownFields, contentLength, host: hostAt } = this.table;
    if (!this.#anyRemoved && this.#added.count === 0)
      return count - ownFields + (contentLength >= 0 ? 1 : 0) - (host || hostAt < 0 ? 0 : 1);
    let fields = this.#added.count;
    let length = 0;
    for (let index = 0; index < count; index++) {
      const code = known[index]!;
      if (this.#removed[index] !== 0) continue;
      if (code === field.contentLength) length = 1;
      else if (!isOfConnectionByCode[code] && (host || code !== field.host)) fields++;
    }
    if (!host && this.#added.indexOf("host") >= 0) fields--;
    return fields + length;
  }

  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  add(name: string, value: string): void {
    if (!isOfConnection(name)) this.put(name, value);
  }

  /** Adds whatever field it is. */
  protected put(name: string, value: string): void {
    this.#added.add(name, value);
  }

  remove(name: string): void {
    if (isOfConnection(name)) return;
    for (let index = this.#find(name, 0); index >= 0; index = this.#find(name, index + 1)) {
      this.#removed[index] = 1;
      this.#anyRemoved = true;
    }
    this.#added.remove(name);
  }

  *entries(): Generator<readonly [string, string]> {
    const { at, count } = this.table;
    for (let index = 0; index < count; index++) {
      const name = this.buffer.toString("latin1", at[4 * index]!, at[4 * index + 1]!).toLowerCase();
      if (this.#removed[index] === 0 && !isOfConnection(name)) yield [name, this.value(index)];
    }
    for (let index = 0; index < this.#added.count; index++) yield [this.#added.nameAt(index), this.#added.valueAt(index)];
  }

  /** Value of field number `index`. */
  protected value(index: number): string {
    return this.buffer.toString("latin1", this.table.at[4 * index + 2]!, this.table.at[4 * index + 3]!);
  }

  /**
   * Writes the fields that go on, without the connection's own: what came, in runs as long as possible, then what was added.
   *
   * @param from Of the first run: the first field's name, or what lies before it and goes on with it; -1 for a head that never came.
   * @param skipped A field that is left out as well, by number; -1 for none.
   * @param keepsUpgrade Upgrade goes on too.
   * @param stays The next connection stays open too: a Connection that says nothing but so may go on.
   * @returns Where the next byte goes.
   */
  protected writeFields(out: Buffer, to: number, from: number, skipped: number, keepsUpgrade: boolean, stays: boolean): number {
    const { at, count, known, namesFields, chunked, ownFields, contentLength } = this.table;
    let position = to;
    let run = from;
    // The usual way: none of them stays here. Of a connection to another server nothing is said.
    if (skipped < 0 && this.passesWhole && !chunked && (stays || ownFields === (contentLength >= 0 ? 1 : 0))) {
      if (run >= 0) position += this.buffer.copy(out, position, run, at[4 * count]!);
      return this.#added.writeTo(out, position);
    }
    for (let index = 0; index < count; index++) {
      let goes = this.#removed[index] === 0 && index !== skipped;
      if (goes)
        switch (known[index]) {
          case field.connection:
          case field.keepAlive:
          case field.proxyConnection:
          case field.transferEncoding:
            goes = false;
            break;
          case field.te: // all that may be said of trailers is said again (RFC 9110 §10.1.4)
            goes = isWord(this.buffer, at[4 * index + 2]!, at[4 * index + 3]!, "trailers");
            break;
          case field.upgrade:
            goes = keepsUpgrade;
            break;
          case field.contentLength:
            goes = !this.withoutLength;
            break;
          case field.other:
            goes = !(namesFields && this.#isNamedByConnection(index));
        }
      if (goes) {
        if (run < 0) run = at[4 * index]!;
      } else if (run >= 0) {
        if (run < at[4 * index]!) position += this.buffer.copy(out, position, run, at[4 * index]!);
        run = -1;
      }
    }
    if (run >= 0) position += this.buffer.copy(out, position, run, at[4 * count]!);
    return this.#added.writeTo(out, position);
  }

  /** Is the field one that Connection names, and so only for us? */
  #isNamedByConnection(index: number): boolean {
    const { at, known, count } = this.table;
    const name = this.buffer.toString("latin1", at[4 * index]!, at[4 * index + 1]!).toLowerCase();
    for (let other = 0; other < count; other++) {
      if (known[other] !== field.connection) continue;
      const words = this.value(other).toLowerCase().split(",");
      if (words.some((word) => word.trim() === name)) return true;
    }
    return false;
  }

  /** Number of the first field of that name from `from` on that is not removed; -1 when there is none. */
  #find(name: string, from: number): number {
    const { at, count, nameLengths } = this.table;
    if ((nameLengths & (1 << name.length)) === 0) return -1;
    for (let index = from; index < count; index++) {
      if (this.#removed[index] === 0 && isWord(this.buffer, at[4 * index]!, at[4 * index + 1]!, name)) return index;
    }
    return -1;
  }
}
