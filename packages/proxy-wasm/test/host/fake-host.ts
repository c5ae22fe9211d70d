/** A plugin's surroundings in memory: a clock that stands, calls that are answered by hand. @module */
import {
  type GrpcCall,
  type GrpcEvents,
  type GrpcHandle,
  type HttpCall,
  type HttpCallAnswer,
  type HttpCallHandle,
  type LogLevel,
  type MetricHandle,
  type MetricType,
  metricType,
  type PluginHost,
  SharedMemories,
  type SharedMemory,
  type TrapReport,
} from "../../src/mod.ts";

interface PendingHttpCall {
  readonly call: HttpCall;
  readonly done: (answer: HttpCallAnswer | null) => void;
  cancelled: boolean;
}

interface PendingGrpcCall {
  readonly call: GrpcCall;
  readonly events: GrpcEvents;
  readonly doings: string[];
}

export class FakeHost implements PluginHost {
  readonly logs: string[] = [];
  readonly traps: TrapReport[] = [];
  readonly httpCalls: PendingHttpCall[] = [];
  readonly grpcCalls: PendingGrpcCall[] = [];
  readonly metrics: Map<string, MetricHandle & { readonly observed: number[] }> = new Map();
  readonly ticks: number[] = [];
  readonly shared: SharedMemory;
  logLevel: LogLevel = "trace";
  stopped = 0;
  foreignFunctions: ReadonlyMap<string, (argument: Uint8Array) => Uint8Array> = new Map();

  constructor(shared: SharedMemory = new SharedMemories().of("")) {
    this.shared = shared;
  }

  log(level: LogLevel, text: string): void {
    this.logs.push(`${level}: ${text}`);
  }

  nowNs(): bigint {
    return 1_700_000_000_000_000_000n;
  }

  /** Only `upstream` is known. */
  httpCall(call: HttpCall, done: (answer: HttpCallAnswer | null) => void): HttpCallHandle | null {
    if (call.upstream !== "upstream") return null;
    const pending: PendingHttpCall = { call, done, cancelled: false };
    this.httpCalls.push(pending);
    return {
      cancel: () => {
        pending.cancelled = true;
      },
    };
  }

  grpcCall(call: GrpcCall, events: GrpcEvents): GrpcHandle | null {
    if (call.upstream !== "upstream") return null;
    const doings: string[] = [];
    this.grpcCalls.push({ call, events, doings });
    return {
      send: (message, end) => doings.push(`send ${Buffer.from(message)} ${end}`),
      close: () => doings.push("close"),
      cancel: () => doings.push("cancel"),
    };
  }

  metric(type: MetricType, name: string): MetricHandle | null {
    const known = this.metrics.get(name);
    if (known !== undefined) return known.type === type ? known : null;
    let value = 0;
    const observed: number[] = [];
    const handle = {
      type,
      observed,
      increment: (offset: number) => {
        value += offset;
      },
      record: (to: number) => {
        if (type === metricType.histogram) observed.push(to);
        else value = to;
      },
      value: () => value,
    };
    this.metrics.set(name, handle);
    return handle;
  }

  setTick(periodMs: number): void {
    this.ticks.push(periodMs);
  }

  property(path: readonly string[]): Uint8Array | undefined {
    return path.join(".") === "xds.node.id" ? Buffer.from("node-1") : undefined;
  }

  foreign(name: string): ((argument: Uint8Array) => Uint8Array) | undefined {
    return this.foreignFunctions.get(name);
  }

  onTrap(report: TrapReport): void {
    this.traps.push(report);
  }

  onStopped(): void {
    this.stopped++;
  }
}
