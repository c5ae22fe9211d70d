/** nicd's own metrics, beside Istio's. @module */
import type { Metrics } from "@mitsu/cli";
import { selectorNames } from "@mitsu/selector";
import type { Worker } from "./worker.ts";

/** Names as they are exposed; the Grafana dashboard relies on them. */
export const nicdMetricNames = [
  "mitsu_nicd_connections",
  "mitsu_nicd_upstream_connections",
  "mitsu_nicd_accepted_total",
  "mitsu_nicd_refused_total",
  "mitsu_nicd_retries_total",
  "mitsu_nicd_retries_refused_total",
  "mitsu_nicd_overflows_total",
  "mitsu_nicd_mirrored_total",
  "mitsu_nicd_clusters",
  "mitsu_nicd_endpoints",
  "mitsu_nicd_ejected_endpoints",
  "mitsu_nicd_ejections_total",
  "mitsu_nicd_panics_total",
  "mitsu_nicd_reports_age_seconds",
  "mitsu_nicd_links",
  "mitsu_nicd_link_streams",
  "mitsu_nicd_link_bytes_total",
  "mitsu_nicd_authorisation_total",
  "mitsu_nicd_spans_total",
  "mitsu_nicd_certificate_expiry_seconds",
  "mitsu_nicd_resident_bytes",
] as const;

/** Registers them; they are read at each scrape. @returns `metrics`. */
export function exposeMetrics(metrics: Metrics, worker: Worker): Metrics {
  const count = { unit: "count" } as const;
  const connections = metrics.gauge({ ...count, name: "connections", help: "Open connections of clients.", labels: ["kind"] });
  const upstream = metrics.gauge({ ...count, name: "upstream_connections", help: "Open connections to replicas." });
  const accepted = metrics.counter({ ...count, name: "accepted", help: "Connections by what they spoke.", labels: ["protocol"] });
  const refused = metrics.counter({
    ...count,
    name: "refused",
    help: "What was refused before it was a request, by reason.",
    labels: ["reason"],
  });
  const retries = metrics.counter({ ...count, name: "retries", help: "Further tries of requests.", labels: ["service"] });
  const retriesRefused = metrics.counter({ ...count, name: "retries_refused", help: "Retries beyond the budget.", labels: ["service"] });
  const overflows = metrics.counter({ ...count, name: "overflows", help: "Requests refused by circuit breakers.", labels: ["service"] });
  const mirrored = metrics.counter({ ...count, name: "mirrored", help: "Copies of requests sent." });
  const ejected = metrics.gauge({
    ...count,
    name: "ejected_endpoints",
    help: "Replicas that outlier detection keeps out, and those that are gone.",
    labels: ["service"],
  });
  const clusters = metrics.gauge({
    ...count,
    anew: true,
    name: "clusters",
    help: "Ports of services, by selector.",
    labels: ["service", "selector"],
  });
  const endpoints = metrics.gauge({ ...count, name: "endpoints", help: "Replicas by standing.", labels: ["service", "standing"] });
  const ejections = metrics.counter({ ...count, name: "ejections", help: "Times that a replica was taken out.", labels: ["service"] });
  const panics = metrics.counter({
    ...count,
    name: "panics",
    help: "Selections among those that fail too, as too few replicas were healthy.",
    labels: ["service"],
  });
  const reportsAge = metrics.gauge({
    name: "reports_age",
    unit: "seconds",
    help: "Age of what replicad said of the replica heard of longest ago; 0 without reports.",
    labels: ["service"],
  });
  const links = metrics.gauge({ ...count, name: "links", help: "Links to and from other nodes.", labels: ["direction", "state"] });
  const streams = metrics.gauge({ ...count, name: "link_streams", help: "Streams on links.", labels: ["direction"] });
  const linkBytes = metrics.counter({ name: "link", unit: "bytes", help: "Payload on links.", labels: ["direction", "way"] });
  const rules = metrics.counter({
    ...count,
    name: "authorisation",
    help: "Requests decided by rule.",
    labels: ["rule", "action", "dry_run"],
  });
  const spans = metrics.counter({ ...count, name: "spans", help: "Spans by what became of their export.", labels: ["result"] });
  const expiry = metrics.gauge({
    name: "certificate_expiry",
    unit: "seconds",
    help: "End of this node's certificate, seconds since 1970.",
  });
  const resident = metrics.gauge({ name: "resident", unit: "bytes", help: "Resident memory of the process." });

  metrics.onScrape(() => {
    const { plane, telemetry } = worker;
    connections.set(plane.connections.http, { kind: "http" });
    connections.set(plane.connections.tcp, { kind: "tcp" });
    upstream.set(plane.pool.size);
    for (const [protocol, times] of plane.spoken) accepted.set(times, { protocol });
    for (const [reason, times] of plane.refusals) refused.set(times, { reason });
    for (const [reason, times] of Object.entries(worker.links.refusals)) if (times > 0) refused.set(times, { reason: `link-${reason}` });
    if (worker.strangers > 0) refused.set(worker.strangers, { reason: "stranger" });
    mirrored.set(plane.mirrored);
    for (const [service, own] of Map.groupBy(plane.clusters(), (cluster) => cluster.service)) {
      for (const cluster of own) cluster.refresh();
      const sum = (of: (cluster: (typeof own)[number]) => number): number => own.reduce((total, cluster) => total + of(cluster), 0);
      const standings = own.flatMap((cluster) => cluster.endpoints.map((endpoint) => cluster.standing(endpoint)));
      for (const standing of ["healthy", "slow-start", "ejected", "dead", "draining"] as const)
        endpoints.set(standings.filter((one) => one === standing).length, { service, standing });
      ejected.set(standings.filter((one) => one === "ejected" || one === "dead").length, { service });
      for (const selector of selectorNames) {
        const times = own.filter(({ policy }) => policy.selector === selector).length;
        if (times > 0) clusters.set(times, { service, selector });
      }
      ejections.set(
        sum(({ membership }) => membership.ejections),
        { service },
      );
      panics.set(
        sum((cluster) => cluster.panics),
        { service },
      );
      const reported = own.flatMap((cluster) => cluster.endpoints.map(({ reportedAtMs }) => reportedAtMs)).filter((atMs) => atMs > 0);
      reportsAge.set(reported.length === 0 ? 0 : Math.max(0, plane.nowMs() - Math.min(...reported)) / 1000, { service });
      overflows.set(
        sum((cluster) => cluster.overflows),
        { service },
      );
      retries.set(
        sum((cluster) => cluster.retries.made),
        { service },
      );
      retriesRefused.set(
        sum((cluster) => cluster.retries.exhausted),
        { service },
      );
    }
    for (const direction of ["out", "in"] as const) {
      const all = worker.links.status.filter((link) => link.direction === direction);
      for (const state of ["up", "connecting", "backing-off", "draining", "idle"] as const)
        links.set(all.filter((link) => link.state === state).length, { direction, state });
      streams.set(
        all.reduce((sum, link) => sum + link.streams, 0),
        { direction },
      );
      linkBytes.set(
        all.reduce((sum, link) => sum + link.bytesIn, 0),
        { direction, way: "received" },
      );
      linkBytes.set(
        all.reduce((sum, link) => sum + link.bytesOut, 0),
        { direction, way: "sent" },
      );
    }
    for (const { rule, action, dryRun, hits } of worker.ruleCounts) rules.set(hits, { rule, action, dry_run: String(dryRun) });
    for (const [result, value] of Object.entries(telemetry.otlp?.counts ?? {})) spans.set(value, { result });
    const notAfterMs = worker.certificate?.notAfterMs;
    if (notAfterMs !== undefined) expiry.set(notAfterMs / 1000);
    resident.set(process.memoryUsage.rss());
  });
  return metrics;
}
