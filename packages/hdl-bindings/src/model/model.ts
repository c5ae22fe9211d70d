/** What every generated class extends: the clock, the reset and checked access to the I/O block. @module */
import type { Engine } from "./engine.ts";
import type { Layout } from "./layout.ts";

/** A simulated module. Its ports are accessors of the generated class. */
export abstract class Model {
  readonly layout: Layout;
  /** The I/O block as words of 32 bits. */
  protected io32!: Uint32Array;
  /** The I/O block as words of 64 bits. */
  protected io64!: BigUint64Array;
  readonly #engine: Engine;
  #cycle = 0;

  protected constructor(layout: Layout, engine: Engine) {
    this.layout = layout;
    this.#engine = engine;
    this.#view();
  }

  /** Views of the block; made again when the model's memory grew, as that detaches the old ones. */
  #view(): void {
    const { buffer, offset } = this.#engine.block();
    const bytes = this.layout.inputBytes + this.layout.outputBytes;
    this.io32 = new Uint32Array(buffer, offset, bytes / 4);
    this.io64 = new BigUint64Array(buffer, offset, bytes / 8);
  }

  /** Rising edges so far. */
  get cycle(): number {
    return this.#cycle;
  }

  /**
   * Runs `n` cycles with the inputs as they are; the outputs are then those after the last rising edge, settled.
   *
   * @throws {MitsuError} `ERR_HDL_SIMULATION` when the design ends the simulation by `$fatal` or `$stop`.
   * @example
   * ```ts
   * counter.enable = 1;
   * counter.step(10);
   * counter.count; // 10
   * ```
   */
  step(n = 1): void {
    this.#engine.step(n);
    this.#cycle += n;
    if (this.io32.length === 0) this.#view();
  }

  /** Lets the outputs follow the inputs without an edge. */
  settle(): void {
    this.#engine.settle();
    if (this.io32.length === 0) this.#view();
  }

  /** Drives the reset active for `cycles` rising edges, then inactive; the other inputs stay as they are. */
  reset(cycles = 1): void {
    const { reset } = this.layout;
    if (reset === undefined) throw new TypeError(`${this.layout.module} has no reset`);
    const at = this.layout.fields.find(({ name }) => name === reset.name)!.offset / 4;
    this.io32[at] = reset.activeLow ? 0 : 1;
    this.step(cycles);
    this.io32[at] = reset.activeLow ? 1 : 0;
    this.settle();
  }

  /** Ends the simulation and writes the rest of its trace. */
  close(): void {
    this.#engine.close();
  }

  protected outOfRange(port: string, width: number, value: unknown): never {
    const shown = typeof value === "bigint" ? `0x${value.toString(16)}` : String(value);
    throw new RangeError(`${this.layout.module}.${port} has ${width} ${width === 1 ? "bit" : "bits"}, it cannot be ${shown}`);
  }

  protected setWide(port: string, width: number, at: number, value: Uint32Array | bigint): void {
    const words = Math.ceil(width / 32);
    if (typeof value === "bigint") {
      if (value < 0n || value >> BigInt(width) !== 0n) this.outOfRange(port, width, value);
      for (let word = 0, rest = value; word < words; word++, rest >>= 32n) this.io32[at + word] = Number(rest & 0xffff_ffffn);
      return;
    }
    const spare = width % 32;
    if (value.length !== words || (spare !== 0 && value[words - 1]! >>> spare !== 0)) {
      this.outOfRange(port, width, `[${[...value].map((word) => `0x${word.toString(16)}`).join(", ")}]`);
    }
    this.io32.set(value, at);
  }
}
