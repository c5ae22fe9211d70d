/** One virtual machine of a filter, with what surrounds it: clocks, calls, ticks, log; and the streams that it has open. @module */
import type { MeshFilter } from "@mitsu/catalog";
import type { Log } from "@mitsu/cli";
import {
  defaultLimits,
  type FilterModule,
  type GrpcCall,
  type GrpcEvents,
  type GrpcHandle,
  type HttpCall,
  type HttpCallAnswer,
  type HttpCallHandle,
  integerValue,
  type LogLevel,
  type MetricHandle,
  type MetricType,
  type Plugin,
  type PluginHost,
  type SharedMemories,
  type SharedMemory,
  startPlugin,
  type TrapReport,
  textValue,
} from "@mitsu/proxy-wasm";
import { Timer } from "@mitsu/reactor/timers";
import type { DataPlane } from "../proxy/data-plane.ts";
import { ServiceCall } from "../proxy/service-call.ts";
import type { FilterMetrics } from "./filter-metrics.ts";
import { callGrpc } from "./grpc-call.ts";

/** What all machines of a worker share. */
export interface MachineEnv {
  readonly plane: DataPlane;
  readonly log: Log;
  readonly node: string;
  readonly shared: SharedMemories;
}

/** A stream that a machine has open. */
export interface MachineStream {
  /** In the machine's list; -1 outside it. The machine's own. */
  place: number;
  /** The machine is unusable from now on. */
  onTrap(): void;
}

/** Lines that a filter may log in a second, all its machines together; the rest is counted. */
const linesPerSecond = 100;

/** A bound on a filter's lines in the log. */
export class LogBudget {
  #second = 0;
  #lines = 0;
  /** Lines that were not logged. */
  dropped = 0;

  takes(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    if (this.#lines++ < linesPerSecond) return true;
    this.dropped++;
    return false;
  }
}

/** What machines of one filter share, one after the other. */
export interface MachineOwner {
  readonly metrics: FilterMetrics;
  readonly budget: LogBudget;
  onTrap(machine: FilterMachine, report: TrapReport): void;
  /** An exchange has ended. @param status Of its answer; 0 for none. */
  onEnded(machine: FilterMachine, status: number): void;
}

const samplePeriod = 32;
const nothing = new Uint8Array(0);
/** Of a call that sets none: no filter waits for ever. */
const longestCallMs = 60_000;
const timedOut = Buffer.from("upstream request timeout");

/** Made by {@link FilterMachine.start}. */
export class FilterMachine implements PluginHost {
  readonly name: string;
  readonly spec: MeshFilter;
  readonly module: FilterModule;
  readonly shared: SharedMemory;
  readonly logLevel: LogLevel;
  readonly startedMs: number;
  plugin!: Plugin;
  /** Exchanges that it has seen to their end, and those of them with 500 and above. */
  exchanges = 0;
  errors = 0;
  /** In callbacks, of those that {@link sampled} chose, extrapolated. */
  timeNs = 0;
  #turn = 0;
  readonly #env: MachineEnv;
  readonly #owner: MachineOwner;
  /** Not a set, which makes a new table every few streams. */
  readonly #streams: MachineStream[] = [];
  readonly #tick: Timer;
  #tickMs = 0;
  #retired = false;

  /**
   * Instantiates a module and runs its start.
   *
   * @throws {MitsuError} `ERR_FILTER_START`
   */
  static start(module: FilterModule, spec: MeshFilter, env: MachineEnv, owner: MachineOwner): FilterMachine {
    const made = new FilterMachine(module, spec, env, owner);
    try {
      made.plugin = startPlugin(
        module,
        {
          name: spec.name,
          rootId: spec.rootId,
          vmId: spec.vmId,
          configuration: Buffer.from(spec.configuration),
          vmConfiguration: nothing,
          limits: { ...defaultLimits, ...spec.limits },
          capabilities: spec.capabilities ?? module.info.manifest?.capabilities ?? "all",
        },
        made,
      );
    } catch (error) {
      made.setTick(0);
      throw error;
    }
    return made;
  }

  private constructor(module: FilterModule, spec: MeshFilter, env: MachineEnv, owner: MachineOwner) {
    this.name = spec.name;
    this.spec = spec;
    this.module = module;
    this.#env = env;
    this.#owner = owner;
    this.shared = env.shared.of(spec.vmId === "" ? `\0${spec.name}` : spec.vmId);
    this.logLevel = env.log.level === "debug" ? "trace" : env.log.level;
    this.startedMs = env.plane.nowMs();
    this.#tick = new Timer(() => this.#ticked());
  }

  get onFailure(): MeshFilter["onFailure"] {
    return this.spec.onFailure;
  }

  /** Of the SPIFFE ids of callers. */
  get trustDomain(): string {
    return this.plane.catalog?.links.trustDomain ?? "";
  }

  get plane(): DataPlane {
    return this.#env.plane;
  }

  /** Streams that are open. */
  get open(): number {
    return this.#streams.length;
  }

  /** One callback of so many is timed: a clock is a part of what it measures. */
  sampled(): boolean {
    this.#turn = (this.#turn + 1) % samplePeriod;
    return this.#turn === 0;
  }

  took(ns: number): void {
    this.timeNs += ns * samplePeriod;
  }

  began(stream: MachineStream): void {
    stream.place = this.#streams.push(stream) - 1;
  }

  ended(stream: MachineStream, status: number): void {
    if (!this.#remove(stream)) return;
    this.exchanges++;
    if (status >= 500) this.errors++;
    this.#owner.onEnded(this, status);
    if (this.#retired && this.#streams.length === 0) this.#stop();
  }

  #remove(stream: MachineStream): boolean {
    const { place } = stream;
    if (place < 0) return false;
    stream.place = -1;
    const last = this.#streams.pop()!;
    if (last === stream) return true;
    this.#streams[place] = last;
    last.place = place;
    return true;
  }

  /** Takes no new streams; ends with its last one. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#streams.length === 0) this.#stop();
  }

  #stop(): void {
    this.setTick(0);
    try {
      // A filter that still has work is told a second time after a while: a retired machine does not stay.
      if (!this.plugin.stop()) {
        const last = new Timer(() => this.plugin.stop());
        this.plane.reactor.timers.arm(last, longestCallMs);
      }
    } catch (error) {
      this.#env.log.debug("a filter ended badly", { filter: this.name, error });
    }
  }

  #ticked(): void {
    if (this.#tickMs === 0 || this.plugin.trapped !== null) return;
    this.plane.reactor.timers.arm(this.#tick, this.#tickMs);
    try {
      this.plugin.tick();
    } catch {
      // onTrap has told.
    }
  }

  // ── What the guest is given ──────────────────────────────────────────────────────────────────────────────────────────────────

  log(level: LogLevel, text: string): void {
    const { log, plane } = this.#env;
    if (!this.#owner.budget.takes(plane.nowMs())) return;
    const as = level === "trace" ? "debug" : level === "critical" ? "error" : level;
    // As a field: a line of the filter's cannot be taken for another one.
    log[as]("a filter says", { filter: this.name, text });
  }

  nowNs(): bigint {
    return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
  }

  setTick(periodMs: number): void {
    const { timers } = this.plane.reactor;
    this.#tickMs = periodMs;
    if (periodMs > 0) timers.arm(this.#tick, periodMs);
    else timers.disarm(this.#tick);
  }

  httpCall(call: HttpCall, done: (answer: HttpCallAnswer | null) => void): HttpCallHandle | null {
    const timeoutMs = call.timeoutMs > 0 ? call.timeoutMs : longestCallMs;
    const request = { service: call.upstream, ...call, timeoutMs, mostAnswerBytes: this.spec.limits.bodyBytes };
    return ServiceCall.begin(this.plane, request, (answer) => {
      // As Envoy: time that is over is an answer, a connection that failed is none.
      done(
        answer === "timeout"
          ? {
              headers: [
                [":status", "504"],
                ["content-type", "text/plain"],
              ],
              body: timedOut,
              trailers: [],
            }
          : answer,
      );
    });
  }

  grpcCall(call: GrpcCall, events: GrpcEvents): GrpcHandle | null {
    return callGrpc(this.plane, { ...call, timeoutMs: call.timeoutMs }, events, this.spec.limits.bodyBytes);
  }

  metric(type: MetricType, name: string): MetricHandle | null {
    return this.#owner.metrics.metric(type, name);
  }

  property(path: readonly string[]): Uint8Array | undefined {
    const { node } = this.#env;
    switch (path.join(".")) {
      case "plugin_name":
        return textValue(this.name);
      case "plugin_root_id":
        return textValue(this.spec.rootId);
      case "plugin_vm_id":
        return textValue(this.spec.vmId);
      case "node":
      case "node.id":
      case "node.cluster":
      case "xds.node.id":
      case "xds.node.cluster":
        return textValue(node);
      case "listener_direction":
      case "xds.listener_direction":
        return integerValue(2);
    }
    return undefined;
  }

  foreign(): undefined {
    return undefined;
  }

  onTrap(report: TrapReport): void {
    this.setTick(0);
    this.#owner.onTrap(this, report);
    // Later: the callback that trapped tells its own stream by throwing.
    this.plane.reactor.defer(() => {
      for (const stream of [...this.#streams]) stream.onTrap();
    });
  }
}
