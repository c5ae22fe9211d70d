/** What a worker answers to those who ask. @module */
import type { Route, TextMatch } from "@mitsu/catalog";
import { formatDuration } from "@mitsu/cli";
import type { NicdCluster, NicdRoute, NicdRule, NicdSeries, NicdStatus, PlacementStatus } from "@mitsu/ipc";
import type { Cluster } from "./cluster/cluster.ts";
import { mergedRows } from "./merged-rows.ts";
import { filterViews } from "./wasm/filter-views.ts";
import type { Worker } from "./worker.ts";

/** `status`. @param fixed What the daemon knows of itself. */
export function statusView(
  worker: Worker,
  fixed: Pick<NicdStatus, "version" | "pid" | "startedAtMs" | "node" | "certificate">,
): NicdStatus {
  const { plane, telemetry, links } = worker;
  const linkRefusals = Object.entries(links.refusals).map(([reason, times]) => [`link-${reason}`, times] as const);
  return {
    ...fixed,
    degraded: worker.degraded,
    workers: 1,
    listening: worker.listening,
    connections: plane.connections,
    upstreamConnections: plane.pool.size,
    spoken: Object.fromEntries(plane.spoken),
    refusals: Object.fromEntries(
      [...plane.refusals, ...linkRefusals.filter(([, times]) => times > 0), ["stranger", worker.strangers] as const].filter(
        ([, times]) => times > 0,
      ),
    ),
    requests: telemetry.feed.requests,
    retries: plane.retries,
    mirrored: plane.mirrored,
    residentBytes: process.memoryUsage.rss(),
    links: links.status,
    spans: telemetry.otlp ? { ...telemetry.otlp.counts } : {},
    reports: { state: worker.tables.state, replicas: reportedReplicas(worker) },
    placement: joined(plane.relays.status(), worker.filterWork.status()),
    filters: filterViews(worker.filters, plane.nowMs()),
  };
}

function joined(...all: readonly PlacementStatus[]): PlacementStatus {
  return { work: all.flatMap(({ work }) => work), notices: all.flatMap(({ notices }) => notices) };
}

/** `routes`: those of services that pass nicd. */
export function routeViews({ plane }: Worker): NicdRoute[] {
  const services = plane.catalog?.services.filter(({ traffic }) => traffic.viaNic) ?? [];
  return services.flatMap(({ name, traffic }) =>
    traffic.routes.map((route) => ({
      service: name,
      name: route.name,
      match: matchText(route),
      to: targetText(name, route),
      rules: ruleTexts({ ...route, filters: [...new Set([...route.filters, ...traffic.filters])] }),
    })),
  );
}

/** Authorisation rules with what they did. */
export function ruleViews(worker: Worker): readonly NicdRule[] {
  return worker.ruleCounts;
}

/** `clusters`. */
export function clusterViews({ plane }: Worker): NicdCluster[] {
  const nowMs = plane.nowMs();
  return [...plane.clusters()].map((cluster) => clusterView(cluster, nowMs));
}

/** Replicas of which replicad said something. */
function reportedReplicas({ plane }: Worker): number {
  return [...plane.clusters()].reduce((sum, { endpoints }) => sum + endpoints.filter(({ reportedAtMs }) => reportedAtMs > 0).length, 0);
}

function clusterView(cluster: Cluster, nowMs: number): NicdCluster {
  cluster.refresh();
  const { service, port, policy, inFlight, overflows, panics, retries, endpoints } = cluster;
  return {
    service,
    port,
    selector: policy.selector,
    inFlight,
    overflows,
    panics,
    retriesRefused: retries.exhausted,
    endpoints: endpoints.map((one) => ({
      address: one.address,
      port: one.port,
      node: one.node,
      here: one.here,
      weight: one.weight,
      inFlight: one.inFlight,
      connections: one.connections,
      pending: one.pending,
      requests: one.requests,
      errors: one.errors,
      latencyUs: one.answerMs * 1000,
      ejectedForMs: finite(cluster.membership.outForMs(one.key, nowMs)),
      standing: cluster.standing(one),
      reportAgeMs: one.reportedAtMs > 0 ? Math.max(0, nowMs - one.reportedAtMs) : null,
    })),
  };
}

/** 0 for ∞: nobody knows when a replica is back that replicad tells to be gone. */
function finite(ms: number): number {
  return Number.isFinite(ms) ? ms : 0;
}

/** `requests`: one row for each way they ended, whoever reported it. */
export function seriesViews({ telemetry }: Worker): NicdSeries[] {
  return mergedRows(
    telemetry.series.map(({ from, to, code, flags, requests, duration }) => ({
      from,
      to,
      code,
      flags,
      requests,
      durations: Array.from(duration.counts),
      sumMs: duration.sum,
    })),
  );
}

function textOf(match: TextMatch): string {
  switch (match.kind) {
    case "exact":
      return `= ${match.value}`;
    case "prefix":
      return `${match.value}*`;
    case "regex":
      return `~ ${match.value}`;
    case "present":
      return "present";
  }
}

/** What a route is about, in words. */
export function matchText({ match }: Route): string {
  const fields = (kind: string, list: Route["match"]["headers"]): string[] =>
    list.map(({ name, match: text, invert }) => `${kind} ${name} ${invert ? "not " : ""}${textOf(text)}`);
  return [
    ...(match.hosts.length > 0 ? [`host ${match.hosts.join(" | ")}`] : []),
    ...(match.path ? [`path ${textOf(match.path)}`] : []),
    ...(match.methods.length > 0 ? [match.methods.join(" | ")] : []),
    ...fields("header", match.headers),
    ...fields("query", match.query),
    ...(match.ports.length > 0 ? [`port ${match.ports.join(" | ")}`] : []),
  ].join(", ");
}

function targetText(service: string, { to, redirect, respond }: Route): string {
  if (redirect) return `redirect ${redirect.status}`;
  if (respond) return `answer ${respond.status}`;
  if (to.length === 0) return service;
  const total = to.reduce((sum, { weight }) => sum + weight, 0);
  return to.map((one) => (to.length === 1 ? one.service : `${one.service} ${Math.round((100 * one.weight) / total)} %`)).join(", ");
}

function ruleTexts(route: Route): string[] {
  const { timeoutMs, retries, fault, rateLimit, mirror, rewrite, maxRequestBytes, maxResponseBytes, filters } = route;
  const percent = (share: number): string => `${Number((share * 100).toFixed(3))} %`;
  return [
    ...(timeoutMs > 0 ? [`timeout ${formatDuration(timeoutMs * 1e6)}`] : []),
    ...(retries.attempts > 0 ? [`${retries.attempts} retries on ${retries.on.join(", ")}`] : []),
    ...(rateLimit ? [`at most ${rateLimit.requests} in ${rateLimit.perMs} ms, ${rateLimit.burst} at once`] : []),
    ...(fault.delay ? [`${percent(fault.delay.share)} delayed by ${fault.delay.ms} ms`] : []),
    ...(fault.abort ? [`${percent(fault.abort.share)} answered ${fault.abort.status}`] : []),
    ...(mirror ? [`${percent(mirror.share)} mirrored to ${mirror.service}`] : []),
    ...(rewrite.path || rewrite.host ? ["rewritten"] : []),
    ...(maxRequestBytes > 0 ? [`requests up to ${maxRequestBytes} bytes`] : []),
    ...(maxResponseBytes > 0 ? [`answers up to ${maxResponseBytes} bytes`] : []),
    ...(filters.length > 0 ? [`filters ${filters.join(", ")}`] : []),
  ];
}
