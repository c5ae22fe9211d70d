/** Medians over repetitions, and ratios taken inside each repetition. @module */
import type { Sample } from "./samples.ts";

/** Median, least and greatest of the repetitions. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One mode's figures at one point. */
export interface ModeFigures {
  readonly throughput: Spread;
  readonly meanUs?: Spread;
  readonly p50Us?: Spread;
  readonly p99Us?: Spread;
  /** Of open loops only. */
  readonly p999Us?: Spread;
  readonly cpuUs: Spread;
  readonly cpuUsByRole: Readonly<Record<string, number>>;
  readonly segments: Spread;
  readonly segmentsWholeRun: Spread;
  /** Throughput over the base's (plain unless told) of the same repetition. */
  readonly ratio?: Spread;
  /** Mean response time over the base's of the same repetition; below 1 is better. */
  readonly meanRatio?: Spread;
  /** Spans an operation that arrived at the receiver. */
  readonly spans?: Spread;
  /** p99 over the base's of the same repetition; below 1 is better. */
  readonly p99Ratio?: Spread;
  readonly errors: number;
  /** Medians of the daemon's counters, an operation; those that never counted are left out. */
  readonly counters: Readonly<Record<string, number>>;
}

/** What is compared: the same load on every mode. */
export interface Point {
  readonly phase: string;
  readonly size: string;
  readonly connections: number;
  readonly modes: Readonly<Record<string, ModeFigures>>;
}

/**
 * Median, least and greatest of some numbers; the median of an even count is the mean of the middle two.
 *
 * @throws {RangeError} when there is no number.
 * @example
 * ```ts
 * spread([3, 1, 2]); // { median: 2, min: 1, max: 3 }
 * ```
 */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("no values to take the median of");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

function spreadOf(samples: readonly Sample[], figure: (sample: Sample) => number | undefined): Spread | undefined {
  const values = samples.map(figure).filter((value) => value !== undefined);
  return values.length > 0 ? spread(values) : undefined;
}

/** What `figure` makes of each sample of `mode` and the one of `base` in the same repetition: machines change their speed from one second to the next. */
export function pairs(
  samples: readonly Sample[],
  mode: string,
  base: string,
  figure: (own: Sample, other: Sample) => number | undefined,
): readonly number[] {
  return samples
    .filter((sample) => sample.mode === mode)
    .flatMap((sample) => {
      const other = samples.find((one) => one.mode === base && one.rep === sample.rep);
      return (other && figure(sample, other)) ?? [];
    });
}

/**
 * The figure of `mode` over that of `base`, taken in each repetition that has both, then spread over the repetitions.
 *
 * @example
 * ```ts
 * ratioSpread(samplesOfOnePoint, "sockhijack", "envoy2", (s) => s.throughput)?.median;
 * ```
 */
export function ratioSpread(
  samples: readonly Sample[],
  mode: string,
  base: string,
  figure: (sample: Sample) => number | undefined,
): Spread | undefined {
  const ratios = pairs(samples, mode, base, (own, other) => {
    const [over, under] = [figure(own), figure(other)];
    return over !== undefined && under ? over / under : undefined;
  });
  return ratios.length > 0 ? spread(ratios) : undefined;
}

function modeFigures(all: readonly Sample[], mode: string, base: string): ModeFigures {
  const own = all.filter((sample) => sample.mode === mode);
  const roles = new Set(own.flatMap((sample) => Object.keys(sample.cpuUs)));
  const counters = new Set(own.flatMap((sample) => Object.keys(sample.counters)));
  const meanUs = spreadOf(own, (s) => s.meanUs);
  const spans = spreadOf(own, (s) => s.spans);
  const p50Us = spreadOf(own, (s) => s.p50Us);
  const p99Us = spreadOf(own, (s) => s.p99Us);
  const p999Us = spreadOf(own, (s) => s.p999Us);
  const ratio = ratioSpread(all, mode, base, (s) => s.throughput);
  const meanRatio = ratioSpread(all, mode, base, (s) => s.meanUs);
  const p99Ratio = ratioSpread(all, mode, base, (s) => s.p99Us);
  return {
    throughput: spread(own.map((s) => s.throughput)),
    ...(meanUs && { meanUs }),
    ...(p50Us && { p50Us }),
    ...(p99Us && { p99Us }),
    ...(p999Us && { p999Us }),
    cpuUs: spread(own.map((s) => s.cpuUs.total!)),
    cpuUsByRole: Object.fromEntries([...roles].map((role) => [role, spread(own.map((s) => s.cpuUs[role] ?? 0)).median])),
    segments: spread(own.map((s) => s.segments)),
    segmentsWholeRun: spread(own.map((s) => s.segmentsWholeRun)),
    ...(ratio && { ratio }),
    ...(meanRatio && { meanRatio }),
    ...(spans && { spans }),
    ...(p99Ratio && { p99Ratio }),
    errors: own.reduce((sum, s) => sum + s.errors, 0),
    counters: Object.fromEntries([...counters].map((name) => [name, spread(own.map((s) => s.counters[name] ?? 0)).median])),
  };
}

/** The samples of one point, in the order they were made. */
export function samplesAt(samples: readonly Sample[], phase: string, size: string, connections: number): readonly Sample[] {
  return samples.filter((s) => s.phase === phase && s.size === size && s.connections === connections);
}

/**
 * Groups samples into points, in order of first appearance.
 *
 * @param base The mode that ratios are over.
 */
export function toPoints(samples: readonly Sample[], base = "plain"): readonly Point[] {
  const keys = new Map(samples.map(({ phase, size, connections }) => [`${phase} ${size} ${connections}`, { phase, size, connections }]));
  return [...keys.values()].map((key) => {
    const here = samplesAt(samples, key.phase, key.size, key.connections);
    const modes = [...new Set(here.map((s) => s.mode))];
    return { ...key, modes: Object.fromEntries(modes.map((mode) => [mode, modeFigures(here, mode, base)])) };
  });
}
