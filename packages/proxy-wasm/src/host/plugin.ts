/** A filter at work: one virtual machine, one root context, and its streams. @module */
import type { Action, BodyAction } from "../abi/types.ts";
import type { FilterModule } from "../module/filter-module.ts";
import type { Limits } from "./limits.ts";
import type { PluginHost } from "./plugin-host.ts";
import type { StreamHost } from "./stream.ts";

/** How a filter is started. */
export interface PluginOptions {
  /** As mesh.yaml has it. */
  readonly name: string;
  /** Chooses among the filters of one module; usually empty. */
  readonly rootId: string;
  /** Plugins with the same one share data and queues. */
  readonly vmId: string;
  readonly configuration: Uint8Array;
  readonly vmConfiguration: Uint8Array;
  readonly limits: Limits;
  /** Host functions beyond these capabilities answer as if they could not (`unimplemented`). */
  readonly capabilities: readonly string[] | "all";
}

/** A callback ended badly; the whole virtual machine is unusable from then on. */
export interface TrapReport {
  readonly reason: "fuel" | "trap" | "memory" | "host";
  /** `proxy_on_request_headers` … */
  readonly callback: string;
  /** The engine's message and, where the module has names, the functions that were active. */
  readonly detail: string;
}

/**
 * Filter of one HTTP exchange. Each method may throw a `FilterTrap`. What the module does not export answers `continue`, at no cost. What it answers
 * comes back as it is (numbers beyond the last action as that one), but for a callback in which it sent a local response: that always stops
 * (`stopAllIterationAndWatermark`, of a body `stopIterationNoBuffer`, of trailers `stopIteration`).
 */
export interface HttpContext {
  readonly id: number;
  requestHeaders(endOfStream: boolean): Action;
  /** @param size Bytes that are buffered now. */
  requestBody(size: number, endOfStream: boolean): BodyAction;
  requestTrailers(): Action;
  responseHeaders(endOfStream: boolean): Action;
  responseBody(size: number, endOfStream: boolean): BodyAction;
  responseTrailers(): Action;
  /** The exchange is over: proxy_on_log, proxy_on_done, proxy_on_delete, in Envoy's order. Nothing happens the second time, or when the plugin has trapped. */
  end(): void;
}

/** Filter of one TCP connection. */
export interface TcpContext {
  readonly id: number;
  newConnection(): Action;
  downstreamData(size: number, endOfStream: boolean): Action;
  upstreamData(size: number, endOfStream: boolean): Action;
  downstreamClose(byPeer: boolean): void;
  upstreamClose(byPeer: boolean): void;
  end(): void;
}

/** Which callbacks a module has: a chain leaves the others out. */
export interface Callbacks {
  readonly requestHeaders: boolean;
  readonly requestBody: boolean;
  readonly requestTrailers: boolean;
  readonly responseHeaders: boolean;
  readonly responseBody: boolean;
  readonly responseTrailers: boolean;
  readonly tcp: boolean;
  readonly log: boolean;
  /** It imports `proxy_set_buffer_bytes`: bodies may change length. */
  readonly changesBodies: boolean;
}

/** Since the start. */
export interface PluginCounters {
  /** Of callbacks. */
  readonly calls: number;
  /** Units; 0 for a module without a counter. */
  readonly fuel: number;
  /** Calls of host functions beyond the filter's capabilities. */
  readonly denied: number;
  /** HTTP and gRPC calls on their way. */
  readonly callsOpen: number;
}

/** See {@link startPlugin}. */
export interface Plugin {
  readonly options: PluginOptions;
  readonly module: FilterModule;
  readonly callbacks: Callbacks;
  /** Set once: nothing may be called after it. */
  readonly trapped: TrapReport | null;
  /** Of linear memory now. */
  readonly memoryBytes: number;
  /** Since it was started. */
  readonly counters: PluginCounters;
  openHttp(stream: StreamHost): HttpContext;
  openTcp(stream: StreamHost): TcpContext;
  /** proxy_on_tick. @throws {FilterTrap} As all that calls the guest. */
  tick(): void;
  /** proxy_on_queue_ready, for a host whose queues do not call back what they were registered with. */
  queueReady(queue: number): void;
  /** proxy_on_configure with another configuration. @returns What the filter says of it. */
  configure(configuration: Uint8Array): boolean;
  /** proxy_on_foreign_function: something of the host's own, which only filters written for it know. */
  foreignFunction(id: number, argument: Uint8Array): void;
  /**
   * proxy_on_done of the root context, then its deletion; open streams must have ended. A trap in there is not reported, as nothing is left to go wrong.
   *
   * @returns False when the filter still has work: it ends with its `proxy_done` ({@link PluginHost.onStopped}), or with a second `stop`.
   */
  stop(): boolean;
}

/**
 * Instantiates a module and runs its start: `_initialize` or `_start`, the root context, `proxy_on_vm_start`, `proxy_on_configure`.
 *
 * @throws {MitsuError} `ERR_FILTER_START` when that traps, runs out of fuel, or the filter refuses its configuration.
 */
export type StartPlugin = (module: FilterModule, options: PluginOptions, host: PluginHost) => Plugin;
