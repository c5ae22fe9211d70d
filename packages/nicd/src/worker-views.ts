/** The daemon's methods over one worker of this process. @module */
import { createMetrics, type Metrics } from "@mitsu/cli";
import type {
  NicdCluster,
  NicdRoute,
  NicdRule,
  NicdSeries,
  NicdStatus,
  PushFilterAnswer,
  PushFilterRequest,
  TracesAnswer,
  TracesRequest,
} from "@mitsu/ipc";
import { istioBuckets, type WireExchange } from "@mitsu/telemetry";
import { exposeMetrics } from "./metrics.ts";
import { clusterViews, routeViews, ruleViews, seriesViews, statusView } from "./views.ts";
import { filterMetricsText } from "./wasm/filter-views.ts";
import type { Worker } from "./worker.ts";

/** What can be asked, of one worker or of several that answer as one. */
export interface Views {
  status(): Promise<NicdStatus>;
  routes(): Promise<{ readonly routes: readonly NicdRoute[]; readonly rules: readonly NicdRule[] }>;
  clusters(): Promise<{ readonly clusters: readonly NicdCluster[] }>;
  requests(): Promise<{ readonly boundsMs: readonly number[]; readonly series: readonly NicdSeries[] }>;
  traces(request: TracesRequest): Promise<TracesAnswer>;
  exchanges(signal: AbortSignal): AsyncIterable<WireExchange>;
  metrics(): Promise<string>;
  pushFilter(request: PushFilterRequest): Promise<PushFilterAnswer>;
}

/** @param fixed What the daemon knows of itself. */
export function workerViews(worker: Worker, fixed: Pick<NicdStatus, "version" | "pid" | "startedAtMs" | "node">): Views {
  let own: Promise<Metrics> | undefined;
  // prom-client is loaded when somebody asks for the first time: 5 MB that a daemon nobody scrapes does without.
  const metrics = (): Promise<Metrics> => (own ??= createMetrics("nicd").then((made) => exposeMetrics(made, worker)));
  const { telemetry } = worker;
  return {
    status: async () => statusView(worker, { ...fixed, certificate: worker.certificate }),
    routes: async () => ({ routes: routeViews(worker), rules: ruleViews(worker) }),
    clusters: async () => ({ clusters: clusterViews(worker) }),
    requests: async () => ({ boundsMs: istioBuckets, series: seriesViews(worker) }),
    traces: async ({ limit, service, minMs }) => telemetry.traces.traces({ limit, service, minMs }),
    exchanges: (signal) => telemetry.traces.follow(signal),
    metrics: async () => (await (await metrics()).text()) + telemetry.text() + filterMetricsText(worker.filters, worker.plane.nowMs()),
    pushFilter: (request) => worker.pushFilter(request),
  };
}
