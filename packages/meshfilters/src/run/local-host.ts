/** What surrounds a filter in a run: a clock that stands, calls with written answers, logs and metrics that are kept. @module */
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
  type Plugin,
  type PluginHost,
  SharedMemories,
  type SharedMemory,
  textValue,
} from "@mitsu/proxy-wasm";
import type { CallAnswer, CallMade, Services } from "./answers.ts";
import { VirtualTime } from "./virtual-time.ts";

/** A line that the filter wrote. */
export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
}

/** What is usual: a run starts at the same moment each time. */
export const startOfTimeMs: number = Date.UTC(2026, 0, 1);
const shortestTickMs = 1;

/**
 * The host of one plugin.
 *
 * @example
 * ```ts
 * const host = new LocalHost({ vmId: "" });
 * host.attach(startPlugin(module, options, host));
 * ```
 */
export class LocalHost implements PluginHost {
  readonly logs: LogLine[] = [];
  readonly calls: CallMade[] = [];
  readonly metrics: Map<string, MetricHandle> = new Map();
  readonly time: VirtualTime;
  readonly shared: SharedMemory;
  logLevel: LogLevel = "trace";
  /** Whom the filter may call. */
  services: Services = {};
  readonly #asked = new Map<string, number>();
  #plugin: Plugin | undefined;
  #stopTick: () => void = () => {};

  constructor({ vmId, nowMs = startOfTimeMs }: { readonly vmId: string; readonly nowMs?: number }) {
    this.time = new VirtualTime(nowMs);
    this.shared = new SharedMemories(undefined, (task) => {
      this.time.after(0, task);
    }).of(vmId);
  }

  /** Whom ticks go to. */
  attach(plugin: Plugin): void {
    this.#plugin = plugin;
  }

  log(level: LogLevel, text: string): void {
    this.logs.push({ level, text });
  }

  nowNs(): bigint {
    return BigInt(Math.round(this.time.nowMs * 1e6));
  }

  httpCall(call: HttpCall, done: (answer: HttpCallAnswer | null) => void): HttpCallHandle | null {
    const answer = this.#answerOf(call.upstream);
    if (answer === undefined) return null;
    this.calls.push({ service: call.upstream, headers: call.headers, body: call.body, trailers: call.trailers });
    const late = call.timeoutMs > 0 && answer.delayMs > call.timeoutMs;
    const cancel = this.time.after(late ? call.timeoutMs : answer.delayMs, () =>
      done(answer.fails || late ? null : { headers: answer.headers, body: Buffer.concat(answer.body), trailers: answer.trailers }),
    );
    return { cancel };
  }

  grpcCall(call: GrpcCall, events: GrpcEvents): GrpcHandle | null {
    const answer = this.#answerOf(call.upstream);
    if (answer === undefined) return null;
    const headers = [[":path", `/${call.service}/${call.method}`] as const, ...call.metadata];
    let cancel = (): void => {};
    const end = (body: Uint8Array): void => {
      this.calls.push({ service: call.upstream, headers, body, trailers: [] });
      cancel = this.time.after(answer.delayMs, () => {
        if (answer.fails) return events.onClose(14, "the connection broke");
        events.onInitialMetadata(answer.headers);
        for (const message of answer.body) events.onMessage(message);
        events.onTrailingMetadata(answer.trailers);
        events.onClose(answer.grpcStatus, "");
      });
    };
    const sent: Uint8Array[] = [];
    if (call.message !== null) end(call.message);
    return {
      send: (message, endOfStream) => {
        sent.push(message);
        if (endOfStream) end(Buffer.concat(sent));
      },
      close: () => end(Buffer.concat(sent)),
      cancel: () => cancel(),
    };
  }

  #answerOf(service: string): CallAnswer | undefined {
    const answers = Object.hasOwn(this.services, service) ? this.services[service] : undefined;
    const asked = this.#asked.get(service) ?? 0;
    this.#asked.set(service, asked + 1);
    return answers?.[Math.min(asked, answers.length - 1)];
  }

  metric(type: MetricType, name: string): MetricHandle | null {
    const known = this.metrics.get(name);
    if (known !== undefined) return known.type === type ? known : null;
    const made = localMetric(type);
    this.metrics.set(name, made);
    return made;
  }

  setTick(periodMs: number): void {
    this.#stopTick();
    this.#stopTick = () => {};
    if (periodMs === 0) return;
    const again = (): void => {
      this.#stopTick = this.time.after(Math.max(periodMs, shortestTickMs), () => {
        again();
        this.#plugin?.tick();
      });
    };
    again();
  }

  property(path: readonly string[]): Uint8Array | undefined {
    return path.join(".") === "xds.node.id" ? textValue("meshfilters") : undefined;
  }

  foreign(): undefined {
    return undefined;
  }
}

/** A histogram's value is how often it was told. */
function localMetric(type: MetricType): MetricHandle {
  let value = 0;
  return {
    type,
    increment: (by) => {
      value += by;
    },
    record: (given) => {
      value = type === metricType.histogram ? value + 1 : type === metricType.counter ? value + given : given;
    },
    value: () => value,
  };
}
