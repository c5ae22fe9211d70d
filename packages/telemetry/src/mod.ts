/** What the daemons tell of the requests that they see: spans, request metrics, traces, access logs. @module */

export { AccessLog, type AccessLogOptions } from "./access-log.ts";
export { type AccessRecord, accessRecord } from "./access-record.ts";
export { type B3Fields, readB3, readB3Fields } from "./b3.ts";
export {
  type Exchange,
  type ExchangeEnd,
  fractionOf,
  isStatusLost,
  keep,
  type PassingExchange,
  type Protocol,
  responseFlags,
  type Security,
  traceFraction,
} from "./exchange.ts";
export { ExportPace } from "./export-pace.ts";
export { clientStatusOf, grpcStatus, grpcStatusName } from "./grpc-status.ts";
export { istioBuckets } from "./histogram.ts";
export { readIncomingTrace, type TraceHeaders } from "./incoming-trace.ts";
export { type LineCounts, type LineFiles, LineWriter, type LineWriterOptions } from "./line-writer.ts";
export { type LinkCounts, linkText, noLinks } from "./link-counts.ts";
export { type OtlpCounts, OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.ts";
export { type QuietTimes, QuietTraces } from "./quiet-traces.ts";
export { type ExchangeSource, RecentTraces, type RecentTracesAnswer, type RecentTracesRequest } from "./recent-traces.ts";
export { RedMetrics, type RedOptions } from "./red-metrics.ts";
export { mergedSeries, type RedSeries } from "./red-series.ts";
export { openMetricsType, redMetricNames, redText } from "./red-text.ts";
export { RouteNames, routeOf } from "./route.ts";
export { serviceLabel } from "./service-label.ts";
export { isWanted, type Trace, type TraceFilter } from "./trace.ts";
export { noTrace, traceFlag } from "./trace-flags.ts";
export { parseTraceparent, readTraceparent, type Traceparent, traceparentBytes, writeTraceparent } from "./traceparent.ts";
export { traceText } from "./tree-text.ts";
export { exchangeFromWire, exchangeToWire, type WireExchange } from "./wire.ts";
