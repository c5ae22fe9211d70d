/** What runs a model: WebAssembly or a shared library, behind one interface. @module */
import { readFile } from "node:fs/promises";
import { getAsset, isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Layout } from "./layout.ts";
import { createTraceFile } from "./trace-file.ts";
import { wasmEngine } from "./wasm-engine.ts";

/** A running model. */
export interface Engine {
  /** Where the I/O block lies now; it moves when memory grows. */
  block(): { readonly buffer: ArrayBuffer; readonly offset: number };
  step(n: number): void;
  settle(): void;
  close(): void;
}

/** How a model is opened. */
export interface OpenOptions {
  /** File that gets every signal's changes as VCD; the model must be built with tracing. */
  readonly trace?: string;
  /** Starts registers at random values of this seed instead of 0, to find what the reset forgets. */
  readonly randomSeed?: number;
  /** Takes what `$display` and `$write` print; nobody hears it unless given. */
  readonly display?: (text: string) => void;
}

async function load(module: string, url: URL): Promise<Uint8Array<ArrayBuffer>> {
  if (isSea()) return new Uint8Array(getAsset(`models/${module}.wasm`));
  try {
    return new Uint8Array(await readFile(url));
  } catch (cause) {
    throw new MitsuError(`no model of ${module} at ${fileURLToPath(url)}`, {
      code: "ERR_HDL_MODEL",
      hint: "build it: scripts/build-rtl, or hdl-bindings gen",
      exit: exitStatus.unavailable,
      cause,
    });
  }
}

/**
 * Opens the model of a generated class.
 *
 * @throws {MitsuError} `ERR_HDL_MODEL` when it is not built; `ERR_HDL_TRACE` when it cannot trace and should.
 */
export async function openEngine(layout: Layout, url: URL, options: OpenOptions = {}): Promise<Engine> {
  const module = new WebAssembly.Module(await load(layout.module, url));
  const trace = options.trace === undefined ? undefined : createTraceFile(options.trace);
  return wasmEngine(layout.module, module, { ...options, trace });
}
