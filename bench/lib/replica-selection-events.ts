/** What happens during a measurement of replica-selection.sh besides the load: a broker that goes, replicas that restart or die, memory that is looked at. @module */
import { setTimeout as sleep } from "node:timers/promises";
import { type LoadCounts, LoadReader } from "../../packages/replica-table/src/mod.ts";
import { ask, type ReplicaStats } from "./replica-selection-ask.ts";
import type { Cluster, Replica } from "./replica-selection-cluster.ts";
import type { Hogs } from "./replica-selection-hogs.ts";
import type { Point } from "./replica-selection-setting.ts";

/** What a dead replica got, and what it gets once it is back. Milliseconds from the beginning of the load. */
export interface Death {
  readonly killedMs: number;
  /** Requests that nicds had sent there by then: the tables are read at all. */
  readonly sentBefore: number;
  /** When any nicd first counted a failure there; null when none ever did. */
  readonly firstFailureMs: number | null;
  /** Requests that any nicd sent there between that and its return, and of these more than 100 ms after it. */
  readonly sentAfter: number;
  readonly sentLate: number;
  readonly lastSentMs: number | null;
  readonly restartedMs: number;
  /** When it got its first request again; null for never. */
  readonly backMs: number | null;
  /** From then on, in each half second: its requests over the mean of the others'. */
  readonly shares: readonly number[];
}

/** What is noted beside figures of the load. */
export interface Noted {
  readonly brokerLostMs?: number;
  readonly restarts?: number;
  readonly death?: Death;
  readonly hogs?: Hogs;
  /** Resident sets over time, by program: seconds since the warm-up ended and bytes. */
  readonly resident?: Readonly<Record<string, readonly (readonly [seconds: number, bytes: number])[]>>;
  /** What a full collection left of objects and buffers, as the counted time began and as it ended: bytes. */
  readonly collected?: Readonly<Record<string, readonly [first: number, last: number]>>;
  /** Connections of clients and to replicas that each nicd had open then: each takes some kilobytes, and how many there are follows the load's peaks. */
  readonly connections?: Readonly<Record<string, readonly [first: number, last: number]>>;
}

/** A replica is away so long, and the next one is restarted so long after it is back. */
const awayMs = 300;
const betweenMs = 700;
/** From the end of the warm-up to the death, and to its end. */
const deathAfterMs = 2000;
const deadForMs = 4000;
const lookEveryMs = 4;
const knownWithinMs = 100;
const residentEveryMs = 5000;
/** What a full collection in all daemons takes. */
const collectionMs = 4000;

/** How long a measurement has to take for everything to happen within it. */
export function secondsFor({ scenario, replicas, warmUp }: Pick<Point, "scenario" | "replicas" | "warmUp">, slowStartMs: number): number {
  if (scenario === "restart") return Math.ceil(warmUp + 1 + (replicas * (awayMs + betweenMs + 200)) / 1000 + 1);
  return Math.ceil(warmUp + (deathAfterMs + deadForMs + slowStartMs) / 1000 + 4);
}

/** Does what the point's scenario is about, and returns when the load should have ended. */
export async function happen(cluster: Cluster, point: Point, beginNs: bigint): Promise<Noted> {
  const nowMs = (): number => Number(process.hrtime.bigint() - beginNs) / 1e6;
  const until = (ms: number): Promise<void> => sleep(Math.max(0, ms - nowMs()));
  const warmMs = point.warmUp * 1000;
  if (point.brokerLost) {
    await until(warmMs);
    await cluster.broker?.kill();
    return { brokerLostMs: nowMs() };
  }
  if (point.scenario === "restart") {
    await until(warmMs + 1000);
    for (const replica of cluster.replicas) {
      await (point.how === "kill" ? replica.program.kill() : replica.program.stop());
      await sleep(awayMs);
      cluster.restart(replica);
      await sleep(betweenMs);
    }
    return { restarts: cluster.replicas.length };
  }
  if (point.scenario === "dead") return { death: await die(cluster, point, beginNs, nowMs, until) };
  if (point.scenario === "soak") return watchMemory(cluster, point, until, nowMs);
  return {};
}

async function watchMemory(
  cluster: Cluster,
  { warmUp, seconds }: Point,
  until: (ms: number) => Promise<void>,
  nowMs: () => number,
): Promise<Required<Pick<Noted, "resident" | "collected" | "connections">>> {
  const seen: Record<string, (readonly [number, number])[]> = {};
  await until(warmUp * 1000 - collectionMs);
  const connectionsFirst = await cluster.connections();
  const first = await cluster.collect();
  await until(warmUp * 1000);
  while (nowMs() < seconds * 1000 - collectionMs) {
    for (const [name, bytes] of Object.entries(cluster.resident())) {
      seen[name] ??= [];
      seen[name].push([Number((nowMs() / 1000 - warmUp).toFixed(1)), bytes]);
    }
    await sleep(residentEveryMs);
  }
  const connectionsLast = await cluster.connections();
  const last = await cluster.collect();
  const both = (one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(one).map(([name, figure]) => [name, [figure, other[name] ?? 0] as const]));
  return { resident: seen, collected: both(first, last), connections: both(connectionsFirst, connectionsLast) };
}

async function die(
  cluster: Cluster,
  point: Point,
  beginNs: bigint,
  nowMs: () => number,
  until: (ms: number) => Promise<void>,
): Promise<Death> {
  const victim = cluster.replicas[0]!;
  const killAt = point.warmUp * 1000 + deathAfterMs;
  await until(killAt);
  using watch = new SentThere(cluster, victim);
  const before = watch.now();
  await victim.program.kill();
  const killedMs = nowMs();
  let [failures, sent, atFirst, sentLate] = [before.failures, before.sent, 0, 0];
  let firstFailureMs: number | null = null;
  let lastSentMs: number | null = null;
  while (nowMs() < killedMs + deadForMs) {
    const seen = watch.now();
    if (firstFailureMs === null && seen.failures > failures) [firstFailureMs, atFirst] = [nowMs(), seen.sent];
    if (seen.sent > sent) {
      lastSentMs = nowMs();
      if (firstFailureMs !== null && lastSentMs > firstFailureMs + knownWithinMs) sentLate += seen.sent - sent;
    }
    [failures, sent] = [seen.failures, seen.sent];
    await sleep(lookEveryMs);
  }
  const restartedMs = nowMs();
  cluster.restart(victim);
  await until(point.seconds * 1000);
  const stats = await Promise.all(cluster.replicas.map(({ place }) => ask<ReplicaStats>(place, "/stats")));
  const [own, ...others] = stats;
  return {
    killedMs,
    sentBefore: before.sent,
    firstFailureMs,
    sentAfter: firstFailureMs === null ? 0 : sent - atFirst,
    sentLate,
    lastSentMs,
    restartedMs,
    ...sharesOf(own!, others, beginNs),
  };
}

/** What a replica that came back got, from its first request on, over the mean of the others. */
export function sharesOf(own: ReplicaStats, others: readonly ReplicaStats[], beginNs: bigint): Pick<Death, "backMs" | "shares"> {
  const first = own.bins.findIndex((count) => count > 0);
  if (first < 0) return { backMs: null, shares: [] };
  const from = own.firstBin + first;
  // The last tenth of a second is not over.
  const length = Math.floor((own.bins.length - 1 - first) / 5);
  const inHalfSecond = ({ firstBin, bins }: ReplicaStats, at: number): number => {
    const start = from + at * 5 - firstBin;
    return bins.slice(Math.max(0, start), Math.max(0, start + 5)).reduce((sum, count) => sum + count, 0);
  };
  const shares = Array.from({ length }, (_, at) => {
    const mean = others.reduce((sum, one) => sum + inHalfSecond(one, at), 0) / others.length;
    return mean === 0 ? Number.NaN : inHalfSecond(own, at) / mean;
  });
  return { backMs: from * 100 - Number(beginNs) / 1e6, shares };
}

/** What all nicds count of one replica, read from their tables. */
class SentThere {
  readonly #rows: readonly { readonly loads: LoadReader; row: number }[];
  readonly #key: string;
  readonly #counts: LoadCounts = {
    inFlight: 0,
    begun: 0,
    ended: 0,
    failed: 0,
    refused: 0,
    latencyMs: 0,
    busyMs: 0,
    busySinceMs: 0,
    connections: 0,
    here: false,
  };

  constructor(cluster: Cluster, { place }: Replica) {
    this.#key = `${place.address}:${place.port}`;
    this.#rows = cluster.nodes.map(({ nicdSocket }) => ({ loads: LoadReader.open(`${nicdSocket}.load`), row: -1 }));
  }

  now(): { readonly sent: number; readonly failures: number } {
    let [sent, failures] = [0, 0];
    for (const one of this.#rows) {
      if (one.row < 0 || one.loads.key(one.row) !== this.#key)
        one.row = Array.from({ length: one.loads.rows }, (_, row) => row).find((row) => one.loads.key(row) === this.#key) ?? -1;
      one.loads.counts(one.row, this.#counts);
      sent += this.#counts.begun;
      failures += this.#counts.failed + this.#counts.refused;
    }
    return { sent, failures };
  }

  [Symbol.dispose](): void {
    for (const { loads } of this.#rows) loads.close();
  }
}
