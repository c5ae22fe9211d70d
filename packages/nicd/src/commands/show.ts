/** `status`, `routes`, `clusters`, `links`, `metrics`, `reload`: what the daemon knows, for reading. @module */
import { type Context, formatBytes, formatDuration, type OutputStream, onSignals, print, table, watch } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import { formatPlacement } from "@mitsu/hal";
import type { NicdCluster, NicdEndpoint, NicdFilter, NicdLink, NicdRoute, NicdRule, NicdStatus } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

function statusText(status: NicdStatus, nowMs: number, out: OutputStream): string {
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, times]) => `${name} ${times}`)
      .join(", ");
  const { connections, certificate } = status;
  return [
    `nicd ${status.version}, pid ${status.pid}, up ${formatDuration((nowMs - status.startedAtMs) * 1e6)}, node ${status.node}, ${counted(status.workers, "worker")}, ${formatBytes(status.residentBytes)}`,
    `listening at ${status.listening.map(({ address, port }) => `${address}:${port}`).join(", ") || "nothing"}`,
    `${counted(status.requests, "request")}, ${status.retries} tried again; open: ${connections.http} HTTP, ${connections.tcp} others, ${status.upstreamConnections} to replicas`,
    ...(Object.keys(status.spoken).length > 0 ? [`accepted: ${listed(status.spoken)}`] : []),
    ...(Object.keys(status.refusals).length > 0 ? [`refused: ${listed(status.refusals)}`] : []),
    ...(status.reports.state === "none"
      ? []
      : [`replicad: reports ${status.reports.state}, of ${counted(status.reports.replicas, "replica")}`]),
    ...(Object.keys(status.spans).length > 0 ? [`spans: ${listed(status.spans)}`] : []),
    ...(certificate
      ? [
          `certificate ${certificate.uri}, ${certificate.notAfterMs > nowMs ? `for ${formatDuration((certificate.notAfterMs - nowMs) * 1e6)} more` : "OVER"}`,
        ]
      : []),
    ...(status.links.length > 0
      ? [
          `${counted(status.links.length, "link")}, ${counted(
            status.links.reduce((sum, { streams }) => sum + streams, 0),
            "stream",
          )}`,
        ]
      : []),
    ...status.degraded.map((why) => `DEGRADED: ${why}`),
    ...(status.placement ? ["", formatPlacement(status.placement, out).trimEnd()] : []),
    "",
  ].join("\n");
}

/** `nicd status`; exit status 69 when the daemon is degraded, so that scripts notice. */
export async function status(_args: unknown, context: Context): Promise<number> {
  using client = await daemonClient(context);
  const answer = await client.call("status", {});
  print(context, answer, (value, out) => statusText(value, context.env.now(), out));
  return answer.degraded.length > 0 ? exitStatus.unavailable : exitStatus.ok;
}

function routesText(
  { routes: all, rules }: { readonly routes: readonly NicdRoute[]; readonly rules: readonly NicdRule[] },
  out: OutputStream,
): string {
  if (all.length === 0) return "no routes: no service of the mesh file passes nicd, and no --route was given\n";
  const routeTable = table(
    all,
    [
      { header: "SERVICE", value: ({ service }) => service },
      { header: "ROUTE", value: ({ name }) => name },
      { header: "MATCH", value: ({ match }) => match || "all" },
      { header: "TO", value: ({ to }) => to },
      { header: "RULES", value: ({ rules: texts }) => texts.join("; ") },
    ],
    out,
  );
  if (rules.length === 0) return routeTable;
  const ruleTable = table(
    rules,
    [
      { header: "AUTHORISATION", value: ({ rule }) => rule },
      { header: "ACTION", value: ({ action, dryRun }) => (dryRun ? `${action} (dry run)` : action) },
      { header: "DECIDED", value: ({ hits }) => hits },
    ],
    out,
  );
  return `${routeTable}\n${ruleTable}`;
}

/** `nicd routes`. */
export async function routes({ service }: { readonly service: string | undefined }, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { routes: all, rules } = await client.call("routes", {});
  print(context, { routes: all.filter((route) => service === undefined || route.service === service), rules }, routesText);
}

function standingText({ standing, ejectedForMs }: NicdEndpoint): string {
  if (standing === "healthy") return "";
  return ejectedForMs > 0 ? `${standing}, ${(ejectedForMs / 1000).toFixed(0)} s` : standing;
}

function clustersText(clusters: readonly NicdCluster[], out: OutputStream): string {
  if (clusters.length === 0) return "no service was called yet\n";
  const rows = clusters.flatMap(
    (cluster): { readonly cluster: NicdCluster; readonly endpoint: NicdEndpoint | undefined; readonly first: boolean }[] =>
      cluster.endpoints.length === 0
        ? [{ cluster, endpoint: undefined, first: true }]
        : cluster.endpoints.map((endpoint, index) => ({ cluster, endpoint, first: index === 0 })),
  );
  return table(
    rows,
    [
      { header: "SERVICE", value: ({ cluster, first }) => (first ? `${cluster.service}:${cluster.port}` : "") },
      { header: "REPLICA", value: ({ endpoint }) => (endpoint ? `${endpoint.address}:${endpoint.port}` : "none") },
      { header: "NODE", value: ({ endpoint }) => (endpoint ? (endpoint.here ? "here" : (endpoint.node ?? "?")) : "") },
      {
        header: "STATE",
        value: ({ endpoint }) => (endpoint ? standingText(endpoint) : ""),
      },
      { header: "WEIGHT", value: ({ endpoint }) => endpoint?.weight ?? 0 },
      { header: "IN FLIGHT", value: ({ endpoint }) => endpoint?.inFlight ?? 0 },
      { header: "CONNS", value: ({ endpoint }) => endpoint?.connections ?? 0 },
      { header: "REQUESTS", value: ({ endpoint }) => endpoint?.requests ?? 0 },
      { header: "ERRORS", value: ({ endpoint }) => endpoint?.errors ?? 0 },
      { header: "MEAN [ms]", value: ({ endpoint }) => ((endpoint?.latencyUs ?? 0) / 1000).toFixed(2), align: "right" },
      { header: "REPORT [ms]", value: ({ endpoint }) => endpoint?.reportAgeMs?.toFixed(1) ?? "-", align: "right" },
      { header: "SELECTOR", value: ({ cluster, first }) => (first ? cluster.selector : "") },
    ],
    out,
  );
}

/** `nicd clusters`. */
export async function clusters(
  args: { readonly service: string | undefined; readonly watch: boolean; readonly intervalMs: number },
  context: Context,
): Promise<void> {
  using client = await daemonClient(context);
  const read = async (): Promise<readonly NicdCluster[]> =>
    (await client.call("clusters", {})).clusters.filter(({ service }) => args.service === undefined || service === args.service);
  if (!args.watch) return print(context, { clusters: await read() }, (value, out) => clustersText(value.clusters, out));
  using signals = onSignals(context.env);
  await watch(context.env, async () => clustersText(await read(), context.env.stdout), {
    intervalMs: args.intervalMs,
    signal: signals.signal,
  });
}

function linksText(links: readonly NicdLink[], nowMs: number, out: OutputStream): string {
  if (links.length === 0) return "no links: nothing was asked of another node yet, and none has come in\n";
  return table(
    links,
    [
      { header: "NODE", value: ({ node }) => node || "?" },
      { header: "", value: ({ direction }) => (direction === "out" ? "→" : "←") },
      { header: "ADDRESS", value: ({ address, port }) => `${address}:${port}` },
      { header: "STATE", value: ({ state }) => state },
      { header: "SECURITY", value: ({ security }) => security },
      { header: "STREAMS", value: ({ streams }) => streams },
      { header: "SENT", value: ({ bytesOut }) => formatBytes(bytesOut), align: "right" },
      { header: "RECEIVED", value: ({ bytesIn }) => formatBytes(bytesIn), align: "right" },
      { header: "RTT [ms]", value: ({ rttMs }) => (rttMs === null ? "-" : rttMs.toFixed(2)), align: "right" },
      {
        header: "CERTIFICATE",
        value: (link) => (link.certificateNotAfterMs === null ? "-" : formatDuration((link.certificateNotAfterMs - nowMs) * 1e6)),
      },
      { header: "LAST ERROR", value: ({ lastError }) => lastError ?? "" },
    ],
    out,
  );
}

/** `nicd links`. */
export async function links(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const answer = await client.call("status", {});
  print(context, { links: answer.links }, (value, out) => linksText(value.links, context.env.now(), out));
}

function filtersText(filters: readonly NicdFilter[], out: OutputStream): string {
  if (filters.length === 0) return "no filters: the mesh file names none\n";
  const rows = table(
    filters,
    [
      { header: "FILTER", value: ({ name }) => name },
      { header: "MODULE", value: ({ sha256, origin }) => `${sha256.slice(0, 12)}${origin === "push" ? " (pushed)" : ""}` },
      { header: "ABI", value: ({ abi }) => abi },
      { header: "STATE", value: ({ state }) => state },
      { header: "CALLS", value: ({ calls }) => calls },
      { header: "TIME [us/call]", value: ({ calls, timeNs }) => (timeNs === 0 ? "-" : (timeNs / calls / 1000).toFixed(2)), align: "right" },
      { header: "FUEL/CALL", value: ({ calls, fuel }) => (calls === 0 ? "-" : Math.round(fuel / calls)), align: "right" },
      { header: "TRAPS", value: ({ traps }) => traps },
      { header: "FAILED", value: ({ failures }) => failures },
      { header: "OPEN", value: ({ open }) => open },
      { header: "MEMORY", value: ({ memoryBytes }) => formatBytes(memoryBytes), align: "right" },
    ],
    out,
  );
  const notes = filters.flatMap(({ name, canary, rollOut, lastTrap }) => [
    ...(canary
      ? [
          `${name}: ${canary.sha256.slice(0, 12)} has ${Math.round(canary.share * 100)} % for ${formatDuration(canary.leftMs * 1e6)} more: ${counted(canary.exchanges, "exchange")}, ${counted(canary.errors, "error")}`,
        ]
      : []),
    ...(rollOut ? [`${name}: ${rollOut.sha256.slice(0, 12)} was ${rollOut.outcome}: ${rollOut.reason}`] : []),
    ...(lastTrap ? [`${name}: stopped last in ${lastTrap.callback} (${lastTrap.reason}): ${lastTrap.detail}`] : []),
  ]);
  return `${rows}${notes.map((note) => `${note}\n`).join("")}`;
}

/** `nicd filters`. */
export async function filters(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { filters: all = [] } = await client.call("status", {});
  print(context, { filters: all }, (value, out) => filtersText(value.filters, out));
}

/** `nicd metrics`. */
export async function metrics(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { text } = await client.call("metrics", {});
  print(context, { text }, (value) => value.text);
}

/** `nicd reload`. */
export async function reload(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  await client.call("reload", {}, { timeoutMs: 30_000 });
  print(context, { reloaded: true }, () => "the mesh file and certificates were read again\n");
}
