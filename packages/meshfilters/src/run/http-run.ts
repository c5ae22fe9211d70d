/** One HTTP exchange through a filter, without a network. @module */
import {
  type BufferType,
  type ByteBuffer,
  bufferType,
  type FieldMap,
  FilterTrap,
  type HttpContext,
  type LocalResponse,
  type MapType,
  mapType,
  type Pair,
  type Plugin,
  type StreamHost,
  type StreamType,
  streamType,
  type TrapReport,
} from "@mitsu/proxy-wasm";
import type { Message } from "./answers.ts";
import { Half } from "./half.ts";
import type { LocalHost } from "./local-host.ts";
import { propertyOf } from "./properties.ts";

/** A request, and what the service behind the filter answers. */
export interface HttpCase {
  readonly request: Message;
  readonly answer: Message;
  /** Attributes beside those of the messages. */
  readonly properties: ReadonlyMap<string, Uint8Array>;
}

/** What came of it. */
export interface HttpOutcome {
  /** What the service got; null when it heard nothing. */
  readonly request: Message | null;
  /** What the client got; null for a reset, a trap, and what is held for ever. */
  readonly response: Message | null;
  /** The filter answered itself: the details it gave. */
  readonly local: string | null;
  /** What was stopped and never went on. */
  readonly held: "request" | "response" | null;
  readonly reset: boolean;
  readonly trap: TrapReport | null;
}

/** Nothing in a run takes longer: what is held then is held for ever. */
const patienceMs = 60_000;
const none: readonly Pair[] = [];

/** See {@link runHttp}. */
class Exchange implements StreamHost {
  readonly #case: HttpCase;
  readonly #limit: number;
  readonly #host: LocalHost;
  readonly #startNs: bigint;
  readonly #own = new Map<string, Uint8Array>();
  readonly request: Half;
  response: Half | null = null;
  local: LocalResponse | null = null;
  #answered = false;
  reset = false;

  constructor(one: HttpCase, limit: number, host: LocalHost) {
    this.#case = one;
    this.#limit = limit;
    this.#host = host;
    this.#startNs = host.nowNs();
    this.request = new Half(one.request, limit);
  }

  fields(map: MapType): FieldMap | null {
    if (map === mapType.requestHeaders) return this.request.fields;
    if (map === mapType.requestTrailers) return this.request.trailers;
    if (map === mapType.responseHeaders) return this.response?.fields ?? null;
    return map === mapType.responseTrailers ? (this.response?.trailers ?? null) : null;
  }

  buffer(type: BufferType): ByteBuffer | null {
    if (type === bufferType.requestBody) return this.request.buffer;
    return type === bufferType.responseBody ? (this.response?.buffer ?? null) : null;
  }

  property(path: readonly string[]): Uint8Array | undefined {
    return (
      this.#own.get(path.join("\0")) ??
      propertyOf(path, {
        request: this.request.fields,
        response: this.response?.fields ?? null,
        requestBytes: this.request.received,
        responseBytes: this.response?.received ?? 0,
        startNs: this.#startNs,
        details: this.local?.details ?? "via_upstream",
        given: this.#case.properties,
      })
    );
  }

  setProperty(path: readonly string[], value: Uint8Array): boolean {
    this.#own.set(path.join("\0"), value);
    return true;
  }

  respond(response: LocalResponse): boolean {
    if (this.#answered || this.response?.begun) return false;
    this.#answered = true;
    this.local = response;
    return true;
  }

  resume(stream: StreamType): void {
    if (stream === streamType.request) this.request.resume();
    else this.response?.resume();
  }

  close(): void {
    this.reset = true;
  }

  /** @returns What was held for ever, if anything. */
  run(context: HttpContext): "request" | "response" | null {
    const request = this.request.run({
      headers: (end) => context.requestHeaders(end),
      body: (size, end) => context.requestBody(size, end),
      trailers: () => context.requestTrailers(),
    });
    if (!this.#finish(request)) return "request";
    if (this.reset) return null;
    if (this.request.overflown) this.local ??= localAnswer(413, "request_payload_too_large", "Payload Too Large");
    const inRequest = this.local;
    this.response = new Half(inRequest === null ? this.#case.answer : messageOf(inRequest), this.#limit);
    const half = this.response;
    const response = half.run({
      headers: (end) => context.responseHeaders(end),
      body: (size, end) => context.responseBody(size, end),
      trailers: () => context.responseTrailers(),
    });
    // The filter's own answer goes through its response callbacks too, as on Envoy; a second one it cannot give.
    if (!this.#finish(response, inRequest)) return "response";
    if (half.overflown && !half.begun) this.local = localAnswer(500, "response_payload_too_large", "Internal Server Error");
    else if (half.overflown) this.reset = true;
    return null;
  }

  /** @returns False when it waits for what never comes. */
  #finish(half: Generator<void>, before: LocalResponse | null = null): boolean {
    const untilMs = this.#host.time.nowMs + patienceMs;
    const over = (): boolean => this.reset || this.local !== before;
    while (!half.next().done && !over()) if (!this.#host.time.next(untilMs)) return false;
    return true;
  }
}

function localAnswer(status: number, details: string, text: string): LocalResponse {
  return { status, details, headers: [], body: Buffer.from(text), grpcStatus: -1 };
}

/** A local response as it goes to the client, with what Envoy puts to it. */
function messageOf({ status, headers, body, grpcStatus }: LocalResponse): Message {
  const said = new Set(headers.map(([name]) => name));
  const added = (
    [
      ["content-length", String(body.length)],
      ["content-type", "text/plain"],
    ] as const
  ).filter(([name]) => body.length > 0 && !said.has(name));
  const grpc = grpcStatus < 0 ? none : ([["grpc-status", String(grpcStatus)]] as const);
  return { headers: [[":status", String(status)], ...headers, ...added, ...grpc], body: body.length > 0 ? [body] : [], trailers: [] };
}

function passedBy(half: Half | null): Message | null {
  if (half === null || half.passed.headers === null) return null;
  return { headers: half.passed.headers, body: half.passed.body, trailers: half.passed.trailers };
}

/**
 * Runs one exchange to its end. What the filter waits for (answers of calls, ticks) happens at once, in virtual time.
 *
 * @param limit Bytes that may be held back of a body.
 * @returns What service and client got. A trap is a result, not an error.
 * @example
 * ```ts
 * const { request } = runHttp(plugin, host, { request: message, answer, properties: new Map() }, 2 ** 20);
 * ```
 */
export function runHttp(plugin: Plugin, host: LocalHost, one: HttpCase, limit: number): HttpOutcome {
  const exchange = new Exchange(one, limit, host);
  let held: "request" | "response" | null = null;
  let trap: TrapReport | null = null;
  try {
    const context = plugin.openHttp(exchange);
    held = exchange.run(context);
    context.end();
  } catch (error) {
    if (!(error instanceof FilterTrap)) throw error;
    trap = error.report;
  }
  // Traps in answers to calls do not throw.
  trap ??= plugin.trapped;
  const request = passedBy(exchange.request);
  const lost = held !== null || exchange.reset || trap !== null;
  const late = exchange.local !== null && exchange.response !== null && !exchange.response.begun;
  return {
    request,
    response: lost ? null : late ? messageOf(exchange.local!) : passedBy(exchange.response),
    local: exchange.local?.details ?? null,
    held,
    reset: exchange.reset,
    trap,
  };
}
