/** placer's metrics, read from its status at each scrape. @module */
import type { Metrics } from "@mitsu/cli";
import type { PlacerStatus } from "@mitsu/ipc";

const states = ["none", "holding", "proposed"] as const satisfies readonly PlacerStatus["state"][];

/** Registers them. @returns `metrics`. */
export function exposeMetrics(metrics: Metrics, status: () => PlacerStatus): Metrics {
  const count = { unit: "count" } as const;
  const warm = metrics.gauge({ ...count, name: "estimate_warm", help: "1 once the estimate rests on a half-life of readings, else 0." });
  const age = metrics.gauge({ name: "estimate_age", unit: "seconds", help: "Time since the youngest reading; absent before the first." });
  const edges = metrics.gauge({ ...count, name: "edges", help: "Pairs of services that talk, as the estimate has it." });
  const messages = metrics.gauge({
    ...count,
    name: "estimated_messages_per_second",
    help: "Messages between services, as the estimate has it.",
  });
  const bytes = metrics.gauge({ ...count, name: "estimated_bytes_per_second", help: "Payload between services, as the estimate has it." });
  const objective = metrics.gauge({
    name: "objective",
    unit: "ratio",
    help: "The objective under the present estimate, 0 is the best there could be; NaN where there is no such placement.",
    labels: ["placement"],
  });
  const state = metrics.gauge({ ...count, name: "state", help: "1 for the state that the proposal is in, else 0.", labels: ["state"] });
  const plans = metrics.counter({ ...count, name: "plans", help: "Plans by what became of them.", labels: ["result"] });
  const planning = metrics.counter({ name: "planning", unit: "seconds", help: "Wall clock that plans have taken." });
  const changes = metrics.counter({ ...count, name: "proposals", help: "Changes of the proposal.", labels: ["change"] });
  const up = metrics.gauge({ ...count, name: "source_up", help: "1 while that sockhijack answers, else 0.", labels: ["socket"] });
  const readings = metrics.counter({ ...count, name: "readings", help: "Readings of a traffic matrix.", labels: ["socket"] });
  const resets = metrics.counter({
    ...count,
    name: "reading_resets",
    help: "Readings that told of no traffic because counters began anew.",
    labels: ["socket"],
  });
  const coverage = metrics.gauge({
    name: "source_coverage",
    unit: "ratio",
    help: "How much of its horizon a source has told of.",
    labels: ["socket"],
  });
  const degraded = metrics.gauge({ ...count, name: "degraded", help: "Reasons why the daemon is not wholly what it should be." });

  metrics.onScrape(() => {
    const now = status();
    warm.set(now.warm ? 1 : 0);
    if (now.estimateAgeMs !== null) age.set(now.estimateAgeMs / 1000);
    edges.set(now.edges);
    messages.set(now.messagesPerSecond);
    bytes.set(now.bytesPerSecond);
    for (const [placement, value] of Object.entries(now.objective)) objective.set(value ?? Number.NaN, { placement });
    for (const one of states) state.set(now.state === one ? 1 : 0, { state: one });
    plans.set(now.plans, { result: "made" });
    plans.set(now.planFailures, { result: "failed" });
    planning.set(now.planningSeconds);
    for (const change of ["proposed", "replaced", "withdrawn"] as const) changes.set(now[change], { change });
    for (const { socket, state: is, readings: read, resets: anew, coverage: share } of now.sources) {
      up.set(is === "up" ? 1 : 0, { socket });
      readings.set(read, { socket });
      resets.set(anew, { socket });
      coverage.set(share, { socket });
    }
    degraded.set(now.degraded.length);
  });
  return metrics;
}
