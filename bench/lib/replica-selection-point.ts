/** One measurement of replica-selection.sh: a fresh cluster, the load on every node, what happens meanwhile, and what all of it used. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, type ReplicaStats } from "./replica-selection-ask.ts";
import { Cluster, type Paths } from "./replica-selection-cluster.ts";
import { happen, type Noted } from "./replica-selection-events.ts";
import { type HogLine, HogWatch } from "./replica-selection-hogs.ts";
import { Program } from "./replica-selection-process.ts";
import { type Load, type LoadLine, type Machine, mergeLoads, spoiledBy } from "./replica-selection-sample.ts";
import { type Common, type Point, rateOf, slow, workOf } from "./replica-selection-setting.ts";

/** A line of the raw file. */
export interface Sample extends Point {
  readonly rate: number;
  readonly startSeconds: number;
  readonly seen: Load;
  readonly machine: Machine;
  readonly spoiled: readonly string[];
  /** CPU seconds by role, over the load. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Requests that nicds carried, those of links included, and further tries. */
  readonly carried: number;
  readonly retries: number;
  /** Messages between nodes. */
  readonly messages: { readonly sent: number; readonly received: number };
  /** Milliseconds since what nodes know of each other was true: median and most, seen while the load ran. */
  readonly ageMs: { readonly median: number; readonly most: number } | null;
  readonly replicaLateMs: { readonly mean: number; readonly max: number };
  readonly mostInFlight: readonly number[];
  readonly degraded: readonly string[];
  readonly noted: Noted;
}

/** Between two looks at how old news is; each costs every replicad a little. */
const lookEveryMs = 500;
/** What queues up at a load above 1 is answered within that. */
const drainSeconds = 15;
/** Before that, what is new gets warm for so long. */
const warmSeconds = 2.5;
/** Until clients begin: all of them must have been started by then. */
const leadMs = 700;

/** Busy seconds of all CPUs so far, and those that the hypervisor took. */
function busy(): { readonly busy: number; readonly steal: number } {
  const fields = /^cpu .*$/m
    .exec(readFileSync("/proc/stat", "latin1"))![0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / 100);
  return { busy: fields[0]! + fields[1]! + fields[2]! + fields[5]! + fields[6]!, steal: fields[7]! };
}

/** Runs one, in a cluster of its own. */
export async function measure(point: Point, common: Common, paths: Paths, withReplicad: boolean): Promise<Sample> {
  const cluster = await Cluster.start(point, common, paths, withReplicad);
  try {
    return await measureIn(cluster, point, common, paths);
  } finally {
    await cluster.stop();
  }
}

async function measureIn(cluster: Cluster, point: Point, common: Common, paths: Paths): Promise<Sample> {
  await warm(cluster, point, common, paths);
  const beginNs = process.hrtime.bigint() + BigInt(leadMs) * 1_000_000n;
  const varying = point.speed === "varying" ? `&fast-ms=${common.dwellMs}&slow-ms=${common.dwellMs}&slow=${slow}` : "";
  for (const { place } of cluster.replicas) await ask(place, `/begin?at=${beginNs}&seed=${point.rep}${varying}`);
  const before = {
    used: cluster.cpuSeconds(),
    machine: busy(),
    carried: await cluster.carried(),
    statuses: await cluster.statuses(),
    at: performance.now(),
  };
  const ownBefore = process.cpuUsage();
  cluster.startHogs(point, common, beginNs);
  const rate = rateOf(point, common);
  const clients = cluster.nodes.map(
    ({ name, at }) =>
      new Program({
        name: `load-${name}`,
        namespace: `${paths.unique}-${name}`,
        folder: join(paths.work, "cluster"),
        command: [
          ...paths.first,
          join(paths.work, "replica-load"),
          ...["127.0.0.1", "80", String(rate / common.nodes), String(point.seconds), String(point.warmUp)],
          ...[String(point.rep * 100 + at), String(beginNs), String(workOf(point, common) * 1000), String(drainSeconds)],
        ],
      }),
  );
  const ages: number[] = [];
  const watch = new HogWatch(beginNs);
  const look = (): void =>
    void cluster.statuses().then((all) => {
      ages.push(...agesOf(all));
      if (cluster.hogs.length > 0) watch.take(all);
    });
  const looking = setInterval(look, lookEveryMs);
  const happening = happen(cluster, point, beginNs);
  const lines = await Promise.all(clients.map(async (client) => JSON.parse(await client.output()) as LoadLine)).finally(() =>
    clearInterval(looking),
  );
  const happened = await happening;
  const hogs = await Promise.all(cluster.hogs.map(async (hog) => JSON.parse(await hog.output()) as HogLine));
  const noted: Noted = hogs.length === 0 ? happened : { ...happened, hogs: watch.over(hogs, point.seconds) };
  const wallSeconds = (performance.now() - before.at) / 1000;
  const [used, machine, own] = [cluster.cpuSeconds(), busy(), process.cpuUsage(ownBefore)];
  const [carried, statuses] = [await cluster.carried(), await cluster.statuses()];
  const stats = await Promise.all(cluster.replicas.map(({ place }) => ask<ReplicaStats>(place, "/stats")));
  const load = mergeLoads(lines);
  const cpu = Object.fromEntries(
    Object.entries(used).map(([role, seconds]) => [role, Math.max(0, seconds - before.used[role as keyof typeof used])]),
  );
  const clientSeconds = lines.reduce((all, line) => all + line.cpuSeconds, 0);
  // They are over, and no longer in /proc.
  cpu.hogs = hogs.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const ownSeconds = Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0) + (own.user + own.system) / 1e6 + clientSeconds;
  const meanwhile: Machine = {
    wallSeconds,
    busySeconds: machine.busy - before.machine.busy,
    ownSeconds,
    stealSeconds: machine.steal - before.machine.steal,
  };
  const replicaLateMs = {
    mean: Math.max(...stats.map((one) => one.lateMeanUs)) / 1000,
    max: Math.max(...stats.map((one) => one.lateMaxUs)) / 1000,
  };
  const sum = <T>(all: readonly T[], figure: (one: T) => number): number => all.reduce((total, one) => total + figure(one), 0);
  const sortedAges = ages.toSorted((a, b) => a - b);
  return {
    ...point,
    rate,
    startSeconds: cluster.startSeconds,
    seen: load,
    machine: meanwhile,
    spoiled: spoiledBy(load, meanwhile, replicaLateMs.mean),
    cpu,
    carried: sum(carried, (one) => one.requests) - sum(before.carried, (one) => one.requests),
    retries: sum(carried, (one) => one.retries) - sum(before.carried, (one) => one.retries),
    messages: {
      sent: sum(statuses, ({ broker }) => broker.sent) - sum(before.statuses, ({ broker }) => broker.sent),
      received: sum(statuses, ({ broker }) => broker.received) - sum(before.statuses, ({ broker }) => broker.received),
    },
    ageMs: sortedAges.length === 0 ? null : { median: sortedAges[sortedAges.length >> 1]!, most: sortedAges.at(-1)! },
    replicaLateMs,
    mostInFlight: stats.map((one) => one.mostInFlight),
    degraded: [...new Set([...carried, ...statuses].flatMap((one) => one.degraded))],
    noted,
  };
}

const agesOf = (statuses: Awaited<ReturnType<Cluster["statuses"]>>): readonly number[] =>
  statuses.flatMap(({ nodes }) => nodes.filter(({ here }) => !here).map(({ ageMs }) => ageMs));

/** As many requests as will come, with a third of their work, so that nothing queues: links are up, connections made, programs compiled. */
async function warm(cluster: Cluster, point: Point, common: Common, paths: Paths): Promise<void> {
  const rate = rateOf(point, common) / common.nodes;
  const told = ["127.0.0.1", "80", String(rate), String(warmSeconds), "0", "1", "0", String((workOf(point, common) * 1000) / 3)];
  const clients = cluster.nodes.map(
    ({ name }) =>
      new Program({
        name: `warm-${name}`,
        namespace: `${paths.unique}-${name}`,
        folder: join(paths.work, "cluster"),
        command: [...paths.first, join(paths.work, "replica-load"), ...told],
      }),
  );
  const lines = await Promise.all(clients.map(async (client) => JSON.parse(await client.output()) as LoadLine));
  if (mergeLoads(lines).ok === 0) throw new Error(`no request is answered: ${JSON.stringify(mergeLoads(lines).failed)}`);
}
