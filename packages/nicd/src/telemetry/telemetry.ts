/** What nicd tells of the requests and connections that pass it. @module */
import type { Log } from "@mitsu/cli";
import { AccessLog, mergedSeries, OtlpExporter, RecentTraces, RedMetrics, type RedSeries, redText, type Security } from "@mitsu/telemetry";
import type { LiveExchange } from "../live-exchange.ts";
import type { Passage, PassedConnection } from "../proxy/tcp-passage.ts";
import { ExchangeFeed } from "./exchange-feed.ts";
import { LivePassingExchange } from "./passing-exchange.ts";
import { TcpMetrics } from "./tcp-metrics.ts";

/** What is told, and where. */
export interface TelemetryOptions {
  /** Name of this node. */
  readonly node: string;
  readonly version: string;
  readonly log: Log;
  /** Base URL of an OpenTelemetry collector; undefined for none. */
  readonly otlp: string | undefined;
  /** `key=value,…`, as in OTEL_EXPORTER_OTLP_HEADERS: a collector's token, say. */
  readonly otlpHeaders: string | undefined;
  /** Compress what is exported. */
  readonly otlpGzip: boolean;
  /** Spans a second that are exported at most. */
  readonly otlpRate: number;
  /** A file, or `-` for stdout; undefined for none. */
  readonly accessLog: string | undefined;
  /** Of the traces, 0 to 1. */
  readonly accessLogShare: number;
  /** Of the links that this node opens. */
  readonly linkSecurity: () => Security;
}

/** How long the end may wait for a receiver of spans. */
const closeMs = 2000;
const stdout = 1;

/** Made by {@link Telemetry.open}. */
export class Telemetry {
  readonly tcp: TcpMetrics;
  readonly feed: ExchangeFeed;
  readonly traces: RecentTraces;
  readonly otlp: OtlpExporter | null;
  readonly accessLog: AccessLog | null;
  /** Of requests that came to this node's nicd first, and of those that came from another's. */
  readonly #begun = new RedMetrics();
  readonly #arrived = new RedMetrics();

  private constructor(passing: LivePassingExchange, tcp: TcpMetrics, otlp: OtlpExporter | null, accessLog: AccessLog | null) {
    const feed = new ExchangeFeed(passing, (exchange, arrived) => (arrived ? this.#arrived : this.#begun).add(exchange));
    this.feed = feed;
    this.tcp = tcp;
    this.otlp = otlp;
    this.accessLog = accessLog;
    if (otlp) feed.to((exchange) => otlp.add(exchange));
    if (accessLog) feed.to((exchange) => accessLog.add(exchange));
    this.traces = new RecentTraces(feed);
  }

  /** @throws {MitsuError} when the collector's URL is none, or the log cannot be written. */
  static async open(options: TelemetryOptions): Promise<Telemetry> {
    const { node, version, otlp, otlpHeaders, otlpGzip, otlpRate, accessLog, accessLogShare, linkSecurity } = options;
    const passing = new LivePassingExchange(node, BigInt(Math.round(performance.timeOrigin * 1000)) * 1000n, linkSecurity);
    const headers = otlpHeaders === undefined ? {} : { headers: otlpHeaders };
    const exporter = otlp
      ? await OtlpExporter.open({ daemon: "nicd", version, endpoint: otlp, gzip: otlpGzip, spansPerSecond: otlpRate, ...headers })
      : null;
    const log = accessLog ? await AccessLog.open({ to: accessLog === "-" ? stdout : accessLog, share: accessLogShare }) : null;
    return new Telemetry(passing, new TcpMetrics(linkSecurity), exporter, log);
  }

  exchangeEnded(exchange: LiveExchange): void {
    this.feed.add(exchange);
  }

  passageBegun(passage: Passage): void {
    this.tcp.begin(passage);
  }

  passageEnded(passed: PassedConnection): void {
    this.tcp.end(passed);
  }

  /** Requests by how they ended, each once, whichever end tells of it. */
  get series(): readonly RedSeries[] {
    return [...this.#begun.series.filter(({ reporter }) => reporter === "source"), ...this.#arrived.series];
  }

  /** Istio's metrics of requests and connections, in Prometheus' text format 0.0.4. */
  text(): string {
    return redText(mergedSeries([this.#begun.series, this.#arrived.series]), false) + this.tcp.text();
  }

  /** Exchanges' ends and connections that are missing in the metrics since there are too many series. */
  get uncounted(): number {
    return this.#begun.dropped + this.#arrived.dropped + this.tcp.dropped;
  }

  /** Why something does not reach whom it is for. */
  get degraded(): readonly string[] {
    const { otlp, accessLog } = this;
    return [
      ...(otlp?.lastError ? [`spans do not reach the collector: ${otlp.lastError}`] : []),
      ...(accessLog?.lastError ? [`lines of the access log are lost: ${accessLog.lastError}`] : []),
      ...(this.uncounted > 0 ? ["some requests are missing in the metrics: there are too many combinations of labels"] : []),
    ];
  }

  async close(): Promise<void> {
    this.traces.close();
    await Promise.all([this.otlp?.close(closeMs), this.accessLog?.close(closeMs)]);
  }
}
