/** What the daemons tell of the requests that they see: spans, request metrics, traces, access logs. @module */
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
export { clientStatusOf, grpcStatus, grpcStatusName } from "./grpc-status.ts";
export { type LinkCounts, linkText, noLinks } from "./link-counts.ts";
export { type OtlpCounts, OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.ts";
export { type QuietTimes, QuietTraces } from "./quiet-traces.ts";
export { type ExchangeSource, RecentTraces, type RecentTracesAnswer, type RecentTracesRequest } from "./recent-traces.ts";
export { RedMetrics, type RedOptions } from "./red-metrics.ts";
export { mergedSeries, type RedSeries } from "./red-series.ts";
export { openMetricsType, redMetricNames, redText } from "./red-text.ts";
export { RouteTable, routeOf } from "./route.ts";
export { serviceLabel } from "./service-label.ts";
export { isWanted, type Trace, type TraceFilter } from "./trace.ts";
export { parseTraceparent, type Traceparent } from "./traceparent.ts";
export { traceText } from "./tree-text.ts";
export { exchangeFromWire, exchangeToWire, type WireExchange } from "./wire.ts";
