/** Several workers' answers as one. @module */
import type {
  Client,
  NicdCluster,
  NicdEndpoint,
  NicdFilter,
  NicdLink,
  NicdProtocol,
  NicdRule,
  NicdStatus,
  PlacementStatus,
  PushFilterAnswer,
  ReplicaStanding,
} from "@mitsu/ipc";
import type { WireExchange } from "@mitsu/telemetry";
import { mergedRows } from "./merged-rows.ts";
import { mergedSamples } from "./merged-samples.ts";
import type { Views } from "./worker-views.ts";

/** A worker of another process. */
export type WorkerClient = Client<NicdProtocol>;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** Adds up records of counts. */
function added(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const record of records) for (const [name, value] of Object.entries(record)) total[name] = (total[name] ?? 0) + value;
  return total;
}

/** Groups by key, in the order of the first of each. */
function grouped<T>(lists: readonly (readonly T[])[], keyOf: (one: T) => string): T[][] {
  return [...Map.groupBy(lists.flat(), keyOf).values()];
}

/** Of all workers. @param own What the parent process knows of itself. */
export function mergedStatus(
  all: readonly NicdStatus[],
  own: Pick<NicdStatus, "version" | "pid" | "startedAtMs" | "node" | "degraded">,
): NicdStatus {
  // Each worker registers with sockhijack; that only one of them is the active one is as it should be.
  const active = all.some(({ degraded }) => !degraded.some((why) => why.startsWith(laterRegistration)));
  const reasons = all.flatMap(({ degraded }) => degraded).filter((why) => !(active && why.startsWith(laterRegistration)));
  return {
    ...own,
    degraded: [...new Set([...own.degraded, ...reasons])],
    workers: all.length,
    listening: all[0]?.listening ?? [],
    connections: { http: sum(all.map(({ connections }) => connections.http)), tcp: sum(all.map(({ connections }) => connections.tcp)) },
    upstreamConnections: sum(all.map(({ upstreamConnections }) => upstreamConnections)),
    spoken: added(all.map(({ spoken }) => spoken)),
    refusals: added(all.map(({ refusals }) => refusals)),
    requests: sum(all.map(({ requests }) => requests)),
    retries: sum(all.map(({ retries }) => retries)),
    mirrored: sum(all.map(({ mirrored }) => mirrored)),
    residentBytes: sum(all.map(({ residentBytes }) => residentBytes)) + process.memoryUsage.rss(),
    links: grouped(
      all.map(({ links }) => links),
      ({ node, address, port, direction }) => `${direction} ${node} ${address} ${port}`,
    ).map(mergedLink),
    certificate: all[0]?.certificate ?? null,
    spans: added(all.map(({ spans }) => spans)),
    reports: mergedReports(all.map(({ reports }) => reports)),
    placement: mergedPlacement(all.flatMap(({ placement }) => placement ?? [])),
    filters: mergedFilters(all.map(({ filters }) => filters ?? [])),
  };
}

/** A canary takes as long as the mesh file says. */
const pushMs = 24 * 3_600_000;

const laterRegistration = "another nicd was registered later";

/** Each worker reads the same reports: the best that one of them has, of as many replicas as one of them calls. */
function mergedReports(all: readonly NicdStatus["reports"][]): NicdStatus["reports"] {
  const state = (["fresh", "stale"] as const).find((one) => all.some((each) => each.state === one)) ?? "none";
  return { state, replicas: Math.max(0, ...all.map(({ replicas }) => replicas)) };
}

/** Each worker has a placement of its own: alike work on alike devices is one row. */
function mergedPlacement(all: readonly PlacementStatus[]): PlacementStatus {
  const rows = grouped(
    all.map(({ work }) => work),
    ({ work, device }) => `${work} ${device ?? ""}`,
  );
  return {
    work: rows.map((alike) => ({
      ...alike[0]!,
      entries: sum(alike.map(({ entries }) => entries)),
      used: sum(alike.map(({ used }) => used ?? 0)),
      moves: sum(alike.map(({ moves }) => moves)),
    })),
    notices: [...new Set(all.flatMap(({ notices }) => notices))],
  };
}

/** Each worker has machines of its own; the worst state is shown. */
function mergedFilters(all: readonly (readonly NicdFilter[])[]): NicdFilter[] {
  const states: readonly NicdFilter["state"][] = ["restarting", "canary", "running"];
  return grouped(all, ({ name }) => name).map((filters) => {
    const total = (of: (filter: NicdFilter) => number): number => sum(filters.map(of));
    const canaries = filters.flatMap(({ canary }) => canary ?? []);
    const rollOuts = filters.flatMap(({ rollOut }) => rollOut ?? []);
    return {
      ...filters[0]!,
      state: states.find((state) => filters.some((one) => one.state === state))!,
      calls: total(({ calls }) => calls),
      timeNs: total(({ timeNs }) => timeNs),
      fuel: total(({ fuel }) => fuel),
      denied: total(({ denied }) => denied),
      traps: total(({ traps }) => traps),
      restarts: total(({ restarts }) => restarts),
      failures: total(({ failures }) => failures),
      logLinesDropped: total(({ logLinesDropped }) => logLinesDropped),
      open: total(({ open }) => open),
      memoryBytes: total(({ memoryBytes }) => memoryBytes),
      lastTrap: filters.find(({ lastTrap }) => lastTrap !== null)?.lastTrap ?? null,
      canary:
        canaries.length === 0
          ? null
          : {
              ...canaries[0]!,
              exchanges: sum(canaries.map(({ exchanges }) => exchanges)),
              errors: sum(canaries.map(({ errors }) => errors)),
            },
      rollOut: rollOuts.find(({ outcome }) => outcome === "rolled back") ?? rollOuts[0] ?? null,
    };
  });
}

/** What became of a pushed module, in the order of how much the one who pushed it has to know. */
const outcomes: readonly PushFilterAnswer["outcome"][] = ["rolled back", "superseded", "canary", "taken"];

function mergedLink(links: NicdLink[]): NicdLink {
  const [first] = links;
  const up = links.find(({ state }) => state === "up");
  return {
    ...first!,
    state: (up ?? first!).state,
    streams: sum(links.map(({ streams }) => streams)),
    queued: sum(links.map(({ queued }) => queued)),
    draining: sum(links.map(({ draining }) => draining)),
    bytesIn: sum(links.map(({ bytesIn }) => bytesIn)),
    bytesOut: sum(links.map(({ bytesOut }) => bytesOut)),
    rttMs: up?.rttMs ?? first!.rttMs,
    lastError: links.find(({ lastError }) => lastError !== null)?.lastError ?? null,
  };
}

function mergedCluster(clusters: NicdCluster[]): NicdCluster {
  const [first] = clusters;
  return {
    ...first!,
    inFlight: sum(clusters.map(({ inFlight }) => inFlight)),
    overflows: sum(clusters.map(({ overflows }) => overflows)),
    panics: sum(clusters.map(({ panics }) => panics)),
    retriesRefused: sum(clusters.map(({ retriesRefused }) => retriesRefused)),
    endpoints: grouped(
      clusters.map(({ endpoints }) => endpoints),
      ({ address, port }) => `${address} ${port}`,
    ).map(mergedEndpoint),
  };
}

/** Workers may differ: what is worst is shown. */
const worstFirst: readonly ReplicaStanding[] = ["dead", "ejected", "draining", "slow-start", "healthy"];

function mergedEndpoint(endpoints: NicdEndpoint[]): NicdEndpoint {
  const requests = sum(endpoints.map((one) => one.requests));
  const ages = endpoints.flatMap(({ reportAgeMs }) => (reportAgeMs === null ? [] : [reportAgeMs]));
  return {
    ...endpoints[0]!,
    inFlight: sum(endpoints.map(({ inFlight }) => inFlight)),
    connections: sum(endpoints.map(({ connections }) => connections)),
    pending: sum(endpoints.map(({ pending }) => pending)),
    requests,
    errors: sum(endpoints.map(({ errors }) => errors)),
    latencyUs: requests === 0 ? 0 : sum(endpoints.map((one) => one.latencyUs * one.requests)) / requests,
    ejectedForMs: Math.max(...endpoints.map(({ ejectedForMs }) => ejectedForMs)),
    standing: worstFirst.find((standing) => endpoints.some((one) => one.standing === standing)) ?? "healthy",
    reportAgeMs: ages.length === 0 ? null : Math.min(...ages),
  };
}

function mergedRule(rules: NicdRule[]): NicdRule {
  return { ...rules[0]!, hits: sum(rules.map(({ hits }) => hits)) };
}

/**
 * @param workers Those that run now.
 * @param own What the parent process knows of itself.
 */
export function mergedViews(
  workers: () => readonly WorkerClient[],
  own: () => Pick<NicdStatus, "version" | "pid" | "startedAtMs" | "node" | "degraded">,
): Views {
  /** Of those that answer: one that is just ending has nothing to add. */
  const ask = async <T>(question: (worker: WorkerClient) => Promise<T>): Promise<T[]> => {
    const answers = await Promise.allSettled(workers().map(question));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  };
  return {
    async status() {
      const asked = workers().length;
      const all = await ask((worker) => worker.call("status", {}));
      const silent = asked - all.length;
      const merged = mergedStatus(all, own());
      return silent === 0
        ? merged
        : { ...merged, degraded: [...merged.degraded, `${silent} of ${asked} workers do not answer; see the log`] };
    },
    async routes() {
      const all = await ask((worker) => worker.call("routes", {}));
      const rules = grouped(
        all.map((one) => one.rules),
        ({ rule, action }) => `${action} ${rule}`,
      ).map(mergedRule);
      return { routes: all[0]?.routes ?? [], rules };
    },
    async clusters() {
      const all = await ask((worker) => worker.call("clusters", {}));
      return {
        clusters: grouped(
          all.map(({ clusters }) => clusters),
          ({ service, port }) => `${service} ${port}`,
        ).map(mergedCluster),
      };
    },
    async requests() {
      const all = await ask((worker) => worker.call("requests", {}));
      return { boundsMs: all[0]?.boundsMs ?? [], series: mergedRows(all.flatMap((one) => one.series)) };
    },
    async traces(request) {
      const all = await ask((worker) => worker.call("traces", request));
      const traces = [
        ...Map.groupBy(
          all.flatMap((one) => one.traces),
          ({ traceId }) => traceId,
        ),
      ]
        .map(([traceId, parts]) => ({ traceId, exchanges: parts.flatMap(({ exchanges }) => exchanges).sort(byStart) }))
        .sort((a, b) => byStart(a.exchanges[0], b.exchanges[0]));
      const linkedShare = added(all.map((one) => one.linkedShare)) as (typeof all)[number]["linkedShare"];
      return { traces: traces.slice(-request.limit), linkedShare };
    },
    async pushFilter(request) {
      // Each checks it for itself: one that refuses it says why.
      const all = await Promise.all(workers().map((worker) => worker.call("pushFilter", request, { timeoutMs: pushMs })));
      const worst = outcomes.find((outcome) => all.some((one) => one.outcome === outcome));
      return all.find(({ outcome }) => outcome === worst)!;
    },
    exchanges: (signal) => joined(workers(), signal),
    metrics: async () => mergedSamples((await ask((worker) => worker.call("metrics", {}))).map(({ text }) => text)),
  };
}

/** Times are decimal strings of nanoseconds. */
function byStart(a: WireExchange | undefined, b: WireExchange | undefined): number {
  const [from, to] = [BigInt(a?.startNs ?? 0), BigInt(b?.startNs ?? 0)];
  return from < to ? -1 : from > to ? 1 : 0;
}

/** What all of them say, as it comes; one that ends says no more, and the others go on. */
async function* joined(workers: readonly WorkerClient[], signal: AbortSignal): AsyncGenerator<WireExchange> {
  const streams = workers.map((worker) => worker.subscribe("exchanges", {}));
  const cancel = (): void => streams.forEach((stream) => void stream.cancel());
  signal.addEventListener("abort", cancel, { once: true });
  const next = (iterator: AsyncIterator<WireExchange>) =>
    iterator.next().then(
      (result) => ({ iterator, result }),
      () => ({ iterator, result: { done: true, value: undefined } as const }),
    );
  const pending = new Map(streams.map((stream) => stream[Symbol.asyncIterator]()).map((iterator) => [iterator, next(iterator)]));
  try {
    while (pending.size > 0) {
      const { iterator, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(iterator);
      else {
        pending.set(iterator, next(iterator));
        yield result.value;
      }
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}
