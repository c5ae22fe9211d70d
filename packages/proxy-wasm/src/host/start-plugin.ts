/** Starts a plugin: its virtual machine, its root context, its configuration. @module */
import { exitStatus, MitsuError } from "@mitsu/cli";
import { bufferType } from "../abi/types.ts";
import type { FilterModule } from "../module/filter-module.ts";
import { fuelExport } from "../module/instrument.ts";
import { CallbackData, fixedBytes, noData } from "./callback-data.ts";
import { Calls } from "./calls.ts";
import { FilterTrap, GuestExit } from "./filter-trap.ts";
import { fuelOf } from "./fuel.ts";
import { bufferFunctions } from "./functions/buffers.ts";
import { contextFunctions } from "./functions/contexts.ts";
import { foreignCallFunctions } from "./functions/foreign.ts";
import { grpcCallFunctions } from "./functions/grpc-call.ts";
import { headerFunctions } from "./functions/headers.ts";
import { httpCallFunctions } from "./functions/http-call.ts";
import { loggingFunctions } from "./functions/logging.ts";
import { metricFunctions } from "./functions/metrics.ts";
import { propertyFunctions } from "./functions/properties.ts";
import { sharedFunctions } from "./functions/shared.ts";
import { streamFunctions } from "./functions/streams.ts";
import { type GuestCallbacks, guestCallbacks } from "./guest-callbacks.ts";
import { HttpStreamContext } from "./http-stream-context.ts";
import { importsOf } from "./imports.ts";
import type { Callbacks, HttpContext, Plugin, PluginCounters, PluginOptions, StartPlugin, TcpContext, TrapReport } from "./plugin.ts";
import type { PluginHost } from "./plugin-host.ts";
import { QueueLink } from "./queue-link.ts";
import type { StreamHost } from "./stream.ts";
import { TcpStreamContext } from "./tcp-stream-context.ts";
import { type Callback, Vm } from "./vm.ts";
import { type Exports, webAssembly } from "./web-assembly.ts";

/** See the module. */
class RunningPlugin implements Plugin {
  readonly options: PluginOptions;
  readonly module: FilterModule;
  readonly callbacks: Callbacks;
  readonly #vm: Vm;
  readonly #guest: GuestCallbacks;
  readonly #calls = new Calls();
  readonly #queues = new QueueLink();
  readonly #host: PluginHost;
  #started = false;

  constructor(module: FilterModule, options: PluginOptions, host: PluginHost) {
    this.module = module;
    this.options = options;
    this.#host = host;
    const vm = new Vm(module.info.abi, options, host);
    this.#vm = vm;
    // Callbacks are known when the guest is there, which imports these functions.
    let guest: GuestCallbacks | undefined;
    const imports = importsOf(vm, module.compiled, {
      ...loggingFunctions(vm),
      ...headerFunctions(vm),
      ...bufferFunctions(vm),
      ...propertyFunctions(vm),
      ...streamFunctions(vm),
      ...contextFunctions(vm),
      ...sharedFunctions(vm, this.#queues.ready),
      ...metricFunctions(vm),
      ...foreignCallFunctions(vm),
      ...httpCallFunctions(vm, this.#calls, () => guest?.httpCallResponse),
      ...grpcCallFunctions(vm, this.#calls, () => ({
        initialMetadata: guest?.grpcInitialMetadata,
        message: guest?.grpcMessage,
        trailingMetadata: guest?.grpcTrailingMetadata,
        close: guest?.grpcClose,
      })),
    });
    this.#queues.wake = (queue) => vm.deliver("proxy_on_queue_ready", guest?.queueReady, noData, queue);
    vm.onTrap = (report) => this.#trapped(report);
    vm.onDone = () => {
      this.#close();
      host.onStopped?.();
    };
    try {
      const { exports } = new webAssembly.Instance(module.compiled, imports);
      guest = guestCallbacks(vm, exports);
      this.#guest = guest;
      this.#attach(exports);
      this.#start(exports);
    } catch (error) {
      this.#letGo();
      vm.closed = true;
      throw this.#startError(error);
    }
    vm.limitFuel(options.limits.fuel);
    this.#started = true;
    this.callbacks = {
      requestHeaders: guest.requestHeaders !== undefined,
      requestBody: guest.requestBody !== undefined,
      requestTrailers: guest.requestTrailers !== undefined,
      responseHeaders: guest.responseHeaders !== undefined,
      responseBody: guest.responseBody !== undefined,
      responseTrailers: guest.responseTrailers !== undefined,
      tcp:
        (guest.newConnection ?? guest.downstreamData ?? guest.upstreamData ?? guest.downstreamClose ?? guest.upstreamClose) !== undefined,
      log: (guest.log ?? guest.done ?? guest.delete) !== undefined,
      changesBodies: module.info.imports.includes("env.proxy_set_buffer_bytes") && vm.allows("body"),
    };
  }

  #attach(exports: Exports): void {
    const { memory } = exports;
    // Envoy takes malloc where a guest has both.
    const allocate = exports.malloc ?? exports.proxy_on_memory_allocate;
    if (!(memory instanceof webAssembly.Memory)) throw new Error("it exports no memory");
    if (typeof allocate !== "function") throw new Error("it exports neither malloc nor proxy_on_memory_allocate");
    const counter = exports[fuelExport];
    this.#vm.attach(memory, allocate as (size: number) => number, counter instanceof webAssembly.Global ? fuelOf(counter) : null);
  }

  #start(exports: Exports): void {
    const vm = this.#vm;
    const { _initialize, main, _start } = exports;
    if (typeof _initialize === "function") {
      vm.invoke(vm.root, "_initialize", _initialize as NonNullable<Callback>);
      if (typeof main === "function") vm.invoke(vm.root, "main", main as NonNullable<Callback>);
    } else if (typeof _start === "function") vm.invoke(vm.root, "_start", untilExit(_start as NonNullable<Callback>));
    const { contextCreate, vmStart } = this.#guest;
    const { id } = vm.root;
    if (contextCreate !== undefined) vm.invoke(vm.root, "proxy_on_context_create", contextCreate, id, 0);
    if (vmStart !== undefined && vm.invoke(vm.root, "proxy_on_vm_start", vmStart, id, this.options.vmConfiguration.length) === 0)
      throw new Error("its proxy_on_vm_start answered false");
    if (!this.#configure(this.options.configuration))
      throw new Error("its proxy_on_configure answered false: it does not like its configuration");
  }

  #configure(configuration: Uint8Array): boolean {
    const { configure } = this.#guest;
    if (configure === undefined) return true;
    const data = new CallbackData({}, { [bufferType.pluginConfiguration]: fixedBytes(configuration) });
    return this.#vm.withData(data, "proxy_on_configure", configure, configuration.length) !== 0;
  }

  #startError(error: unknown): MitsuError {
    if (error instanceof MitsuError && !(error instanceof FilterTrap)) return error;
    const what =
      error instanceof FilterTrap
        ? `${error.report.callback}: ${error.report.detail}`
        : error instanceof Error
          ? error.message
          : String(error);
    return new MitsuError(`cannot start filter ${this.options.name}: ${what}`, {
      code: "ERR_FILTER_START",
      hint: "mend the filter or its configuration",
      exit: exitStatus.data,
      cause: error,
    });
  }

  /** Of what would reach the guest later. */
  #letGo(): void {
    this.#calls.cancelAll();
    this.#queues.wake = null;
  }

  #trapped(report: TrapReport): void {
    this.#letGo();
    // Of the start itself, startPlugin tells.
    if (!this.#started || this.#vm.closed) return;
    this.#host.setTick(0);
    this.#host.onTrap?.(report);
  }

  get trapped(): TrapReport | null {
    return this.#vm.trapped;
  }

  get memoryBytes(): number {
    return this.#vm.memory.size;
  }

  get counters(): PluginCounters {
    const { calls, fuelUsed, denied } = this.#vm;
    return { calls, fuel: fuelUsed, denied, callsOpen: this.#calls.size };
  }

  openHttp(stream: StreamHost): HttpContext {
    return new HttpStreamContext(this.#vm, this.#guest, stream);
  }

  openTcp(stream: StreamHost): TcpContext {
    return new TcpStreamContext(this.#vm, this.#guest, stream);
  }

  tick(): void {
    const { tick } = this.#guest;
    if (tick !== undefined && !this.#vm.closed) this.#vm.withData(noData, "proxy_on_tick", tick);
  }

  queueReady(queue: number): void {
    const { queueReady } = this.#guest;
    if (queueReady !== undefined && !this.#vm.closed) this.#vm.withData(noData, "proxy_on_queue_ready", queueReady, queue);
  }

  foreignFunction(id: number, argument: Uint8Array): void {
    const { foreignFunction } = this.#guest;
    if (foreignFunction === undefined || this.#vm.closed) return;
    const data = new CallbackData({}, { [bufferType.callData]: fixedBytes(argument) });
    this.#vm.withData(data, "proxy_on_foreign_function", foreignFunction, id, argument.length);
  }

  configure(configuration: Uint8Array): boolean {
    const vm = this.#vm;
    vm.limitFuel(this.options.limits.startFuel);
    try {
      return this.#configure(configuration);
    } finally {
      vm.limitFuel(this.options.limits.fuel);
    }
  }

  stop(): boolean {
    const vm = this.#vm;
    if (vm.closed) return true;
    const { done } = this.#guest;
    if (vm.trapped === null && !vm.donePending && done !== undefined && this.#ending("proxy_on_done", done) === 0) {
      vm.donePending = true;
      return false;
    }
    this.#close();
    return true;
  }

  /** Calls the root context for the last times. The AssemblyScript SDK traps here whatever the filter does, as it takes the root for a stream. @returns 1 for a trap. */
  #ending(name: string, callback: NonNullable<Callback>): number {
    const vm = this.#vm;
    this.#started = false;
    try {
      const answer = vm.invoke(vm.root, name, callback, vm.root.id);
      this.#started = true;
      return answer;
    } catch {
      return 1;
    }
  }

  #close(): void {
    const vm = this.#vm;
    if (vm.closed) return;
    vm.donePending = false;
    if (vm.trapped === null && this.#guest.delete !== undefined) this.#ending("proxy_on_delete", this.#guest.delete);
    vm.closed = true;
    vm.contexts.clear();
    this.#letGo();
    this.#host.setTick(0);
  }
}

/** A command's `_start` may end by `proc_exit(0)`. */
function untilExit(start: NonNullable<Callback>): NonNullable<Callback> {
  return () => {
    try {
      return start();
    } catch (error) {
      if (error instanceof GuestExit && error.code === 0) return 0;
      throw error;
    }
  };
}

/**
 * Instantiates a module and runs its start: `_initialize` or `_start`, the root context, `proxy_on_vm_start`, `proxy_on_configure`.
 *
 * @throws {MitsuError} `ERR_FILTER_START` when that traps, runs out of fuel, or the filter refuses its configuration; `ERR_FILTER_IMPORT`.
 * @example
 * ```ts
 * const plugin = startPlugin(await loadModule(bytes, defaultLimits), options, host);
 * const exchange = plugin.openHttp(stream);
 * exchange.requestHeaders(true); // action.continue
 * exchange.end();
 * ```
 */
export const startPlugin: StartPlugin = (module, options, host) => new RunningPlugin(module, options, host);
