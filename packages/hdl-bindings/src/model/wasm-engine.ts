/** A model as a WebAssembly instance. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Engine } from "./engine.ts";
import type { TraceFile } from "./trace-file.ts";

/** What a module made by `compileWasm` exports. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  hdl_open(random: number, seed: number): number;
  hdl_step(n: number): void;
  hdl_settle(): void;
  hdl_trace_open(): number;
  hdl_close(): void;
}

/** What the engine reports to. */
interface WasmOptions {
  readonly trace?: TraceFile | undefined;
  readonly randomSeed?: number;
  readonly display?: (text: string) => void;
}

const badDescriptor = 8; // wasi's EBADF
const notSupported = 58; // wasi's ENOTSUP

/**
 * Instantiates a model.
 *
 * Of wasi only what Verilator's run time calls is there: text goes to `display`, there are no files and no environment.
 *
 * @throws {MitsuError} `ERR_HDL_TRACE` when a trace is asked for and the model was built without.
 */
export function wasmEngine(name: string, module: WebAssembly.Module, options: WasmOptions): Engine {
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
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = { hdl, wasi_snapshot_preview1: {} };
  for (const { module: from, name: what } of WebAssembly.Module.imports(module)) {
    if (from === "wasi_snapshot_preview1") imports[from]![what] = wasi[what] ?? (() => notSupported);
  }
  exports = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
  exports._initialize();
  const offset = exports.hdl_open(options.randomSeed === undefined ? 0 : 1, options.randomSeed ?? 1);
  if (options.trace && exports.hdl_trace_open() === 0) {
    options.trace.close();
    throw new MitsuError(`the model of ${name} was built without tracing`, {
      code: "ERR_HDL_TRACE",
      hint: "build it again: hdl-bindings gen --trace",
      exit: exitStatus.failure,
    });
  }
  return {
    block: () => ({ buffer: exports.memory.buffer, offset }),
    step: exports.hdl_step,
    settle: exports.hdl_settle,
    close() {
      exports.hdl_close();
      options.trace?.close();
    },
  };
}
