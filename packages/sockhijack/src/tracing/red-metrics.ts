/** Rate, errors and duration of the requests between services, with Istio's names, so that its dashboards show them. @module */
import { type Exchange, isStatusLost } from "./exchange.ts";
import { type Exemplar, Histogram } from "./histogram.ts";
import { redText } from "./red-text.ts";

/** One combination of labels. */
export interface RedSeries {
  readonly reporter: "source" | "destination";
  /** Services; empty outside the mesh. */
  readonly from: string;
  readonly to: string;
  readonly protocol: "http" | "grpc";
  /** HTTP's status; `0` when there was no answer, `unknown` when what it said was lost. */
  readonly code: string;
  /** Of gRPC, if there was one. */
  readonly grpcStatus: number | undefined;
  readonly aborted: boolean;
  requests: number;
  /** A recent sampled request. */
  exemplar: Exemplar | undefined;
  /** Milliseconds. */
  readonly duration: Histogram;
  /** Bytes with heads. */
  readonly request: Histogram;
  readonly response: Histogram;
}

/** Stands for a status that was lost; HTTP has none below 100. */
const lostStatus = 1;
/** Statuses are numbers of 16 bits. */
const statuses = 2 ** 16;

/** Series of one client and one server, by {@link numberOf} + reporter. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly byNumber: Map<number, RedSeries>;
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
  /** Client's service → server's service. No text keys are put together: this runs for every request. */
  readonly #edges = new Map<string, Map<string, Edge>>();
  readonly #all: RedSeries[] = [];
  /** Exchanges' ends not counted since the limit was met. */
  dropped = 0;

  /** @param limit Series; one takes some 2 KB here and 17 KB of text at each scrape. */
  constructor(limit = 2000) {
    this.#limit = limit;
  }

  /** Counts an exchange, sampled or not; sampled ones become examples. Each property is read once: they may be decoded only when read. */
  add(exchange: Exchange): void {
    const { endNs, sampled, requestBytes, answerBytes } = exchange;
    const edge = this.#edgeOf(exchange.client.service, exchange.server.service);
    const number = numberOf(exchange);
    for (const reporter of [0, 1] as const) {
      if (!(reporter === 0 ? exchange.client : exchange.server).here) continue;
      const series = edge.byNumber.get(number + reporter) ?? this.#newSeries(edge, exchange, reporter);
      if (!series) {
        this.dropped++;
        continue;
      }
      const startNs = reporter === 0 ? exchange.startNs : (exchange.readNs ?? exchange.startNs);
      // A server may answer before it reads.
      const ms = Math.max(0, Number(endNs - startNs) / 1e6);
      series.requests++;
      const bucket = series.duration.add(ms);
      series.request.add(requestBytes);
      series.response.add(answerBytes);
      if (!sampled || !series.duration.wantsExemplar(bucket, endNs)) continue;
      const spanId = reporter === 0 ? exchange.clientSpanId : exchange.serverSpanId;
      const exemplar = { traceId: exchange.traceId, spanId, value: ms, timeNs: endNs };
      series.duration.exemplars[bucket] = exemplar;
      series.exemplar = { ...exemplar, value: 1 };
    }
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

  #newSeries({ from, to, byNumber }: Edge, exchange: Exchange, reporter: 0 | 1): RedSeries | undefined {
    if (this.#all.length >= this.#limit) return undefined;
    const { aborted } = exchange;
    const made: RedSeries = {
      reporter: reporter === 0 ? "source" : "destination",
      from,
      to,
      protocol: exchange.protocol === "grpc" ? "grpc" : "http",
      code: isStatusLost(exchange) ? "unknown" : String(exchange.status),
      grpcStatus: exchange.grpcStatus,
      aborted,
      requests: 0,
      exemplar: undefined,
      duration: new Histogram(),
      request: new Histogram(),
      response: new Histogram(),
    };
    byNumber.set(numberOf(exchange) + reporter, made);
    this.#all.push(made);
    return made;
  }
}

/** All that tells series of an edge apart but for the reporter, which is the lowest bit. */
function numberOf(exchange: Exchange): number {
  // 0 HTTP, 1 gRPC without a status, 2 and more gRPC with one.
  const grpc = exchange.protocol === "grpc" ? (exchange.grpcStatus ?? -1) + 2 : 0;
  const status = isStatusLost(exchange) ? lostStatus : exchange.status;
  return (grpc * statuses + status) * 4 + Number(exchange.aborted) * 2;
}
