/** The tables that HPACK's indices point into. Source: RFC 7541 §2.3, §4 and appendix A. @module */

/** A field of a table. Fields nobody asked for have no text: only their sizes matter, for eviction. */
export interface TableEntry {
  /** Which of the wanted names it has; -1 another one, or one that is unknown. */
  readonly field: number;
  /** Length of its name; 0 when that is unknown. */
  readonly nameBytes: number;
  /** What it counts for: name, value and 32. RFC 7541 §4.1 */
  readonly size: number;
  /** Empty unless the name is wanted. */
  readonly value: string;
}

/** Entries 1 to 61, each name with its values in order. */
const staticFields: readonly (readonly [string, ...string[]])[] = [
  [":authority"],
  [":method", "GET", "POST"],
  [":path", "/", "/index.html"],
  [":scheme", "http", "https"],
  [":status", "200", "204", "206", "304", "400", "404", "500"],
  ["accept-charset"],
  ["accept-encoding", "gzip, deflate"],
  ...(
    "accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control content-disposition " +
    "content-encoding content-language content-length content-location content-range content-type cookie date etag expect expires from " +
    "host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards " +
    "proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security " +
    "transfer-encoding user-agent vary via www-authenticate"
  )
    .split(" ")
    .map((name): [string] => [name]),
];

/** What an entry counts for besides its texts. RFC 7541 §4.1 */
export const entryOverhead = 32;

/** Names that somebody wants, as bytes to compare with, and the static table as they see it. */
export class FieldNames {
  /** By length. */
  readonly #byLength: { readonly field: number; readonly name: Buffer }[][] = [];
  /** From 1 on. */
  readonly staticTable: readonly TableEntry[];

  /** @param names In lower case; a field is called by its place among them. */
  constructor(names: readonly string[]) {
    for (const [field, name] of names.entries()) {
      this.#byLength[name.length] ??= [];
      this.#byLength[name.length]!.push({ field, name: Buffer.from(name) });
    }
    const none: TableEntry = { field: -1, nameBytes: 0, size: 0, value: "" }; // index 0 is not used
    this.staticTable = [
      none,
      ...staticFields.flatMap(([name, ...values]) =>
        (values.length === 0 ? [""] : values).map((value) => ({
          field: names.indexOf(name),
          nameBytes: name.length,
          size: name.length + value.length + entryOverhead,
          value,
        })),
      ),
    ];
  }

  /** Which of the names stands there; -1 none of them. */
  at(bytes: Uint8Array, from: number, length: number): number {
    const candidates = this.#byLength[length];
    if (candidates === undefined) return -1;
    for (const { field, name } of candidates) {
      let same = 0;
      while (same < length && bytes[from + same] === name[same]) same++;
      if (same === length) return field;
    }
    return -1;
  }
}

/** The dynamic table: a queue whose newest entry has the lowest index. RFC 7541 §2.3.2 */
export class DynamicTable {
  /** A ring, whose length is a power of two. */
  #entries: (TableEntry | undefined)[] = new Array(8).fill(undefined);
  #newest = 0;
  #bytes = 0;
  #limit = 4096; // HTTP/2's initial SETTINGS_HEADER_TABLE_SIZE
  length = 0;

  /** Entry that is so many before the newest one. */
  before(newest: number): TableEntry | undefined {
    return newest < this.length ? this.#entries[(this.#newest - newest) & (this.#entries.length - 1)] : undefined;
  }

  /** Adds an entry and drops the oldest as far as needed; one larger than the table empties it. RFC 7541 §4.4 */
  add(entry: TableEntry): void {
    this.#shrink(this.#limit - entry.size);
    if (entry.size > this.#limit) return;
    if (this.length === this.#entries.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#entries.length - 1);
    this.#entries[this.#newest] = entry;
    this.#bytes += entry.size;
    this.length++;
  }

  /** Sets how many bytes the entries may count for. RFC 7541 §4.3 */
  resize(limit: number): void {
    this.#limit = limit;
    this.#shrink(limit);
  }

  /** Drops all entries, not the limit. */
  clear(): void {
    this.#shrink(0);
  }

  #shrink(bytes: number): void {
    while (this.#bytes > bytes && this.length > 0) {
      const oldest = (this.#newest - --this.length) & (this.#entries.length - 1);
      this.#bytes -= this.#entries[oldest]!.size;
      this.#entries[oldest] = undefined;
    }
  }

  #grow(): void {
    const entries: (TableEntry | undefined)[] = new Array(this.#entries.length * 2).fill(undefined);
    for (let n = 0; n < this.length; n++) entries[this.length - 1 - n] = this.before(n);
    this.#newest = this.length - 1;
    this.#entries = entries;
  }
}
