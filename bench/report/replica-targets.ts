/** Targets of replica-selection.sh. @module */
import type { Sample } from "../lib/replica-selection-point.ts";
import { type Bound, judge, noData, type Target } from "./judge.ts";
import { type Order, type Point, ratios, slopeOf } from "./replica-points.ts";

/** Replicas of the setting that the main target is about. */
const targetReplicas = 20;
/** Share of a resident set that it may grow by in ten minutes. */
const growthMost = 0.02;

const spread = (values: readonly number[]) => {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const middle = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return { median: middle, min: sorted[0]!, max: sorted.at(-1)! };
};

const p99 = ({ seen }: Sample): number | undefined => seen.latency?.p99;
const throughput = ({ seen }: Sample): number => seen.throughput;

/** Judges all that was measured; what was not is `no data`. */
export function judgeSelection(points: readonly Point[], order: Order | null): readonly Target[] {
  const find = (key: string): Point | undefined => points.find((point) => point.key === key);
  const against = (name: string, key: string, other: string, bound: Bound, figure = p99): Target =>
    judge(name, bound, spread(ratios(find(key), find(other), figure)), " ×");
  const varying = find("varying mitsu 0.85")?.first.replicas ?? targetReplicas;
  const of = varying === targetReplicas ? "" : ` (${varying} replicas, the target has ${targetReplicas})`;
  const aged = ["1 ms", "10 ms", "100 ms", "lost"].map((age) =>
    against(
      `age: mitsu over round robin, p99, ${age === "lost" ? "broker lost" : `a message every ${age}`}`,
      `age mitsu 0.85 ${age}`,
      "age round-robin 0.85 1 ms",
      ["≤", 1.05],
    ),
  );
  return [
    against(`varying: mitsu over round robin, p99 at 0.85${of}`, "varying mitsu 0.85", "varying round-robin 0.85", ["≤", 0.1, 3]),
    against(`varying: mitsu over p2c, p99 at 0.85${of}`, "varying mitsu 0.85", "varying p2c 0.85", ["≤", 0.4]),
    against(`varying: mitsu over prequal, p99 at 0.85${of}`, "varying mitsu 0.85", "varying prequal 0.85", ["≤", 1]),
    judgeOrder(order),
    ...["round robin", "p2c", "prequal"].map((other) =>
      against(`hog: mitsu over ${other}, p99 at 0.7`, "hog mitsu 0.7", `hog ${other.replace(" ", "-")} 0.7`, ["≤", 1]),
    ),
    judgeSight(find("hog round-robin 0.7")),
    against("equal: mitsu over round robin, p99 at 0.85", "equal mitsu 0.85", "equal round-robin 0.85", ["≤", 0.85]),
    against("equal: mitsu over round robin, throughput at 0.85", "equal mitsu 0.85", "equal round-robin 0.85", ["≥", 0.98, 3], throughput),
    ...aged,
    ...(["term", "kill"] as const).map((how) => judgeRestart(find(`restart mitsu 0.6 ${how}`), how)),
    ...judgeDeath(find("dead mitsu 0.6")),
    ...judgeMemory(find("soak mitsu 0.85")),
  ];
}

function judgeOrder(order: Order | null): Target {
  const name = "varying: policies in the order of the simulation, p99 at 0.85";
  if (order === null) return noData(name, "no pair inverted");
  const told = order.inverted.map(([one, other]) => `${one} and ${other}`).join(", ");
  return {
    name,
    want: "no pair inverted",
    measured: order.inverted.length === 0 ? `0 of ${order.pairs} pairs` : `${order.inverted.length} of ${order.pairs} pairs: ${told}`,
    state: order.inverted.length === 0 ? "met" : "missed",
  };
}

/** Whether what selects can see antagonists at all: beside round robin, which leaves every node its share of the load. */
function judgeSight(point: Point | undefined): Target {
  const name = "hog: CPU pressure that nodes tell of themselves, while an antagonist burns there over while none does";
  const seen = point?.spoiled ? [] : (point?.samples.flatMap(({ noted }) => noted.hogs ?? []) ?? []);
  return judge(name, ["≥", 1.5], spread(seen.map(({ on, off }) => on.cpuSome / off.cpuSome)), " ×");
}

function judgeRestart(point: Point | undefined, how: "term" | "kill"): Target {
  const name = `restart: all replicas, ${how === "term" ? "told to end" : "killed"}, one after the other: failed requests`;
  if (point === undefined) return noData(name, "0");
  const sent = point.samples.reduce((sum, { seen }) => sum + seen.counted, 0);
  const retries = point.samples.reduce((sum, sample) => sum + sample.retries, 0);
  return {
    name,
    want: "0",
    measured: `${point.failed} of ${sent}, ${retries} tried again`,
    state: point.failed === 0 && sent > 0 ? "met" : "missed",
  };
}

function judgeDeath(point: Point | undefined): readonly Target[] {
  const late = "dead: requests sent there more than 100 ms after its first failure was known";
  const slow = "dead: slow-started once it is back: share in the first half second, and at the end";
  const deaths = point?.samples.flatMap(({ noted }) => noted.death ?? []) ?? [];
  if (deaths.length === 0) return [noData(late, "0"), noData(slow, "≤ 0.50, ≥ 0.70")];
  const unseen = deaths.some(({ sentBefore, firstFailureMs }) => sentBefore === 0 || firstFailureMs === null);
  const sentLate = deaths.reduce((sum, death) => sum + death.sentLate, 0);
  const after = deaths.reduce((sum, death) => sum + death.sentAfter, 0);
  const ends = deaths.map(({ shares }) => ({ first: shares[0] ?? Number.NaN, last: spread(shares.slice(-4))?.median ?? Number.NaN }));
  const [first, last] = [spread(ends.map((end) => end.first))!.median, spread(ends.map((end) => end.last))!.median];
  return [
    unseen
      ? { ...noData(late, "0"), measured: "no request, or no failure, was seen there" }
      : { name: late, want: "0", measured: `${sentLate}; ${after} at all after it`, state: sentLate === 0 ? "met" : "missed" },
    {
      name: slow,
      want: "≤ 0.50, ≥ 0.70",
      measured: `${first.toFixed(2)}, ${last.toFixed(2)}`,
      state: first <= 0.5 && last >= 0.7 ? "met" : "missed",
    },
  ];
}

function judgeMemory(point: Point | undefined): readonly Target[] {
  const { resident, collected } = point?.first.noted ?? {};
  const want = `≤ ${(growthMost * 100).toFixed(0)} %`;
  const counted = point === undefined ? 0 : point.first.seconds - point.first.warmUp;
  const judged = (name: string, shares: readonly (readonly [program: string, share: number])[] | undefined): Target => {
    if (!shares || counted < 600) return { ...noData(name, want), measured: shares ? `only ${counted} s, 600 are wanted` : "" };
    const [program, share] = shares.toSorted(([, a], [, b]) => b - a)[0]!;
    return { name, want, measured: `${(share * 100).toFixed(2)} % (${program})`, state: share <= growthMost ? "met" : "missed" };
  };
  const slope = (series: readonly (readonly [number, number])[]): number => {
    const { bytesPerSecond, mean } = slopeOf(series);
    return (bytesPerSecond * 600) / mean;
  };
  return [
    judged(
      "soak: growth of the daemon that grows most, in ten minutes, garbage and all, by slope",
      resident && Object.entries(resident).map(([program, series]) => [program, slope(series)] as const),
    ),
    judged(
      "soak: the same of objects and buffers that a full collection leaves",
      collected && Object.entries(collected).map(([program, [first, last]]) => [program, (last - first) / first] as const),
    ),
  ];
}
