/** Connections that were carried as bytes, by who called whom, under Istio's names. Source: istio.io, "Istio Standard Metrics", for TCP. @module */
import type { PassedConnection } from "../proxy/tcp-passage.ts";

interface Series {
  readonly labels: string;
  closed: number;
  sentBytes: number;
  receivedBytes: number;
}

/** Names of what {@link TcpMetrics.text} tells, without `_total`. */
export const tcpMetricNames = ["istio_tcp_connections_closed", "istio_tcp_sent_bytes", "istio_tcp_received_bytes"] as const;

const mostSeries = 1000;

/** Adds connections up when they are over. */
export class TcpMetrics {
  readonly #series = new Map<string, Series>();
  /** Connections not counted since there are too many series. */
  dropped = 0;

  add({ entry, target, flag, receivedBytes, sentBytes }: PassedConnection): void {
    const from = entry.caller.service || "unknown";
    const to = target || entry.service;
    const security = entry.caller.by === "link" ? "mutual_tls" : "none";
    const key = `${from}\0${to}\0${flag}\0${security}`;
    let series = this.#series.get(key);
    if (!series) {
      if (this.#series.size >= mostSeries) {
        this.dropped++;
        return;
      }
      const labels = Object.entries({
        reporter: "source",
        source_workload: from,
        destination_service: to,
        request_protocol: "tcp",
        response_flags: flag === "" ? "-" : flag,
        connection_security_policy: security,
      });
      series = { labels: labels.map(([name, value]) => `${name}="${value}"`).join(","), closed: 0, sentBytes: 0, receivedBytes: 0 };
      this.#series.set(key, series);
    }
    series.closed++;
    series.sentBytes += sentBytes;
    series.receivedBytes += receivedBytes;
  }

  /** Prometheus' text format 0.0.4. */
  text(): string {
    const values: readonly ((series: Series) => number)[] = [
      ({ closed }) => closed,
      ({ sentBytes }) => sentBytes,
      ({ receivedBytes }) => receivedBytes,
    ];
    const help = ["Connections that have ended.", "Bytes sent to clients.", "Bytes received from clients."];
    return tcpMetricNames
      .map((name, index) => {
        const lines = [...this.#series.values()].map((series) => `${name}_total{${series.labels}} ${values[index]!(series)}\n`);
        return `# HELP ${name}_total ${help[index]}\n# TYPE ${name}_total counter\n${lines.join("")}`;
      })
      .join("");
  }
}
