/** replicad's metrics, read from what its commands show at each scrape. @module */
import type { Metrics } from "@mitsu/cli";
import type { ReplicadReplica, ReplicadStatus } from "@mitsu/ipc";

const states = ["up", "away", "off"] as const satisfies readonly ReplicadStatus["kernel"]["state"][];

/**
 * Registers them. A replica or node that leaves takes its figures along: metrics with such labels are set anew at each scrape.
 *
 * @returns `metrics`.
 */
export function exposeMetrics(metrics: Metrics, status: () => ReplicadStatus, replicas: () => readonly ReplicadReplica[]): Metrics {
  const exposeStatus = statusMetrics(metrics);
  const exposeNodes = nodeMetrics(metrics);
  const exposeReplicas = replicaMetrics(metrics);
  metrics.onScrape(() => {
    const now = status();
    exposeStatus(now);
    exposeNodes(now);
    exposeReplicas(replicas());
  });
  return metrics;
}

function statusMetrics(metrics: Metrics): (now: ReplicadStatus) => void {
  const count = { unit: "count" } as const;
  const brokerUp = metrics.gauge({ ...count, name: "broker_up", help: "1 while there is a connection to the broker, else 0." });
  const connects = metrics.counter({ ...count, name: "broker_connects", help: "Connections to the broker." });
  const losses = metrics.counter({ ...count, name: "broker_losses", help: "Connections to the broker that were lost." });
  const sent = metrics.counter({ ...count, name: "messages_sent", help: "States of this node that the broker took." });
  const unsent = metrics.counter({
    ...count,
    name: "messages_unsent",
    help: "States that did not go out: the broker took no more (full), or was not there (away).",
    labels: ["reason"],
  });
  const received = metrics.counter({ ...count, name: "messages_received", help: "Messages that came in." });
  const refused = metrics.counter({ ...count, name: "messages_refused", help: "Messages that were refused.", labels: ["reason"] });
  const interval = metrics.gauge({ name: "message_interval", unit: "seconds", help: "Between two messages of this node now." });
  const source = metrics.gauge({
    ...count,
    name: "source_state",
    help: "1 for the state that a source of requests in flight is in, else 0.",
    labels: ["source", "state"],
  });
  const kernel = metrics.gauge({
    ...count,
    name: "kernel_state",
    help: "1 for the state that scores in the kernel are in, else 0.",
    labels: ["state"],
  });
  const scores = metrics.gauge({ ...count, name: "kernel_replicas", help: "Replicas with a score in the kernel." });
  const kernelWrites = metrics.counter({ ...count, name: "kernel_writes", help: "Times that scores were written to the kernel." });
  const rows = metrics.gauge({ ...count, name: "report_rows", help: "Replicas in the reports that nicd reads." });
  const reportWrites = metrics.counter({ ...count, name: "report_writes", help: "Times that reports were written." });
  const selections = metrics.counter({ ...count, name: "selections", help: "Selections over the control socket." });
  const waiting = metrics.gauge({ ...count, name: "selections_waiting", help: "Selections whose outcome is waited for." });
  const forgotten = metrics.counter({ ...count, name: "selections_forgotten", help: "Selections that were never answered." });
  const unknown = metrics.counter({ ...count, name: "unknown_tickets", help: "Outcomes of selections that there are not." });
  const overrides = metrics.gauge({ ...count, name: "overrides", help: "Replicas that are drained or weighted by hand." });
  const degraded = metrics.gauge({ ...count, name: "degraded", help: "Reasons why the daemon is not wholly what it should be." });
  return (now) => {
    const { broker } = now;
    brokerUp.set(broker.state === "up" ? 1 : 0);
    connects.set(broker.connects);
    losses.set(broker.losses);
    sent.set(broker.sent);
    unsent.set(broker.dropped, { reason: "full" });
    unsent.set(broker.unsent, { reason: "away" });
    received.set(broker.received);
    for (const [reason, times] of Object.entries(broker.refused)) refused.set(times, { reason });
    interval.set(broker.intervalMs / 1000);
    for (const { name, state: is } of now.sources) for (const state of states) source.set(is === state ? 1 : 0, { source: name, state });
    for (const state of states) kernel.set(now.kernel.state === state ? 1 : 0, { state });
    scores.set(now.kernel.replicas);
    kernelWrites.set(now.kernel.writes);
    rows.set(now.reports.rows);
    reportWrites.set(now.reports.writes);
    selections.set(now.selections);
    waiting.set(now.waiting);
    forgotten.set(now.forgotten);
    unknown.set(now.unknownTickets);
    overrides.set(now.overrides);
    degraded.set(now.degraded.length);
  };
}

function nodeMetrics(metrics: Metrics): (now: ReplicadStatus) => void {
  const perNode = { unit: "count", labels: ["node"], anew: true } as const;
  const seconds = { ...perNode, unit: "seconds" } as const;
  const age = metrics.gauge({ ...seconds, name: "node_age", help: "Since what is known of a node was true." });
  const clock = metrics.gauge({
    ...seconds,
    name: "node_clock_error",
    help: "Half the width of what is known of a node's clock; absent before the first echo.",
  });
  const lost = metrics.counter({ ...perNode, name: "node_messages_lost", help: "Messages of a node that never came." });
  const told = metrics.gauge({ ...perNode, name: "node_replicas", help: "Replicas that a node speaks for." });
  const figure = metrics.gauge({
    ...perNode,
    name: "node_congestion",
    help: "Congestion of a node by figure: tasks (runQueue), packets (nicQueue), a second (nicDrops, nicSqueezes), else a share from 0 to 1.",
    labels: ["node", "figure"],
  });
  return ({ nodes }) => {
    for (const { name: node, ageMs, clockErrorMs, lost: never, replicas, figures } of nodes) {
      age.set(ageMs / 1000, { node });
      if (clockErrorMs !== null) clock.set(clockErrorMs / 1000, { node });
      lost.set(never, { node });
      told.set(replicas, { node });
      for (const [name, value] of Object.entries(figures)) figure.set(value, { node, figure: name });
    }
  };
}

function replicaMetrics(metrics: Metrics): (replicas: readonly ReplicadReplica[]) => void {
  const labels = ["service", "port", "replica", "node"];
  const perReplica = { unit: "count", labels, anew: true } as const;
  const seconds = { ...perReplica, unit: "seconds" } as const;
  const inFlight = metrics.gauge({ ...perReplica, name: "replica_in_flight", help: "Requests in flight, as its node tells." });
  const weight = metrics.gauge({ ...perReplica, name: "replica_weight", help: "Share of requests relative to others, before slow start." });
  const ramp = metrics.gauge({
    ...perReplica,
    unit: "ratio",
    name: "replica_ramp",
    help: "Part of its share that slow start lets it take.",
  });
  const age = metrics.gauge({ ...seconds, name: "replica_age", help: "Since what is known of it was true; absent before anything was." });
  const work = metrics.gauge({ ...seconds, name: "replica_work", help: "Time of a request that does not wait." });
  const latency = metrics.gauge({ ...seconds, name: "replica_latency", help: "Median latency near the present number in flight." });
  const failed = metrics.gauge({ ...perReplica, unit: "ratio", name: "replica_failures", help: "Smoothed share of requests that failed." });
  const standing = metrics.gauge({
    ...perReplica,
    name: "replica_standing",
    help: "1 for the standing that it has: healthy, slow-start, ejected, dead or draining.",
    labels: [...labels, "standing"],
  });
  const selected = metrics.counter({ ...perReplica, name: "replica_selections", help: "Selections of it over the control socket." });
  return (replicas) => {
    for (const one of replicas) {
      const of = { service: one.service, port: String(one.port), replica: one.replica, node: one.node ?? "" };
      if (one.inFlight !== null) inFlight.set(one.inFlight, of);
      weight.set(one.weight, of);
      ramp.set(one.ramp, of);
      if (one.ageMs !== null) age.set(one.ageMs / 1000, of);
      if (one.serviceMs !== null) work.set(one.serviceMs / 1000, of);
      if (one.latencyMs !== null) latency.set(one.latencyMs / 1000, of);
      failed.set(one.failures, of);
      standing.set(1, { ...of, standing: one.standing });
      selected.set(one.selections, of);
    }
  };
}
