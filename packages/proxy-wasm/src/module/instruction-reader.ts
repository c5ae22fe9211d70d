/** Walks over the instructions of a function's body. Source: WebAssembly 2.0 §5.4; tail calls and relaxed SIMD of 3.0. @module */
import type { ByteReader } from "./byte-reader.ts";
import { readValueType } from "./function-type.ts";

/** Instructions that metering looks at, by their first byte. */
export const opcode = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i32LtS: 0x48,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32And: 0x71,
  i32ShrU: 0x76,
  select: 0x1b,
  i32LtU: 0x49,
  i32Shl: 0x74,
  /** Saturating conversions, bulk memory and tables; {@link InstructionReader.extended} says which. */
  misc: 0xfc,
  simd: 0xfd,
} as const;

/** Second numbers of {@link opcode.misc}. */
export const misc = {
  memoryInit: 8,
  dataDrop: 9,
  memoryCopy: 10,
  memoryFill: 11,
  tableInit: 12,
  elementDrop: 13,
  tableCopy: 14,
  tableGrow: 15,
  tableSize: 16,
  tableFill: 17,
} as const;

/** What follows an opcode. */
const immediate = {
  unknown: 0,
  none: 1,
  blockType: 2,
  label: 3,
  labels: 4,
  function: 5,
  typeAndTable: 6,
  local: 7,
  global: 8,
  table: 9,
  memoryArgument: 10,
  memory: 11,
  i32: 12,
  i64: 13,
  f32: 14,
  f64: 15,
  types: 16,
  referenceType: 17,
  misc: 18,
  simd: 19,
} as const;

const immediates = new Uint8Array(256);
for (const [first, last, kind] of [
  [0x00, 0x01, immediate.none],
  [0x02, 0x04, immediate.blockType],
  [0x05, 0x05, immediate.none],
  [0x0b, 0x0b, immediate.none],
  [0x0c, 0x0d, immediate.label],
  [0x0e, 0x0e, immediate.labels],
  [0x0f, 0x0f, immediate.none],
  [0x10, 0x10, immediate.function],
  [0x11, 0x11, immediate.typeAndTable],
  [0x12, 0x12, immediate.function],
  [0x13, 0x13, immediate.typeAndTable],
  [0x1a, 0x1b, immediate.none],
  [0x1c, 0x1c, immediate.types],
  [0x20, 0x22, immediate.local],
  [0x23, 0x24, immediate.global],
  [0x25, 0x26, immediate.table],
  [0x28, 0x3e, immediate.memoryArgument],
  [0x3f, 0x40, immediate.memory],
  [0x41, 0x41, immediate.i32],
  [0x42, 0x42, immediate.i64],
  [0x43, 0x43, immediate.f32],
  [0x44, 0x44, immediate.f64],
  [0x45, 0xc4, immediate.none],
  [0xd0, 0xd0, immediate.referenceType],
  [0xd1, 0xd1, immediate.none],
  [0xd2, 0xd2, immediate.function],
  [0xfc, 0xfc, immediate.misc],
  [0xfd, 0xfd, immediate.simd],
] as const)
  immediates.fill(kind, first, last + 1);

/** Why an opcode that has a meaning somewhere has none here. */
function extensionOf(op: number): string | undefined {
  if ((op >= 0x06 && op <= 0x0a) || op === 0x18 || op === 0x19 || op === 0x1f) return "exception handling";
  if (op === 0x14 || op === 0x15 || op === 0xfb || (op >= 0xd3 && op <= 0xd6)) return "garbage collection or typed references";
  return op === 0xfe ? "threads" : undefined;
}

/** V8 allows 50 000, of which metering takes one. */
const mostLocals = 49_999;

/** How many of something a module has: an index beyond it must not reach what metering adds behind. */
export interface IndexSpaces {
  readonly functions: number;
  readonly types: number;
  readonly globals: number;
}

/** A cursor over instructions; each call of {@link next} passes one and says what it was. */
export class InstructionReader {
  readonly reader: ByteReader;
  /** How many locals, parameters included. */
  readonly localCount: number;
  /** How many groups of locals of one type, and the offset of the first. */
  readonly locals: { readonly groups: number; readonly list: number };
  /** Offset of the first instruction. */
  readonly first: number;
  /** Offset of the instruction that was passed. */
  start: number;
  /** Its first byte. */
  op = 0;
  /** Its second number, of {@link opcode.misc} and {@link opcode.simd}. */
  extended = 0;
  /** Its label, function, type, local, global or table. */
  index = 0;
  /** Of `br_table`: all labels, the default last. Used anew by each. */
  readonly labels: number[] = [];
  readonly #spaces: IndexSpaces;

  /**
   * @param reader Of the body from its list of locals on.
   * @param parameters How many.
   */
  constructor(reader: ByteReader, parameters: number, spaces: IndexSpaces) {
    this.reader = reader;
    this.#spaces = spaces;
    let locals = parameters;
    const groups = reader.count("groups of locals");
    this.locals = { groups, list: reader.at };
    for (let left = groups; left > 0; left--) {
      const at = reader.at;
      locals += reader.u32();
      if (locals > mostLocals) throw reader.error(`more than ${mostLocals} locals`, at, "unsupported");
      readValueType(reader);
    }
    this.localCount = locals;
    this.first = reader.at;
    this.start = reader.at;
  }

  /** Offset behind the instruction that was passed. */
  get end(): number {
    return this.reader.at;
  }

  /** @returns False at the end of the body. */
  next(): boolean {
    const { reader } = this;
    if (reader.at >= reader.end) return false;
    this.start = reader.at;
    this.op = reader.byte();
    const kind = immediates[this.op];
    if (kind === immediate.none) return true;
    if (kind === immediate.local) this.index = this.#below(this.localCount, "local");
    else if (kind === immediate.memoryArgument) this.#memoryArgument();
    else if (kind === immediate.i32) reader.signed(32);
    else if (kind === immediate.i64) reader.signed(64);
    else if (kind === immediate.label || kind === immediate.table) this.index = reader.u32();
    else if (kind === immediate.function) this.index = this.#below(this.#spaces.functions, "function");
    else if (kind === immediate.blockType) this.#blockType();
    else if (kind === immediate.global) this.index = this.#below(this.#spaces.globals, "global");
    else if (kind === immediate.misc) this.#misc();
    else if (kind === immediate.typeAndTable) {
      this.index = this.#below(this.#spaces.types, "type");
      reader.u32();
    } else if (kind === immediate.labels) {
      this.labels.length = 0;
      for (let left = reader.count("labels"); left >= 0; left--) this.labels.push(reader.u32());
    } else if (kind === immediate.memory) {
      if (reader.byte() !== 0) throw reader.error("more than one memory", this.start, "unsupported");
    } else if (kind === immediate.f32) reader.skip(4);
    else if (kind === immediate.f64) reader.skip(8);
    else if (kind === immediate.types) for (let left = reader.count("types"); left > 0; left--) readValueType(reader);
    else if (kind === immediate.referenceType) {
      const heapType = reader.byte();
      if (heapType !== 0x70 && heapType !== 0x6f)
        throw reader.error("a null of garbage collection or typed references", this.start, "unsupported");
    } else if (kind === immediate.simd) this.#simd();
    else throw this.#unknown(`0x${this.op.toString(16).padStart(2, "0")}`);
    return true;
  }

  #below(count: number, what: string): number {
    const index = this.reader.u32();
    if (index >= count) throw this.reader.error(`there is no ${what} ${index}, there are ${count}`, this.start);
    return index;
  }

  #unknown(name: string): Error {
    const extension = extensionOf(this.op);
    return this.reader.error(`instruction ${name}${extension ? ` of ${extension}` : " is not known"}`, this.start, "unsupported");
  }

  #blockType(): void {
    const { reader } = this;
    const byte = reader.bytes[reader.at];
    // 0x40 no result; else a type's letter, or an index, which is not negative as a signed number.
    if (byte === 0x40) reader.skip(1);
    else if (byte !== undefined && byte < 128 && byte >= 64) readValueType(reader);
    else if (reader.signed(33) >= this.#spaces.types) throw reader.error("there is no such block type", this.start);
  }

  #memoryArgument(): void {
    const align = this.reader.u32();
    if (align & 64) throw this.reader.error("more than one memory", this.start, "unsupported");
    this.reader.u32();
  }

  #misc(): void {
    const { reader } = this;
    this.extended = reader.u32();
    if (this.extended > misc.tableFill) throw this.#unknown(`0xfc ${this.extended}`);
    if (this.extended < misc.memoryInit) return;
    this.index = reader.u32();
    if (
      this.extended === misc.memoryInit ||
      this.extended === misc.memoryCopy ||
      this.extended === misc.tableInit ||
      this.extended === misc.tableCopy
    )
      reader.u32();
  }

  #simd(): void {
    const { reader } = this;
    const op = reader.u32();
    this.extended = op;
    if (op <= 11 || op === 92 || op === 93) this.#memoryArgument();
    else if (op === 12 || op === 13) reader.skip(16);
    else if (op >= 21 && op <= 34) reader.skip(1);
    else if (op >= 84 && op <= 91) {
      this.#memoryArgument();
      reader.skip(1);
    } else if (op > 0x113) throw this.#unknown(`0xfd ${op}`);
  }
}
