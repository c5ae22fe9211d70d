/** What replica-selection.sh measured, beside what was simulated: medians, ratios within a repetition, how far predictions are off, whether policies come in the same order. @module */
import type { Sample } from "../lib/replica-selection-point.ts";
import type { Seen } from "../lib/replica-selection-setting.ts";

/** Figures of latency that are compared, milliseconds. */
export const figures = ["mean", "p50", "p99"] as const;
/** One of {@link figures}. */
export type Figure = (typeof figures)[number];

/** A policy in a setting at a load, as `replicad simulate --json` prints it. */
export interface Simulated {
  readonly policy: string;
  readonly load: number;
  readonly responseMs: Readonly<Record<"mean" | "p50" | "p90" | "p99" | "p999", number>> | null;
  readonly throughputPerSecond: number;
  /** Each seed. */
  readonly runs: readonly { readonly responseMs: Readonly<Record<"mean" | "p50" | "p99", number>> | null }[];
}

/** The middle one, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length === 0 ? Number.NaN : sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Lines of JSON. */
export function parseSamples(text: string): readonly Sample[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Sample);
}

/** What tells groups of repetitions apart. */
export const keyOf = ({ scenario, policy, load, intervalMs, brokerLost, how }: Omit<Sample, "rep">): string =>
  [scenario, policy, load, ...(scenario === "age" ? [brokerLost ? "lost" : `${intervalMs} ms`] : []), ...(how ? [how] : [])].join(" ");

/** Repetitions of one measurement. */
export interface Point {
  readonly key: string;
  readonly first: Sample;
  /** Those that were not spoiled; all of them where every one was. */
  readonly samples: readonly Sample[];
  readonly spoiled: boolean;
  /** Medians, milliseconds; null when nothing was answered. */
  readonly latency: Readonly<Record<"mean" | "p50" | "p90" | "p99" | "p999", number>> | null;
  readonly throughput: number;
  readonly failed: number;
  /** Share of the requests that came in. */
  readonly simulated: Simulated | null;
}

/** Medians by measurement, in the order of the file. @param simulated By {@link keyOf}. */
export function toPoints(samples: readonly Sample[], simulated: ReadonlyMap<string, Simulated>): readonly Point[] {
  return [...new Set(samples.map(keyOf))].map((key) => {
    const every = samples.filter((sample) => keyOf(sample) === key);
    const fair = every.filter((sample) => sample.spoiled.length === 0);
    const used = fair.length > 0 ? fair : every;
    const answered = used.flatMap(({ seen }) => (seen.latency === null ? [] : [seen.latency]));
    const of = (figure: "mean" | "p50" | "p90" | "p99" | "p999"): number => median(answered.map((latency) => latency[figure]));
    return {
      key,
      first: used[0]!,
      samples: used,
      spoiled: fair.length === 0,
      latency: answered.length === 0 ? null : { mean: of("mean"), p50: of("p50"), p90: of("p90"), p99: of("p99"), p999: of("p999") },
      throughput: median(used.map(({ seen }) => seen.throughput)),
      failed: used.reduce((sum, { seen }) => sum + Object.values(seen.failed).reduce((all, count) => all + count, 0), 0),
      simulated: simulated.get(key) ?? null,
    };
  });
}

/** Ratios of two measurements' figures, one for each repetition that has both and that nothing spoiled. */
export function ratios(
  one: Point | undefined,
  other: Point | undefined,
  figure: (sample: Sample) => number | undefined,
): readonly number[] {
  if (!one || !other || one.spoiled || other.spoiled) return [];
  return one.samples.flatMap((sample) => {
    const beside = other.samples.find(({ rep }) => rep === sample.rep);
    const [above, below] = [figure(sample), beside && figure(beside)];
    return above === undefined || below === undefined ? [] : [above / below];
  });
}

/** How far one policy's predictions are off, over the loads at which it was measured. */
export interface PredictionError {
  readonly policy: string;
  /** Median of |predicted / measured − 1|; NaN where nothing can be compared. */
  readonly by: Readonly<Record<Figure, number>>;
  readonly compared: number;
}

/** Compares, below the load at which queues only grow. */
export function predictionErrors(points: readonly Point[]): readonly PredictionError[] {
  const fair = points.filter(({ spoiled, latency, simulated, first }) => !spoiled && latency && simulated?.responseMs && first.load < 1);
  return [...new Set(fair.map(({ first }) => first.policy))].map((policy) => {
    const of = fair.filter(({ first }) => first.policy === policy);
    const by = Object.fromEntries(
      figures.map((figure) => [
        figure,
        median(of.map(({ latency, simulated }) => Math.abs(simulated!.responseMs![figure] / latency![figure] - 1))),
      ]),
    ) as PredictionError["by"];
    return { policy, by, compared: of.length };
  });
}

/** Policies from the fastest to the slowest, measured and simulated. */
export interface Order {
  readonly figure: Figure;
  readonly measured: readonly string[];
  readonly simulated: readonly string[];
  /** Pairs that come the other way round, and both by more than `alikeWithin`. */
  readonly inverted: readonly (readonly [string, string])[];
  readonly pairs: number;
}

/** Two policies that are this close are taken for alike: either may come first. */
export const alikeWithin = 0.1;

/** Compares the order of policies; null where fewer than two can be compared. */
export function orderOf(points: readonly Point[], figure: Figure): Order | null {
  const both = points
    .filter(({ spoiled, latency, simulated }) => !spoiled && latency && simulated?.responseMs)
    .map(({ first, latency, simulated }) => ({
      policy: first.policy,
      measured: latency![figure],
      simulated: simulated!.responseMs![figure],
    }));
  if (both.length < 2) return null;
  const by = (of: "measured" | "simulated"): readonly string[] => both.toSorted((a, b) => a[of] - b[of]).map(({ policy }) => policy);
  const inverted = both.flatMap((one, at) =>
    both.slice(at + 1).flatMap((other) => {
      const apart = (of: "measured" | "simulated"): number => Math.log(one[of] / other[of]);
      const clear = Math.min(Math.abs(apart("measured")), Math.abs(apart("simulated"))) > Math.log(1 + alikeWithin);
      return clear && apart("measured") * apart("simulated") < 0 ? [[one.policy, other.policy] as const] : [];
    }),
  );
  return { figure, measured: by("measured"), simulated: by("simulated"), inverted, pairs: (both.length * (both.length - 1)) / 2 };
}

/** Growth of a resident set, by least squares. */
export function slopeOf(series: readonly (readonly [seconds: number, bytes: number])[]): {
  readonly bytesPerSecond: number;
  readonly mean: number;
} {
  const mean = (at: 0 | 1): number => series.reduce((sum, one) => sum + one[at], 0) / series.length;
  const [x, y] = [mean(0), mean(1)];
  const across = series.reduce((sum, [seconds]) => sum + (seconds - x) ** 2, 0);
  return { bytesPerSecond: series.reduce((sum, [seconds, bytes]) => sum + (seconds - x) * (bytes - y), 0) / across, mean: y };
}

/** The least resident set of the first and of the last two minutes, bytes: what is left once garbage was collected. */
export function lowestOf(series: readonly (readonly [seconds: number, bytes: number])[]): {
  readonly first: number;
  readonly last: number;
} {
  const [begin, end] = [series[0]?.[0] ?? 0, series.at(-1)?.[0] ?? 0];
  const least = (from: number, to: number): number => Math.min(...series.flatMap(([at, bytes]) => (at >= from && at <= to ? [bytes] : [])));
  return { first: least(begin, begin + 120), last: least(end - 120, end) };
}

/** What the simulator is told: the way there and back from the least load, where least waits; how late news is from what nodes said while the load ran. */
export function seenIn(samples: readonly Sample[]): Seen {
  const least = Math.min(...samples.map(({ load }) => load));
  const overMs = median(samples.filter(({ load, seen }) => load === least && seen.latency !== null).map(({ seen }) => seen.overMs));
  const lateMs = median(
    samples.flatMap(({ ageMs, intervalMs, brokerLost }) => (ageMs && !brokerLost ? [Math.max(0, ageMs.median - intervalMs)] : [])),
  );
  return { networkMs: Number.isNaN(overMs) ? 0 : Math.max(0, overMs / 2), delayMs: Number.isNaN(lateMs) ? 0 : lateMs };
}
