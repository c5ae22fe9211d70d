/** Request metrics as text. Sources: OpenMetrics 1.0; Prometheus, "Exposition formats", text format 0.0.4. @module */
import { type Exemplar, type HistogramCounts, istioBuckets } from "./histogram.ts";
import type { RedSeries } from "./red-series.ts";

/** Content-Type of the text with exemplars; a scraper that wants it says so in Accept. */
export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Names of the metrics below, as Prometheus' text format has them; histograms' have `_bucket`, `_sum` and `_count` behind them. */
export const redMetricNames: readonly string[] = [
  "istio_requests_total",
  "istio_request_duration_milliseconds",
  "istio_request_bytes",
  "istio_response_bytes",
];

const histograms = [
  ["istio_request_duration_milliseconds", "duration", "Time from the request to the end of its answer."],
  ["istio_request_bytes", "request", "Size of requests with their heads."],
  ["istio_response_bytes", "response", "Size of answers with their heads."],
] as const;

/**
 * All series, one metric after the other.
 *
 * @param openMetrics With exemplars and an end mark; a Prometheus scraper that did not ask for it understands neither.
 */
export function redText(all: readonly RedSeries[], openMetrics: boolean): string {
  const labels = all.map(labelsOf);
  // OpenMetrics names a counter's family without the suffix of its samples.
  const family = openMetrics ? "istio_requests" : "istio_requests_total";
  const lines = [`# HELP ${family} Requests between services.`, `# TYPE ${family} counter`];
  for (const [index, { requests, exemplar }] of all.entries()) {
    lines.push(`istio_requests_total{${labels[index]}} ${requests}${shown(openMetrics ? exemplar : undefined)}`);
  }
  for (const [name, field, help] of histograms) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
    for (const [index, series] of all.entries()) pushHistogram(lines, name, labels[index]!, series[field], openMetrics);
  }
  if (openMetrics) lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function pushHistogram(lines: string[], name: string, labels: string, histogram: HistogramCounts, openMetrics: boolean): void {
  let count = 0;
  for (let bucket = 0; bucket <= istioBuckets.length; bucket++) {
    count += histogram.counts[bucket]!;
    const exemplar = openMetrics ? histogram.exemplars[bucket] : undefined;
    lines.push(`${name}_bucket{${labels},le="${boundText(istioBuckets[bucket], openMetrics)}"} ${count}${shown(exemplar)}`);
  }
  lines.push(`${name}_sum{${labels}} ${histogram.sum}`, `${name}_count{${labels}} ${count}`);
}

/** OpenMetrics wants `1.0`; Prometheus' older format has `1`, and so has Istio. */
function boundText(bound: number | undefined, openMetrics: boolean): string {
  if (bound === undefined) return "+Inf";
  return openMetrics && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function shown(exemplar: Exemplar | undefined): string {
  if (!exemplar) return "";
  const seconds = (Number(exemplar.timeNs / 1_000_000n) / 1000).toFixed(3);
  return ` # {trace_id="${exemplar.traceId}",span_id="${exemplar.spanId}"} ${exemplar.value} ${seconds}`;
}

/** A service stands for Istio's workload and service alike. */
function labelsOf({ reporter, from, to, protocol, code, grpcStatus, flags, security }: RedSeries): string {
  const source = escaped(from || "unknown");
  const destination = escaped(to || "unknown");
  return [
    `reporter="${escaped(reporter)}"`,
    `source_workload="${source}"`,
    `destination_workload="${destination}"`,
    `destination_service="${destination}"`,
    `destination_service_name="${destination}"`,
    `request_protocol="${protocol}"`,
    `response_code="${code}"`,
    ...(grpcStatus === undefined ? [] : [`grpc_response_status="${grpcStatus}"`]),
    `response_flags="${escaped(flags || "-")}"`,
    `connection_security_policy="${security}"`,
  ].join(",");
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
