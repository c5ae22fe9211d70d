/** What runs a model: WebAssembly or a shared library, behind one interface. @module */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { getAsset, isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Layout } from "./layout.ts";
import { createTraceFile, type TraceFile } from "./trace-file.ts";
import { wasmEngine } from "./wasm-engine.ts";
import { webAssembly } from "./web-assembly.ts";

/** The buffers of one pumped run; the engine copies them where its model lives in a memory of its own. */
export interface PumpBuffers {
  /** Beats to send, one after the other. */
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  /** 1 in cycles in which the source offers nothing new; used over and over. */
  readonly idle: Uint8Array;
  /** 1 in cycles in which the sink is not ready. */
  readonly stall: Uint8Array;
}

/** A running model. */
export interface Engine {
  /** Where the I/O block lies now; it moves when memory grows. */
  block(): { readonly buffer: ArrayBuffer; readonly offset: number };
  step(n: number): void;
  settle(): void;
  /** `n` cycles, each with its own input record and output record. */
  batch(n: number, inputs: Uint8Array, outputs: Uint8Array): void;
  /** Beats through handshakes; the job is described in src/stream/pump.ts. */
  pump(job: Int32Array, buffers: PumpBuffers): void;
  close(): void;
}

/** How a model is opened. */
export interface OpenOptions {
  /** File that gets every signal's changes: VCD by the model of `gen --trace`, or, named `.fst` and with `native`, FST by that of `gen --native --fst`. */
  readonly trace?: string;
  /** Starts registers at random values of this seed instead of 0, to find what the reset forgets. */
  readonly randomSeed?: number;
  /** Takes what `$display` and `$write` print; nobody hears it unless given. */
  readonly display?: (text: string) => void;
  /** Runs the shared library (`gen --native`) instead of WebAssembly. */
  readonly native?: boolean;
}

/** What an engine is told besides its code. */
export interface EngineOptions {
  readonly trace?: TraceFile | undefined;
  /** Path of an FST, which the library writes itself; of shared libraries only. */
  readonly fst?: string | undefined;
  readonly randomSeed?: number;
  readonly display?: (text: string) => void;
}

/** `counter.wasm` → `counter.trace.wasm`. */
function named(url: URL, trace: boolean, native: boolean): URL {
  return new URL(url.href.replace(/\.wasm$/, `${trace ? ".trace" : ""}.${native ? "so" : "wasm"}`));
}

function notBuilt(module: string, path: string, trace?: string, cause?: unknown): MitsuError {
  return new MitsuError(`no model of ${module} at ${path}`, {
    code: "ERR_HDL_MODEL",
    hint: trace ? `build the one that can trace: hdl-bindings gen ${trace}` : "build it: scripts/build-rtl, or hdl-bindings gen",
    exit: exitStatus.unavailable,
    cause,
  });
}

async function load(module: string, url: URL, trace: boolean): Promise<Uint8Array<ArrayBuffer>> {
  // scripts/build-binary.ts has a binary carry the model of each generated class that is in it, by the model's file name.
  const asset = isSea() ? basename(url.pathname) : undefined;
  try {
    return new Uint8Array(asset === undefined ? await readFile(url) : getAsset(asset));
  } catch (cause) {
    throw notBuilt(module, asset ?? fileURLToPath(url), trace ? "--trace" : undefined, cause);
  }
}

/**
 * Opens the model of a generated class.
 *
 * @param url Of the WebAssembly model; the others have names of the same pattern.
 * @throws {MitsuError} `ERR_HDL_MODEL` when it is not built.
 */
export async function openEngine(layout: Layout, url: URL, options: OpenOptions = {}): Promise<Engine> {
  const tracing = options.trace !== undefined;
  const { trace: path, ...rest } = options;
  if (options.native && path?.endsWith(".fst")) {
    const library = fileURLToPath(url.href.replace(/\.wasm$/, ".fst.so"));
    if (!existsSync(library)) throw notBuilt(layout.module, library, "--native --fst");
    const { nativeEngine } = await import("./native-engine.ts");
    return nativeEngine(layout, library, { ...rest, fst: path });
  }
  const from = named(url, tracing, options.native === true);
  if (options.native) {
    const library = fileURLToPath(from);
    if (!existsSync(library)) throw notBuilt(layout.module, library, tracing ? "--native --trace" : undefined);
    const { nativeEngine } = await import("./native-engine.ts");
    return nativeEngine(layout, library, { ...rest, trace: path === undefined ? undefined : createTraceFile(path) });
  }
  const module = new webAssembly.Module(await load(layout.module, from, tracing));
  return wasmEngine(layout.module, module, { ...rest, trace: path === undefined ? undefined : createTraceFile(path) });
}
