/** Sends spans to an OpenTelemetry collector by OTLP over HTTP, in batches, from a bounded queue. @module */
import { setTimeout as sleep } from "node:timers/promises";
import type { IExportTraceServiceResponse, ISerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { type Exchange, keep } from "./exchange.ts";
import { ExportPace } from "./export-pace.ts";
import { otlpEndpoint } from "./otlp-endpoint.ts";
import type { OtlpPost } from "./otlp-post.ts";
import { isRetryable, type RetryLimits, retryLimits, waitMs } from "./otlp-retry.ts";
import { SpanMaker, type SpanMakerOptions } from "./spans.ts";

/** Where and how to send. */
export interface OtlpExporterOptions extends Omit<SpanMakerOptions, "resource"> {
  /** Base URL, as in OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** `key=value,…`, as in OTEL_EXPORTER_OTLP_HEADERS. */
  readonly headers?: string;
  /** Compress, as OTEL_EXPORTER_OTLP_COMPRESSION=gzip; off unless told. */
  readonly gzip?: boolean;
  /** Spans of one POST; 512 unless told. */
  readonly batchSpans?: number;
  /** Spans that wait at most; 16384 unless told, some 16 MB. What comes then is dropped. */
  readonly queueSpans?: number;
  /** Spans a second at most; 5000 unless told, some twentieth of a core. What comes beyond is thinned out by trace. */
  readonly spansPerSecond?: number;
  /** A smaller batch is sent after so long; 1000 unless told. */
  readonly delayMs?: number;
  /** One POST may take so long; 10000 unless told. */
  readonly timeoutMs?: number;
  readonly retry?: RetryLimits;
  /** Waits between attempts; a test brings its own. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Spans by what became of them, since the start. */
export interface OtlpCounts {
  /** The receiver took them. */
  readonly exported: number;
  /** Left out since more came than are to be sent a second. */
  readonly thinned: number;
  /** The queue was full, or they were left at the end. */
  readonly dropped: number;
  /** Sent in vain: every attempt failed, or the receiver refused the batch. */
  readonly failed: number;
  /** The receiver took the batch without them. */
  readonly rejected: number;
  /** POSTs that were repetitions. */
  readonly retries: number;
}

/** What is loaded at the start. */
interface Parts {
  readonly serializer: ISerializer<ReadableSpan[], IExportTraceServiceResponse>;
  readonly maker: SpanMaker;
  readonly post: OtlpPost;
}

/**
 * Takes exchanges at any rate and never blocks: spans are made of them only when their batch is sent, one batch after the other, and what
 * the queue cannot hold is dropped and counted.
 *
 * @example
 * ```ts
 * const exporter = await OtlpExporter.open({ daemon: "sockhijack", endpoint: "http://127.0.0.1:4318" });
 * feed.to((exchange) => exporter.add(exchange));
 * await exporter.close(5000);
 * ```
 */
export class OtlpExporter {
  readonly #parts: Parts;
  readonly #options: Required<Pick<OtlpExporterOptions, "batchSpans" | "queueSpans" | "delayMs" | "timeoutMs" | "retry" | "wait">>;
  readonly #counts = { exported: 0, thinned: 0, dropped: 0, failed: 0, rejected: 0, retries: 0 };
  readonly #abort = new AbortController();
  readonly #pace: ExportPace;
  #queue: Exchange[] = [];
  /** Spans that the queue's exchanges will make. */
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;
  /** Why the last batch failed or was taken in part; undefined once one went through whole. */
  lastError: string | undefined;

  private constructor(parts: Parts, options: OtlpExporterOptions) {
    this.#parts = parts;
    this.#pace = new ExportPace(options.spansPerSecond ?? 5000);
    this.#options = {
      batchSpans: options.batchSpans ?? 512,
      queueSpans: options.queueSpans ?? 16_384,
      delayMs: options.delayMs ?? 1000,
      timeoutMs: options.timeoutMs ?? 10_000,
      retry: options.retry ?? retryLimits,
      wait: options.wait ?? ((ms, signal) => sleep(ms, undefined, { signal, ref: false })),
    };
  }

  /**
   * Loads OpenTelemetry's packages; nothing is sent yet, the receiver may come later.
   *
   * @throws {MitsuError} ERR_OTLP_ENDPOINT, ERR_OTLP_HEADERS
   */
  static async open(options: OtlpExporterOptions): Promise<OtlpExporter> {
    const endpoint = otlpEndpoint(options.endpoint, options.headers);
    const [{ ProtobufTraceSerializer, resourceFromAttributes }, { OtlpPost }] = await Promise.all([
      import("./otlp-protobuf.ts"),
      import("./otlp-post.ts"),
    ]);
    const parts: Parts = {
      serializer: ProtobufTraceSerializer,
      maker: new SpanMaker({ ...options, resource: resourceFromAttributes }),
      post: new OtlpPost(endpoint, { gzip: options.gzip ?? false, userAgent: `mitsu-${options.daemon}` }),
    };
    return new OtlpExporter(parts, options);
  }

  /** What became of the spans so far. */
  get counts(): OtlpCounts {
    return { ...this.#counts };
  }

  /** Spans that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes an exchange to be sent, or a copy of it when it is still its owner's; one that is not sampled or not ours is left out. */
  add(exchange: Exchange): void {
    if (!exchange.sampled) return;
    const spans = spansOf(exchange);
    if (spans === 0) return;
    if (!this.#pace.lets(exchange, spans)) {
      this.#counts.thinned += spans;
      return;
    }
    if (this.#closed || this.#waiting + spans > this.#options.queueSpans) {
      this.#counts.dropped += spans;
      return;
    }
    this.#queue.push(keep(exchange));
    this.#waiting += spans;
    this.#plan();
  }

  /**
   * Sends what waits, then closes the connection; what is not through within the limit is dropped.
   *
   * @param limitMs Milliseconds for all of it.
   */
  async close(limitMs: number): Promise<void> {
    this.#closed = true;
    const limit = setTimeout(() => this.#abort.abort(), limitMs);
    while (this.#sending || (this.#waiting > 0 && !this.#abort.signal.aborted)) await (this.#sending ?? this.#sendNow());
    clearTimeout(limit);
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    this.#counts.dropped += this.#waiting;
    this.#queue = [];
    this.#waiting = 0;
    this.#parts.post.close();
  }

  /** A full batch goes when what came together has been added, not in the middle of it; a smaller one after a while. */
  #plan(): void {
    if (this.#sending || this.#soon) return;
    if (this.#waiting >= this.#options.batchSpans) {
      this.#soon = setImmediate(() => {
        this.#soon = undefined;
        if (!this.#sending) void this.#sendNow();
      });
    } else this.#timer ??= setTimeout(() => this.#sendNow(), this.#options.delayMs).unref();
  }

  #sendNow(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendBatch(this.#take()).finally(() => {
      this.#sending = undefined;
      if (this.#waiting > 0 && !this.#closed) this.#plan();
    });
    return this.#sending;
  }

  /** The spans of one batch. */
  #take(): ReadableSpan[] {
    let taken = 0;
    let spans = 0;
    while (taken < this.#queue.length && spans < this.#options.batchSpans) spans += spansOf(this.#queue[taken++]!);
    this.#waiting -= spans;
    return this.#queue.splice(0, taken).flatMap((exchange) => this.#parts.maker.spans(exchange));
  }

  /** Never rejects: a failure is counted. */
  async #sendBatch(spans: ReadableSpan[]): Promise<void> {
    try {
      const body = this.#parts.serializer.serializeRequest(spans);
      const answer = body && (await this.#deliver(body));
      if (!answer) {
        this.#counts.failed += spans.length;
        return;
      }
      const { rejected, message } = this.#partial(answer);
      this.#counts.rejected += Math.min(rejected, spans.length);
      this.#counts.exported += Math.max(spans.length - rejected, 0);
      this.lastError = message;
    } catch (error) {
      // OpenTelemetry's serializer refused a span.
      this.#counts.failed += spans.length;
      this.lastError = (error as Error).message;
    }
  }

  /** POSTs until the receiver takes it; undefined when it does not. */
  async #deliver(body: Uint8Array): Promise<Uint8Array | undefined> {
    const { retry, timeoutMs, wait } = this.#options;
    const { signal } = this.#abort;
    for (let attempt = 1; ; attempt++) {
      let retryAfter: string | undefined;
      try {
        const answer = await this.#parts.post.send(body, timeoutMs, signal);
        if (answer.status >= 200 && answer.status < 300) return answer.body;
        this.lastError = `the receiver answers ${answer.status}`;
        if (!isRetryable(answer.status)) return undefined;
        retryAfter = answer.retryAfter;
      } catch (error) {
        this.lastError = reason(error);
      }
      if (attempt >= retry.attempts || signal.aborted) return undefined;
      // The wait ends early only at the end of close().
      const aborted = await wait(waitMs(attempt, retry, retryAfter, Math.random()), signal).then(
        () => signal.aborted,
        () => true,
      );
      if (aborted) return undefined;
      this.#counts.retries++;
    }
  }

  /** What a receiver that took the batch did not take of it. */
  #partial(answer: Uint8Array): { readonly rejected: number; readonly message: string | undefined } {
    try {
      const { partialSuccess } = this.#parts.serializer.deserializeResponse(answer);
      return { rejected: Number(partialSuccess?.rejectedSpans ?? 0), message: partialSuccess?.errorMessage || undefined };
    } catch {
      // Some receivers answer 200 with text.
      return { rejected: 0, message: undefined };
    }
  }
}

/** How many spans an exchange makes. */
function spansOf({ client, server }: Exchange): number {
  return Number(client.here) + Number(server.here);
}

/** An AggregateError of all addresses of a name has no message of its own. */
function reason(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error);
}
