/** Reads, meters, compiles and starts a module in a thread of its own. @module */
import { isSea } from "node:sea";
import { Worker } from "node:worker_threads";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type FilterModule, type Limits, loadModule, type PluginOptions } from "@mitsu/proxy-wasm";

/** What the thread is given. */
export interface LoadRequest {
  readonly bytes: Uint8Array;
  readonly limits: Limits;
  /** How it is started, to see whether it does. */
  readonly start: Omit<PluginOptions, "limits" | "capabilities"> & { readonly capabilities: readonly string[] | null };
}

/** What it says. */
export type LoadResult =
  | { readonly module: FilterModule }
  | { readonly error: { readonly message: string; readonly code: string; readonly hint: string | undefined } };

/** Longer than any module of 16 MiB takes on a busy core; fuel ends a start that spins long before. */
const mostMs = 20_000;

/**
 * Loads a module while requests are served.
 *
 * @throws {MitsuError} As `loadModule` and `startPlugin`; `ERR_FILTER_START` when it takes longer than 20 s.
 */
export async function loadAside(request: LoadRequest): Promise<FilterModule> {
  // A single executable has no file for a thread to begin with: there it is done here, in steps that fuel bounds.
  if (isSea()) return await loadModule(request.bytes, request.limits);
  const thread = new Worker(new URL("./load-thread.ts", import.meta.url), { workerData: request, stdout: false, env: {} });
  const late = setTimeout(() => void thread.terminate(), mostMs);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
    thread.once("message", resolve).once("error", reject);
    thread.once("exit", () =>
      reject(new MitsuError(`it did not load and start within ${mostMs} ms`, { code: "ERR_FILTER_START", exit: exitStatus.data })),
    );
    const result = await promise;
    if ("module" in result) return result.module;
    const { message, code, hint } = result.error;
    throw new MitsuError(message, { code, exit: exitStatus.data, ...(hint === undefined ? {} : { hint }) });
  } finally {
    clearTimeout(late);
    void thread.terminate();
  }
}
