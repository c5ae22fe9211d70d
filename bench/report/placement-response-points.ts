/** What placement-response.sh measured: raw lines to medians, to run files for placer, and to how far predictions are off. @module */
import { spoiled } from "../lib/response-spoiled.ts";

/** The response times that are compared, µs in raw lines, seconds elsewhere. */
export const figures = ["mean", "p50", "p95", "p99"] as const;
/** One of {@link figures}. */
export type Figure = (typeof figures)[number];

/** One measurement, as lib/response-measure.ts writes it. */
export interface Sample {
  readonly rep: number;
  readonly plan: string;
  /** Percent of the capacity. */
  readonly share: number;
  readonly rate: number;
  readonly realtime?: boolean;
  readonly wallSeconds: number;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly busySeconds: readonly number[];
  readonly stealSeconds: number;
  /** For how long each CPU was withheld from all programs; null when unknown. */
  readonly withheldSeconds?: readonly (number | null)[];
  /** For how long ksoftirqd of each CPU waited for it; null when unknown. */
  readonly softirqDelaySeconds?: readonly (number | null)[];
  /** As lib/open-loop.c prints it; null when it failed. */
  readonly load: {
    readonly requests: number;
    readonly seconds: number;
    readonly unanswered: number;
    readonly meanUs: number;
    readonly p50Us: number;
    readonly p95Us: number;
    readonly p99Us: number;
  } | null;
}

/** Medians of one placement at one rate. */
export interface MeasuredPoint {
  readonly plan: string;
  readonly share: number;
  readonly rate: number;
  /** Seconds; null when most repetitions were saturated. */
  readonly response: Readonly<Record<Figure, number>> | null;
  /** No repetition was free of what spoils: figures are of the rest of the machine too. */
  readonly spoiled: boolean;
  /** (largest − least) / median of the means. */
  readonly spread: number;
  /** CPU seconds of a request, by service; `mesh-a` is sockhijack's daemon on node a. */
  readonly demand: Readonly<Record<string, number>>;
  /** Share of each CPU that was busy, with whatever. */
  readonly busy: readonly number[];
  /** CPUs' time that no service of the placement used. */
  readonly others: number;
}

/** Lines of JSON. */
export function parseSamples(text: string): readonly Sample[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Sample);
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Whether requests came faster than they were answered: answers went on for long after the last request was due, or did not come. */
function saturated({ load }: Sample, seconds: number): boolean {
  return load === null || load.unanswered > 0 || load.seconds > seconds * 1.05;
}

/** Medians over the repetitions that were not spoiled, by placement and ascending rate. @param seconds Length of one measurement. */
export function toMeasured(samples: readonly Sample[], seconds: number): readonly MeasuredPoint[] {
  const keys = [...new Set(samples.map(({ plan, share }) => `${plan} ${share}`))];
  const points = keys.map((key): MeasuredPoint => {
    const every = samples.filter(({ plan, share }) => `${plan} ${share}` === key);
    const fair = every.filter((sample) => !spoiled(sample));
    const all = fair.length > 0 ? fair : every;
    const good = all.filter((sample) => !saturated(sample, seconds));
    const means = good.map(({ load }) => load!.meanUs / 1e6);
    const answered = good.length * 2 > all.length;
    const of = (figure: Figure): number => median(good.map(({ load }) => load![`${figure}Us`] / 1e6));
    const [{ plan, share, rate, cpuSeconds, busySeconds }] = all as [Sample, ...Sample[]];
    const demand = (service: string): number =>
      median((answered ? good : all).map((sample) => sample.cpuSeconds[service]! / (sample.load?.requests ?? 1)));
    return {
      plan,
      share,
      rate,
      response: answered ? { mean: of("mean"), p50: of("p50"), p95: of("p95"), p99: of("p99") } : null,
      spoiled: fair.length === 0,
      spread: answered ? (Math.max(...means) - Math.min(...means)) / median(means) : Number.NaN,
      demand: Object.fromEntries(Object.keys(cpuSeconds).map((service) => [service, demand(service)])),
      busy: busySeconds.map((_, cpu) => median(all.map((sample) => sample.busySeconds[cpu]! / sample.wallSeconds))),
      others: median(
        all.map(({ busySeconds: cpus, cpuSeconds: own, wallSeconds }) => {
          const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);
          return (sum(cpus) - sum(Object.values(own))) / wallSeconds;
        }),
      ),
    };
  });
  return points.toSorted((a, b) => (a.plan < b.plan ? -1 : a.plan > b.plan ? 1 : a.share - b.share));
}

/** A point as a run file of `placer calibrate`; what is no service of the plan, such as a node's daemon, is left out. */
export function runFileOf(point: MeasuredPoint, assignment: Readonly<Record<string, string>>): object {
  const ms = Object.fromEntries(Object.entries(point.response!).map(([figure, value]) => [figure, value * 1e3]));
  const services = Object.entries(point.demand).filter(([service]) => `${service}-0` in assignment);
  const cpu = Object.fromEntries(services.map(([service, seconds]) => [service, seconds * point.rate]));
  return { version: 1, rate: point.rate, responseMs: ms, cpu, assignment };
}

/** A prediction of one rate, as `placer simulate --json` prints it. */
export interface Predicted {
  readonly rate: number;
  readonly responseMs: Readonly<Record<Figure, number>> | null;
  readonly saturated: string | null;
}

/** How far predictions of one placement are off. */
export interface PredictionError {
  readonly plan: string;
  /** Median and largest of |predicted / measured − 1|, over rates at which neither is saturated and nothing was spoiled. */
  readonly by: Readonly<Record<Figure, { readonly median: number; readonly most: number }>>;
  /** Rates that are compared, and rates of which only one of the two says that it is saturated. */
  readonly compared: number;
  readonly disagreed: readonly number[];
}

/** Compares. */
export function predictionError(plan: string, measured: readonly MeasuredPoint[], predicted: readonly Predicted[]): PredictionError {
  const pairs = measured
    .filter((point) => point.plan === plan && !point.spoiled)
    .map((point) => ({ point, told: predicted.find(({ rate }) => rate === point.rate)! }));
  const both = pairs.filter(({ point, told }) => point.response !== null && told.responseMs !== null);
  const by = Object.fromEntries(
    figures.map((figure) => {
      const errors = both.map(({ point, told }) => Math.abs(told.responseMs![figure] / 1e3 / point.response![figure] - 1));
      return [figure, { median: errors.length === 0 ? Number.NaN : median(errors), most: Math.max(...errors) }];
    }),
  ) as PredictionError["by"];
  const disagreed = pairs
    .filter(({ point, told }) => (point.response === null) !== (told.responseMs === null))
    .map(({ point }) => point.rate);
  return { plan, by, compared: both.length, disagreed };
}
