/** Connections that are carried as bytes, by who calls whom, under Istio's names. Source: istio.io, "Istio Standard Metrics", for TCP. @module */
import { isLinkCaller } from "../link-caller.ts";
import type { Flag } from "../live-exchange.ts";
import type { Passage, PassedConnection } from "../proxy/tcp-passage.ts";

interface Series {
  readonly labels: string;
  opened: number;
  closed: number;
  sentBytes: number;
  receivedBytes: number;
}

/** Names of what {@link TcpMetrics.text} tells, without `_total`. */
export const tcpMetricNames = [
  "istio_tcp_connections_opened",
  "istio_tcp_connections_closed",
  "istio_tcp_sent_bytes",
  "istio_tcp_received_bytes",
] as const;

const values: readonly ((series: Series) => number)[] = [
  ({ opened }) => opened,
  ({ closed }) => closed,
  ({ sentBytes }) => sentBytes,
  ({ receivedBytes }) => receivedBytes,
];
const helps = ["Connections that were begun.", "Connections that have ended.", "Bytes sent to clients.", "Bytes received from clients."];

const mostSeries = 1000;

/** Counts connections as they begin, and with their bytes as they end. */
export class TcpMetrics {
  readonly #series = new Map<string, Series>();
  readonly #linkSecurity: () => "none" | "mutual_tls";
  /** Connections not counted since there are too many series. */
  dropped = 0;

  /** @param linkSecurity Of the links that this node opens. */
  constructor(linkSecurity: () => "none" | "mutual_tls" = () => "mutual_tls") {
    this.#linkSecurity = linkSecurity;
  }

  begin(passage: Passage): void {
    const series = this.#of(passage, "");
    if (series) series.opened++;
  }

  end(passed: PassedConnection): void {
    const series = this.#of(passed, passed.flag);
    if (!series) return;
    series.closed++;
    series.sentBytes += passed.sentBytes;
    series.receivedBytes += passed.receivedBytes;
  }

  /** Prometheus' text format 0.0.4. */
  text(): string {
    return tcpMetricNames
      .map((name, index) => {
        const lines = [...this.#series.values()].map((series) => `${name}_total{${series.labels}} ${values[index]!(series)}\n`);
        return `# HELP ${name}_total ${helps[index]}\n# TYPE ${name}_total counter\n${lines.join("")}`;
      })
      .join("");
  }

  /** As of requests: the other node tells what came over a link as the destination, and this one what it sends as the source. */
  #of({ entry: { caller, service }, endpoint, target }: Passage, why: Flag): Series | undefined {
    const reporter = isLinkCaller(caller) ? "destination" : "source";
    const from = caller.service || "unknown";
    const to = target || service;
    const secured = isLinkCaller(caller) ? caller.security === "mtls" : endpoint?.here === false && this.#linkSecurity() === "mutual_tls";
    const key = `${reporter}\0${from}\0${to}\0${why}\0${secured}`;
    const known = this.#series.get(key);
    if (known) return known;
    if (this.#series.size >= mostSeries) {
      this.dropped++;
      return undefined;
    }
    // Names of services, checked where they came in: nothing to be escaped.
    const labels = Object.entries({
      reporter,
      source_workload: from,
      destination_workload: to,
      destination_service: to,
      destination_service_name: to,
      request_protocol: "tcp",
      response_flags: why === "" ? "-" : why,
      connection_security_policy: secured ? "mutual_tls" : "none",
    });
    const made: Series = {
      labels: labels.map(([name, value]) => `${name}="${value}"`).join(","),
      opened: 0,
      closed: 0,
      sentBytes: 0,
      receivedBytes: 0,
    };
    this.#series.set(key, made);
    return made;
  }
}
