/** What the program around gives one plugin beside its streams: clocks, logs, calls, memory that plugins share. @module */
import type { LogLevel, MetricType } from "../abi/types.ts";
import type { TrapReport } from "./plugin.ts";

/** A call to another service by HTTP. */
export interface HttpCall {
  /** Name of a service of the mesh (Envoy: a cluster). */
  readonly upstream: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  readonly timeoutMs: number;
}

/** Its answer; null for a call that failed. A timeout is an answer too, as in Envoy: see {@link timeoutAnswer}. */
export interface HttpCallAnswer {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  readonly trailers: readonly (readonly [name: string, value: string])[];
}

/** A gRPC call or stream. */
export interface GrpcCall {
  readonly upstream: string;
  readonly service: string;
  readonly method: string;
  readonly metadata: readonly (readonly [name: string, value: string])[];
  /** The one message; null for a stream, whose messages come by {@link GrpcHandle.send}. */
  readonly message: Uint8Array | null;
  /** 0 for none; of a unary call only. */
  readonly timeoutMs: number;
}

/** Who is told of a gRPC call. */
export interface GrpcEvents {
  onInitialMetadata(pairs: readonly (readonly [string, string])[]): void;
  onMessage(message: Uint8Array): void;
  onTrailingMetadata(pairs: readonly (readonly [string, string])[]): void;
  /** The end, with a gRPC status; nothing follows. */
  onClose(code: number, message: string): void;
}

/** A call on its way. */
export interface GrpcHandle {
  send(message: Uint8Array, endOfStream: boolean): void;
  /** Half-closes it. */
  close(): void;
  cancel(): void;
}

/** One metric of a filter. */
export interface MetricHandle {
  readonly type: MetricType;
  /** By an amount; a gauge may go down. */
  increment(offset: number): void;
  /** To a value; for a histogram it is one observation. */
  record(value: number): void;
  value(): number;
}

/** See the module. Callbacks (of calls, ticks) come from the host's event loop, never from within a host function. */
export interface PluginHost {
  log(level: LogLevel, text: string): void;
  /** What {@link LogLevel} is still logged: the guest asks so as not to make texts for nothing. */
  readonly logLevel: LogLevel;
  /** Nanoseconds since 1970. */
  nowNs(): bigint;
  /** Null when the upstream is not known. The answer comes later, also when the call fails: as null. `done` does not throw. */
  httpCall(call: HttpCall, done: (answer: HttpCallAnswer | null) => void): HttpCallHandle | null;
  grpcCall(call: GrpcCall, events: GrpcEvents): GrpcHandle | null;
  readonly shared: SharedMemory;
  /** The metric of that name, made when it is new; null beyond the bound, or when it is there with another type. */
  metric(type: MetricType, name: string): MetricHandle | null;
  /** 0 for no ticks. */
  setTick(periodMs: number): void;
  /** Of the plugin itself (`plugin_name`, `plugin_root_id`, `node` …), and what {@link StreamHost.property} does not know. */
  property(path: readonly string[]): Uint8Array | undefined;
  /** A function of the host by name; undefined for none of its own: those of `foreign-functions.ts` are looked at then. @throws What becomes `badArgument`. */
  foreign(name: string): ((argument: Uint8Array) => Uint8Array) | undefined;
  /** The guest trapped, in whatever way it was called; comes once, before the method throws. Callbacks of calls and queues do not throw: this is how their traps are told. */
  onTrap?(report: TrapReport): void;
  /** The plugin that {@link Plugin.stop} left at work has said `proxy_done`. */
  onStopped?(): void;
}

/** A call that may be given up. */
export interface HttpCallHandle {
  cancel(): void;
}

/** Data and queues that all plugins with the same `vm_id` share. Bounded; see each. */
export interface SharedMemory {
  /** Its value and the number of its last change, at least 1; undefined for none. */
  get(key: string): { readonly value: Uint8Array; readonly cas: number } | undefined;
  /** @param cas 0: whatever it is; else only when it is still that one. @returns "full" beyond the bound. */
  set(key: string, value: Uint8Array, cas: number): "ok" | "casMismatch" | "full";
  /**
   * The queue's number; the same for the same name, with what is in it. 0 for no room.
   *
   * @param ready Told of each item that comes in, later than the call that put it there; takes the place of who was told before.
   */
  registerQueue(name: string, ready: (queue: number) => void): number;
  /** Undefined for none. @param vmId Whose. */
  resolveQueue(vmId: string, name: string): number | undefined;
  enqueue(queue: number, value: Uint8Array): "ok" | "notFound" | "full";
  dequeue(queue: number): Uint8Array | "notFound" | "empty";
}
