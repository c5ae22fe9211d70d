/** What a worker tells of its filters: to `status`, and to Prometheus. @module */
import type { NicdFilter } from "@mitsu/ipc";
import { metricsText } from "./filter-metrics.ts";
import type { FilterSet } from "./filter-set.ts";

/** One row each. */
export function filterViews(set: FilterSet, nowMs: number): NicdFilter[] {
  return set.all.map(({ slot }): NicdFilter => {
    const { version, canary, current } = slot;
    const { calls, fuel, denied, memoryBytes, timeNs } = slot.totals;
    return {
      name: slot.name,
      sha256: version.module.info.sha256,
      abi: version.module.info.abi,
      origin: version.origin,
      state: slot.state,
      onFailure: version.spec.onFailure,
      calls,
      timeNs,
      fuel,
      denied,
      traps: slot.traps,
      restarts: slot.restarts,
      failures: slot.failures,
      logLinesDropped: slot.budget.dropped,
      open: (current?.open ?? 0) + (canary?.machine.open ?? 0),
      memoryBytes,
      lastTrap: slot.lastTrap,
      canary:
        canary === null
          ? null
          : {
              sha256: canary.machine.module.info.sha256,
              share: canary.machine.spec.canary.share,
              leftMs: Math.max(0, canary.untilMs - nowMs),
              exchanges: canary.machine.exchanges,
              errors: canary.machine.errors,
            },
      rollOut: slot.rollOut,
    };
  });
}

/** nicd's own metrics of filters; the dashboard relies on the names. */
export const filterMetricNames = [
  "nicd_filter_calls_total",
  "nicd_filter_time_seconds_total",
  "nicd_filter_fuel_total",
  "nicd_filter_traps_total",
  "nicd_filter_restarts_total",
  "nicd_filter_failures_total",
  "nicd_filter_denied_total",
  "nicd_filter_log_lines_dropped_total",
  "nicd_filter_open",
  "nicd_filter_memory_bytes",
  "nicd_filter_canary",
  "nicd_filter_rolled_back",
] as const;

const families: readonly (readonly [name: (typeof filterMetricNames)[number], help: string, of: (filter: NicdFilter) => number])[] = [
  ["nicd_filter_calls_total", "Callbacks of filters.", ({ calls }) => calls],
  ["nicd_filter_time_seconds_total", "Time in callbacks, extrapolated of a sample.", ({ timeNs }) => timeNs / 1e9],
  ["nicd_filter_fuel_total", "Units of fuel used.", ({ fuel }) => fuel],
  ["nicd_filter_traps_total", "Times that a filter stopped badly.", ({ traps }) => traps],
  ["nicd_filter_restarts_total", "Times that a filter was started again.", ({ restarts }) => restarts],
  ["nicd_filter_failures_total", "Exchanges that found their filter stopped.", ({ failures }) => failures],
  ["nicd_filter_denied_total", "Calls of host functions beyond a filter's capabilities.", ({ denied }) => denied],
  ["nicd_filter_log_lines_dropped_total", "Lines of filters beyond the rate limit.", ({ logLinesDropped }) => logLinesDropped],
  ["nicd_filter_open", "Exchanges and connections that filters have open.", ({ open }) => open],
  ["nicd_filter_memory_bytes", "Linear memory of filters.", ({ memoryBytes }) => memoryBytes],
  ["nicd_filter_canary", "1 while a changed version is tried out.", ({ canary }) => (canary === null ? 0 : 1)],
  ["nicd_filter_rolled_back", "1 when the last change was rolled back.", ({ rollOut }) => (rollOut?.outcome === "rolled back" ? 1 : 0)],
];

/** In Prometheus' text format: nicd's own of each filter, then those that filters define. Empty without filters. */
export function filterMetricsText(set: FilterSet, nowMs: number): string {
  const filters = filterViews(set, nowMs);
  if (filters.length === 0) return "";
  const own = families.map(([name, help, of]) => {
    const lines = filters.map((filter) => `${name}{filter="${filter.name}"} ${of(filter)}\n`);
    return `# HELP ${name} ${help}\n# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}\n${lines.join("")}`;
  });
  return own.join("") + metricsText(new Map(set.all.map(({ name, slot }) => [name, slot.metrics])));
}
