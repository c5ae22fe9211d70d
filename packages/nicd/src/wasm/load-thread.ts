/**
 * A thread that reads, meters and compiles a module, and starts it once, so that none of it holds up the requests of the thread that serves:
 * what {@link loadAside} runs.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { MitsuError } from "@mitsu/cli/error";
import { type HttpCallHandle, loadModule, type PluginHost, SharedMemories, startPlugin } from "@mitsu/proxy-wasm";
import type { LoadRequest, LoadResult } from "./load-aside.ts";

/** Calls go nowhere here: a filter that makes one in its start does not wait for it either. */
const call: HttpCallHandle & { send(): void; close(): void } = { cancel() {}, send() {}, close() {} };

/** What a start may ask of its host. */
const host: PluginHost = {
  log() {},
  logLevel: "critical",
  nowNs: () => BigInt(Date.now()) * 1_000_000n,
  httpCall: () => call,
  grpcCall: () => call,
  shared: new SharedMemories().of(""),
  metric: (type) => ({ type, increment() {}, record() {}, value: () => 0 }),
  setTick() {},
  property: () => undefined,
  foreign: () => undefined,
};

async function load({ bytes, limits, start }: LoadRequest): Promise<LoadResult> {
  try {
    const module = await loadModule(bytes, limits);
    const capabilities = start.capabilities ?? module.info.manifest?.capabilities ?? "all";
    startPlugin(module, { ...start, capabilities, limits }, host);
    return { module };
  } catch (error) {
    if (!(error instanceof MitsuError)) throw error;
    return { error: { message: error.message, code: error.code, hint: error.hint } };
  }
}

parentPort?.postMessage(await load(workerData as LoadRequest));
