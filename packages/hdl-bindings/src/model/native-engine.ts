/** A model as a shared library, through koffi. @module */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import koffi from "koffi";
import type { Engine, EngineOptions } from "./engine.ts";
import type { Layout } from "./layout.ts";
import { writable } from "./trace-file.ts";

const messageType = koffi.proto("void hdl_message(int kind, void* text, uint length)");
const traceType = koffi.proto("void hdl_trace(void* bytes, uint length)");

/** Loads a copy: a library keeps its model in static variables, and the loader gives the same one twice for the same file. */
function loadCopy(path: string): ReturnType<typeof koffi.load> {
  const folder = mkdtempSync(join(tmpdir(), "hdl-bindings-"));
  try {
    const copy = join(folder, "model.so");
    copyFileSync(path, copy);
    return koffi.load(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Loads a model that `hdl-bindings gen --native` made. What `$display` prints goes to stdout, as the library writes it there itself.
 *
 * @throws {MitsuError} `ERR_HDL_SIMULATION` from `step` and the others when the design ends the simulation by `$fatal` or `$stop`.
 */
export function nativeEngine(layout: Layout, path: string, options: EngineOptions): Engine {
  const library = loadCopy(path);
  const failed: string[] = [];
  const bytesOf = (pointer: unknown, length: number) => new Uint8Array(koffi.view(pointer, length));
  const message = koffi.register((kind: number, text: unknown, length: number) => {
    if (kind !== 0) failed.push(Buffer.from(bytesOf(text, length)).toString());
  }, koffi.pointer(messageType));
  const trace = koffi.register((bytes: unknown, length: number) => options.trace?.write(bytesOf(bytes, length)), koffi.pointer(traceType));
  library.func("void hdl_callbacks(hdl_message* message, hdl_trace* trace)")(message, trace);
  const pointer = library.func("void* hdl_open(int random, int seed)")(options.randomSeed === undefined ? 0 : 1, options.randomSeed ?? 1);
  const buffer = koffi.view(pointer, layout.inputBytes + layout.outputBytes);
  if (options.trace) library.func("void hdl_trace_open()")();
  if (options.fst !== undefined) library.func("void hdl_trace_open_file(const char* path)")(writable(options.fst));
  const step = library.func("void hdl_step(uint n)");
  const settle = library.func("void hdl_settle()");
  const batch = library.func("void hdl_batch(uint n, void* in, void* out)");
  const pump = library.func("void hdl_pump(void* job, void* in, void* out, void* idle, void* stall)");
  // C++ cannot be left by a JavaScript exception: the call ends first.
  const check = () => {
    const [text] = failed.splice(0);
    if (text !== undefined) throw new MitsuError(`${layout.module}: ${text}`, { code: "ERR_HDL_SIMULATION", exit: exitStatus.failure });
  };
  return {
    block: () => ({ buffer, offset: 0 }),
    step(n) {
      step(n);
      if (failed.length) check();
    },
    settle() {
      settle();
      check();
    },
    batch(n, inputs, outputs) {
      batch(n, inputs, outputs);
      check();
    },
    pump(job, { input, output, idle, stall }) {
      pump(job, input, output, idle, stall);
      check();
    },
    close() {
      library.func("void hdl_close()")();
      koffi.unregister(message);
      koffi.unregister(trace);
      options.trace?.close();
    },
  };
}
