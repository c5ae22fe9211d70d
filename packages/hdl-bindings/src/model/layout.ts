/** What the run time knows of a module's ports; written into every generated class. @module */

/** One port and its place in the I/O block. */
export interface Field {
  readonly name: string;
  /** Name of the accessor in the class: the port's, with `_` added where the class has that name itself. */
  readonly accessor: string;
  readonly direction: "input" | "output";
  /** Bits, at least 1. */
  readonly width: number;
  readonly signed: boolean;
  /** `number` up to 32 bits, `bigint` up to 64, `words` (32 bits each, least first) above. */
  readonly kind: "number" | "bigint" | "words";
  /** Bytes from the start of the block; a multiple of 4, of 8 for `bigint`. */
  readonly offset: number;
  /** Words of 32 bits that it takes. */
  readonly words: number;
}

/** The I/O block of one module: all inputs, then all outputs, little-endian. */
export interface Layout {
  readonly module: string;
  /** Name of the clock that `step` drives; absent in a combinational module. It has no field. */
  readonly clock: string | undefined;
  readonly reset: { readonly name: string; readonly activeLow: boolean } | undefined;
  /** Bytes of the inputs, which come first; a multiple of 8. */
  readonly inputBytes: number;
  /** Bytes of the outputs, right after the inputs; a multiple of 8. */
  readonly outputBytes: number;
  readonly fields: readonly Field[];
}
