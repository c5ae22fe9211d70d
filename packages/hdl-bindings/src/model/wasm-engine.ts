/** A model as a WebAssembly instance. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Engine, EngineOptions } from "./engine.ts";
import { type Memory, type Module, webAssembly } from "./web-assembly.ts";

/** What a module made by `compileWasm` exports. */
interface Exports {
  readonly memory: Memory;
  _initialize(): void;
  hdl_open(random: number, seed: number): number;
  hdl_step(n: number): void;
  hdl_settle(): void;
  hdl_batch(n: number, inputs: number, outputs: number): void;
  hdl_pump(job: number, input: number, output: number, idle: number, stall: number): void;
  hdl_alloc(bytes: number): number;
  hdl_free(address: number): void;
  hdl_trace_open(): number;
  hdl_close(): void;
}

const badDescriptor = 8; // wasi's EBADF
const notSupported = 58; // wasi's ENOTSUP

/**
 * Instantiates a model.
 *
 * Of wasi only what Verilator's run time calls is there: text goes to `display`, there are no files and no environment.
 */
export function wasmEngine(name: string, module: Module, options: EngineOptions): Engine {
  const text = new TextDecoder();
  let exports: Exports;
  const bytes = (at: number, length: number) => new Uint8Array(exports.memory.buffer, at, length);
  const wasi: Record<string, (...values: number[]) => number> = {
    fd_write(file, vectors, count, written) {
      if (file !== 1 && file !== 2) return badDescriptor;
      const view = new DataView(exports.memory.buffer);
      let total = 0;
      for (let at = vectors!; at < vectors! + count! * 8; at += 8) {
        const length = view.getUint32(at + 4, true);
        options.display?.(text.decode(bytes(view.getUint32(at, true), length)));
        total += length;
      }
      view.setUint32(written!, total, true);
      return 0;
    },
    environ_sizes_get(count, size) {
      const view = new DataView(exports.memory.buffer);
      view.setUint32(count!, 0, true);
      view.setUint32(size!, 0, true);
      return 0;
    },
    environ_get: () => 0,
    fd_close: () => 0,
    fd_prestat_get: () => badDescriptor,
    proc_exit(status) {
      throw new MitsuError(`${name} ended with status ${status}`, { code: "ERR_HDL_SIMULATION", exit: exitStatus.failure });
    },
  };
  const hdl = {
    message(kind: number, at: number, length: number) {
      if (kind === 0) return; // $finish: the test bench decides when to end
      throw new MitsuError(`${name}: ${text.decode(bytes(at, length))}`, { code: "ERR_HDL_SIMULATION", exit: exitStatus.failure });
    },
    trace: (at: number, length: number) => options.trace?.write(bytes(at, length)),
  };
  const imports: Record<string, Record<string, unknown>> = { hdl, wasi_snapshot_preview1: {} };
  for (const { module: from, name: what } of webAssembly.Module.imports(module)) {
    if (from === "wasi_snapshot_preview1") imports[from]![what] = wasi[what] ?? (() => notSupported);
  }
  exports = new webAssembly.Instance(module, imports).exports as unknown as Exports;
  exports._initialize();
  const offset = exports.hdl_open(options.randomSeed === undefined ? 0 : 1, options.randomSeed ?? 1);
  if (options.trace) exports.hdl_trace_open();
  // One piece of the model's memory for what calls lend it; it only ever grows.
  let lent = { at: 0, size: 0 };
  const reserve = (size: number): number => {
    if (size <= lent.size) return lent.at;
    if (lent.size > 0) exports.hdl_free(lent.at);
    const at = exports.hdl_alloc(size);
    lent = { at, size: at === 0 ? 0 : size };
    if (at === 0) throw new RangeError(`the memory of ${name} cannot hold so much at once: stream it in parts`);
    return at;
  };
  /** Copies arrays into the model's memory, one after the other, 16 bytes aligned, and gives their addresses. */
  const lend = (...arrays: readonly Uint8Array[]): readonly number[] => {
    let end = reserve(arrays.reduce((sum, { length }) => sum + ((length + 15) & ~15), 0));
    return arrays.map((array) => {
      const at = end;
      bytes(at, array.length).set(array);
      end += (array.length + 15) & ~15;
      return at;
    });
  };
  return {
    block: () => ({ buffer: exports.memory.buffer, offset }),
    step: exports.hdl_step,
    settle: exports.hdl_settle,
    batch(n, inputs, outputs) {
      const at = reserve(((inputs.length + 15) & ~15) + outputs.length);
      const to = at + ((inputs.length + 15) & ~15);
      bytes(at, inputs.length).set(inputs);
      exports.hdl_batch(n, at, to);
      outputs.set(bytes(to, outputs.length));
    },
    pump(job, { input, output, idle, stall }) {
      const words = new Uint8Array(job.buffer, job.byteOffset, job.byteLength);
      const at = lend(words, input, output, idle, stall);
      exports.hdl_pump(at[0]!, at[1]!, at[2]!, at[3]!, at[4]!);
      words.set(bytes(at[0]!, words.length));
      output.set(bytes(at[2]!, output.length));
    },
    close() {
      exports.hdl_close();
      options.trace?.close();
    },
  };
}
