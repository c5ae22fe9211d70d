/** Rate, errors and duration of the requests between services, with Istio's names, so that its dashboards show them. @module */
import { durationMs, type Exchange, endMs, isStatusLost, responseFlags, type Security } from "./exchange.ts";
import { type Exemplar, Histogram } from "./histogram.ts";
import type { RedSeries } from "./red-series.ts";
import { redText } from "./red-text.ts";

/** What may be told to {@link RedMetrics}. */
export interface RedOptions {
  /** Series; 2000 unless told. One takes some 2 KB here and 17 KB of text at each scrape. */
  readonly limit?: number;
  /** What the label `reporter` calls the client's and the server's end; `source` and `destination` unless told. */
  readonly reporters?: readonly [client: string, server: string];
}

/** A series that still grows. */
interface Growing extends RedSeries {
  requests: number;
  exemplar: Exemplar | undefined;
  readonly duration: Histogram;
  readonly request: Histogram;
  readonly response: Histogram;
}

/** Stands for a status that was lost; HTTP has none below 100. */
const lostStatus = 1;
/** Statuses are numbers of 16 bits. */
const statuses = 2 ** 16;
/** Above all that {@link numberOf} puts below the flags: 18 kinds of gRPC's status, HTTP's status, two bits. */
const flagsFactor = 2 ** 23;

/** Series of one client and one server, by {@link RedMetrics} `#numberOf` + reporter. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly byNumber: Map<number, Growing>;
}

/**
 * Adds exchanges up. The client's end counts as reporter "source", the server's as "destination"; both when both are here.
 * Source: istio.io, "Istio Standard Metrics".
 *
 * @example
 * ```ts
 * const red = new RedMetrics();
 * feed.to((exchange) => red.add(exchange));
 * response.end((await metrics.text()) + red.text(false));
 * ```
 */
export class RedMetrics {
  readonly #limit: number;
  readonly #reporters: readonly [client: string, server: string];
  /** Client's service → server's service. No text keys are put together: this runs for every request. */
  readonly #edges = new Map<string, Map<string, Edge>>();
  /** A number for each of Envoy's flags that was told; who tells none has the first two. */
  readonly #flags = new Map<string, number>([
    ["", 0],
    ["UC", 1],
  ]);
  readonly #all: Growing[] = [];
  /** Exchanges' ends not counted since the limit was met. */
  dropped = 0;

  constructor({ limit = 2000, reporters = ["source", "destination"] }: RedOptions = {}) {
    this.#limit = limit;
    this.#reporters = reporters;
  }

  /** Counts an exchange, sampled or not; sampled ones become examples. Each property is read once: they may be decoded only when read. */
  add(exchange: Exchange): void {
    const { sampled, requestBytes, answerBytes } = exchange;
    const edge = this.#edgeOf(exchange.client.service, exchange.server.service);
    const number = this.#numberOf(exchange);
    for (const reporter of [0, 1] as const) {
      if (!(reporter === 0 ? exchange.client : exchange.server).here) continue;
      const series = edge.byNumber.get(number + reporter) ?? this.#newSeries(edge, exchange, number, reporter);
      if (!series) {
        this.dropped++;
        continue;
      }
      const ms = durationMs(exchange, reporter === 1);
      series.requests++;
      const bucket = series.duration.add(ms);
      series.request.add(requestBytes);
      series.response.add(answerBytes);
      if (!sampled || !series.duration.wantsExemplar(bucket, endMs(exchange))) continue;
      const spanId = reporter === 0 ? exchange.clientSpanId : exchange.serverSpanId;
      const exemplar = { traceId: exchange.traceId, spanId, value: ms, timeNs: exchange.endNs };
      series.duration.exemplars[bucket] = exemplar;
      series.exemplar = { ...exemplar, value: 1 };
    }
  }

  /** All that was counted; it goes on growing. */
  get series(): readonly RedSeries[] {
    return this.#all;
  }

  /**
   * The exposition.
   *
   * @param openMetrics OpenMetrics 1.0 with exemplars, a document of its own; else Prometheus' text format 0.0.4, which may follow other metrics.
   */
  text(openMetrics: boolean): string {
    return redText(this.#all, openMetrics);
  }

  #edgeOf(from: string, to: string): Edge {
    let edges = this.#edges.get(from);
    if (!edges) {
      edges = new Map();
      this.#edges.set(from, edges);
    }
    let edge = edges.get(to);
    if (!edge) {
      edge = { from, to, byNumber: new Map() };
      edges.set(to, edge);
    }
    return edge;
  }

  /** All that tells series of an edge apart but for the reporter, which is the lowest bit. */
  #numberOf(exchange: Exchange): number {
    // 0 HTTP, 1 gRPC without a status, 2 and more gRPC with one.
    const grpc = exchange.protocol === "grpc" ? (exchange.grpcStatus ?? -1) + 2 : 0;
    const status = isStatusLost(exchange) ? lostStatus : exchange.status;
    const { flags } = exchange;
    const flag = flags === undefined ? Number(exchange.aborted) : (this.#flags.get(flags) ?? this.#newFlag(flags));
    const tls = exchange.security === "mutual_tls" ? 2 : 0;
    return flag * flagsFactor + (grpc * statuses + status) * 4 + tls;
  }

  #newFlag(flags: string): number {
    const number = this.#flags.size;
    this.#flags.set(flags, number);
    return number;
  }

  #newSeries({ from, to, byNumber }: Edge, exchange: Exchange, number: number, reporter: 0 | 1): Growing | undefined {
    if (this.#all.length >= this.#limit) return undefined;
    const security: Security = exchange.security ?? "none";
    const made: Growing = {
      reporter: this.#reporters[reporter],
      from,
      to,
      protocol: exchange.protocol === "grpc" ? "grpc" : "http",
      code: isStatusLost(exchange) ? "unknown" : String(exchange.status),
      grpcStatus: exchange.grpcStatus,
      flags: responseFlags(exchange),
      security,
      requests: 0,
      exemplar: undefined,
      duration: new Histogram(),
      request: new Histogram(),
      response: new Histogram(),
    };
    byNumber.set(number + reporter, made);
    this.#all.push(made);
    return made;
  }
}
