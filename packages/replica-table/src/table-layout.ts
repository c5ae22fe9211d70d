/**
 * Where things are in a table's file.
 *
 * | at                 | what                                                                                                       |
 * | ------------------ | ---------------------------------------------------------------------------------------------------------- |
 * | 0                  | u32 each: magic, version of this layout, kind, columns, capacity, rows, generation, version, clients, pid   |
 * | 40                 | f64 each: started at, beat, milliseconds by `clockMs`                                                       |
 * | 64                 | 24 bytes of key a row, see `table-key.ts`                                                                  |
 * | 64 + 24 · capacity | f64 a row, one column after the other                                                                      |
 *
 * All in the machine's own byte order, as it never leaves it. Aligned numbers of 8 bytes are written and read whole on x86-64 and arm64, so that a figure is
 * never half of two; figures of one row may be of two moments, microseconds apart.
 * @module
 */
import { keyBytes } from "./table-key.ts";

/** "MTab". */
export const magic = 0x6261544d;
/** Of the layout; readers refuse any other. */
export const layoutVersion = 1;
/** What a table is of. */
export const tableKind = { loads: 1, reports: 2 } as const;
/** Rows that a table may have at most. */
export const mostRows = 65_536;

/** Bytes before the keys. */
export const headerBytes = 64;
/** Indexes of u32 numbers in the header. */
export const word = {
  magic: 0,
  layout: 1,
  kind: 2,
  columns: 3,
  capacity: 4,
  rows: 5,
  generation: 6,
  version: 7,
  clients: 8,
  pid: 9,
} as const;
/** Indexes of f64 numbers in the header. */
export const time = { startedAt: 5, beat: 6 } as const;

/** A writer that is silent for so long is dead, milliseconds. */
export const deadAfterMs = 1000;

/** Bytes of a table. */
export function tableBytes(capacity: number, columns: number): number {
  return headerBytes + capacity * (keyBytes + columns * Float64Array.BYTES_PER_ELEMENT);
}

/** The columns of a table, as views over its memory. */
export function columnsOf(memory: Uint8Array<ArrayBuffer>, capacity: number, columns: number): Float64Array<ArrayBuffer>[] {
  const first = headerBytes + capacity * keyBytes;
  return Array.from({ length: columns }, (_, index) => new Float64Array(memory.buffer, first + index * capacity * 8, capacity));
}
