/** What nicd tells of the requests and connections that pass it. @module */
import type { Log } from "@mitsu/cli";
import { AccessLog, OtlpExporter, RecentTraces, RedMetrics } from "@mitsu/telemetry";
import type { LiveExchange } from "../live-exchange.ts";
import type { PassedConnection } from "../proxy/tcp-passage.ts";
import { ExchangeFeed } from "./exchange-feed.ts";
import { TcpMetrics } from "./tcp-metrics.ts";

/** What is told, and where. */
export interface TelemetryOptions {
  /** Name of this node. */
  readonly node: string;
  readonly version: string;
  readonly log: Log;
  /** Base URL of an OpenTelemetry collector; undefined for none. */
  readonly otlp: string | undefined;
  /** Spans a second that are exported at most. */
  readonly otlpRate: number;
  /** A file, or `-` for stdout; undefined for none. */
  readonly accessLog: string | undefined;
  /** Of the traces, 0 to 1. */
  readonly accessLogShare: number;
}

/** How long the end may wait for a receiver of spans. */
const closeMs = 2000;

/** Made by {@link Telemetry.open}. */
export class Telemetry {
  readonly red: RedMetrics = new RedMetrics();
  readonly tcp: TcpMetrics = new TcpMetrics();
  readonly feed: ExchangeFeed;
  readonly traces: RecentTraces;
  readonly otlp: OtlpExporter | null;
  readonly accessLog: AccessLog | null;

  private constructor(feed: ExchangeFeed, otlp: OtlpExporter | null, accessLog: AccessLog | null) {
    this.feed = feed;
    this.otlp = otlp;
    this.accessLog = accessLog;
    feed.to((exchange) => this.red.add(exchange));
    if (otlp) feed.to((exchange) => otlp.add(exchange));
    if (accessLog) feed.to((exchange) => accessLog.add(exchange));
    this.traces = new RecentTraces(feed);
  }

  /** @throws {MitsuError} when the collector's URL is none, or the log cannot be written. */
  static async open({ node, version, otlp, otlpRate, accessLog, accessLogShare }: TelemetryOptions): Promise<Telemetry> {
    const feed = new ExchangeFeed(node, BigInt(Math.round(performance.timeOrigin * 1000)) * 1000n);
    const exporter = otlp ? await OtlpExporter.open({ daemon: "nicd", version, endpoint: otlp, spansPerSecond: otlpRate }) : null;
    const log = accessLog ? await AccessLog.open({ to: accessLog, share: accessLogShare }) : null;
    return new Telemetry(feed, exporter, log);
  }

  exchangeEnded(exchange: LiveExchange): void {
    this.feed.add(exchange);
  }

  passageEnded(passed: PassedConnection): void {
    this.tcp.add(passed);
  }

  /** Why something does not reach whom it is for. */
  get degraded(): readonly string[] {
    return this.otlp?.lastError ? [`spans do not reach the collector: ${this.otlp.lastError}`] : [];
  }

  async close(): Promise<void> {
    this.traces.close();
    await Promise.all([this.otlp?.close(closeMs), this.accessLog?.close(closeMs)]);
  }
}
