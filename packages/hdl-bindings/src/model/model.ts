/** What every generated class extends: the clock, the reset and checked access to the I/O block. @module */
import { pump, type Streamed, type StreamOptions, type StreamPorts } from "../stream/pump.ts";
import type { Engine } from "./engine.ts";
import type { Layout } from "./layout.ts";
import { type Beat, outOfRange, putWide } from "./value.ts";

/** A simulated module. Its ports are accessors of the generated class. */
export abstract class Model {
  readonly layout: Layout;
  /** The I/O block as words of 32 bits. */
  protected io32!: Uint32Array;
  /** The I/O block as words of 64 bits. */
  protected io64!: BigUint64Array;
  readonly #engine: Engine;
  // Not `#private`: V8 is slower with those in the one call of a cycle (test/model/rate.ts).
  protected readonly ioStep: Engine["step"];
  protected ioCycle = 0;

  protected constructor(layout: Layout, engine: Engine) {
    this.layout = layout;
    this.#engine = engine;
    this.ioStep = engine.step;
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
    return this.ioCycle;
  }

  /**
   * Runs `n` cycles with the inputs as they are; the outputs are then those after the last rising edge, settled.
   *
   * @throws {RangeError} when `n` is no whole number below 2^32.
   * @throws {MitsuError} `ERR_HDL_SIMULATION` when the design ends the simulation by `$fatal` or `$stop`.
   * @example
   * ```ts
   * counter.enable = 1;
   * counter.step(10);
   * counter.count; // 10
   * ```
   */
  step(n = 1): void {
    if (n >>> 0 !== n) throw new RangeError(`step() wants a whole number of cycles below 2^32, not ${n}`);
    this.ioStep(n);
    this.ioCycle += n;
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

  /**
   * Runs one cycle per input record, without a call per cycle: cycle i gets the block's inputs from `inputs`, and its outputs, settled after the
   * rising edge, go to `outputs`.
   *
   * @param inputs `Uint32Array[n × layout.inputBytes / 4]`, each record as in the layout.
   * @param outputs `Uint32Array[n × layout.outputBytes / 4]`.
   */
  batch(inputs: Uint32Array, outputs: Uint32Array): void {
    const { inputBytes, outputBytes } = this.layout;
    const n = inputBytes === 0 ? outputs.byteLength / outputBytes : inputs.byteLength / inputBytes;
    if (!Number.isInteger(n) || outputs.byteLength !== n * outputBytes) {
      throw new RangeError(`batch() wants whole records of ${inputBytes} and ${outputBytes} bytes, as many of one as of the other`);
    }
    const asBytes = ({ buffer, byteOffset, byteLength }: Uint32Array) => new Uint8Array(buffer, byteOffset, byteLength);
    this.#engine.batch(n, asBytes(inputs), asBytes(outputs));
    this.ioCycle += n;
    if (this.io32.length === 0) this.#view();
  }

  /**
   * Sends beats through a `valid`/`ready` handshake and takes what comes out of another, without a call per cycle.
   *
   * @param ports Prefixes: `{ source: "s", sink: "m" }` are `s_valid`, `s_ready`, … and `m_valid`, `m_ready`, …
   * @param beats Objects by field (`{ data: 1, last: 1 }`, 0 where absent), or the packed words of all.
   * @throws {RangeError} with the port's name for a value that it cannot take.
   * @throws {MitsuError} `ERR_HDL_STALL` when the beats do not come out within `maxCycles`.
   * @example
   * ```ts
   * const { beats } = model.stream({ source: "s", sink: "m" }, [{ data: 1 }, { data: 2, last: 1 }], { stall: randomPattern(7, 0.5) });
   * ```
   */
  stream(ports: StreamPorts, beats: readonly Beat[] | Uint32Array, options: StreamOptions = {}): Streamed {
    const done = pump(this.layout, this.#engine, ports, beats, options);
    this.ioCycle += done.cycles;
    if (this.io32.length === 0) this.#view();
    return done;
  }

  /** Ends the simulation and writes the rest of its trace. */
  close(): void {
    this.#engine.close();
  }

  protected outOfRange(port: string, width: number, value: unknown): never {
    throw outOfRange(this.layout.module, port, width, value);
  }

  protected setWide(port: string, width: number, at: number, value: Uint32Array | bigint): void {
    putWide(this.io32, at, this.layout.module, port, width, value);
  }
}
