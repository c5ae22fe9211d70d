/** Medians of mqtt.sh over its repetitions, and ratios taken inside each repetition. @module */
import { baseBroker, parsePoint } from "./mqtt-names.ts";
import type { MqttSample } from "./mqtt-samples.ts";
import { type Spread, spread } from "./points.ts";

/** One broker's figures at one point. */
export interface BrokerFigures {
  readonly perSecond: Spread;
  readonly brokerUs: Spread;
  readonly brokerBusy: number;
  readonly generatorBusy: number;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  /** p99 over p50 of the same measurement. */
  readonly tail: Spread;
  /** Messages a second over mosquitto's of the same repetition; above 1 is better. */
  readonly ratio?: Spread;
  /** Broker CPU an operation over mosquitto's; below 1 is better. */
  readonly cpuRatio?: Spread;
  readonly p50Ratio?: Spread;
  readonly p99Ratio?: Spread;
  /** Of how many repetitions the generator had no time left. */
  readonly saturated: number;
  readonly lost: number;
  /** The least of the repetitions; undefined without a daemon. */
  readonly redirected?: number;
  /** Medians, by sockhijack's reason for leaving a write to TCP. */
  readonly passed: Readonly<Record<string, number>>;
}

/** The same load on every broker. */
export interface MqttPoint {
  readonly point: string;
  readonly brokers: Readonly<Record<string, BrokerFigures>>;
}

/**
 * `figure` of one broker over that of another, in each repetition that has both.
 *
 * @example
 * ```ts
 * brokerRatio(samplesOfOnePoint, "mqttnic", "mosquitto", (s) => s.perSecond)?.median;
 * ```
 */
export function brokerRatio(
  samples: readonly MqttSample[],
  mode: string,
  base: string,
  figure: (sample: MqttSample) => number,
): Spread | undefined {
  const ratios = samples
    .filter((sample) => sample.mode === mode)
    .flatMap((sample) => {
      const other = samples.find((s) => s.mode === base && s.rep === sample.rep);
      const ratio = other && figure(sample) / figure(other);
      // What never arrived took for ever (Infinity): over that anything is 0, and two of it cannot be compared.
      return ratio === undefined || Number.isNaN(ratio) ? [] : [ratio];
    });
  return ratios.length > 0 ? spread(ratios) : undefined;
}

/** Of operations that are a write each: less, and a good part of what was measured went by TCP. In the warm-up some always does. */
const leastRedirected = 0.7;

/**
 * Whether something was to be redirected and sockhijack did not count that it was. One at a time each message is a write; with more
 * outstanding many share one, and any will do.
 */
export function isUnredirected({ point, redirected }: Pick<MqttSample, "point" | "redirected">): boolean {
  if (redirected === undefined) return false;
  const name = parsePoint(point);
  return redirected < (name.kind === "fan" && name.window > 1 ? Number.EPSILON : leastRedirected);
}

function figuresOf(all: readonly MqttSample[], mode: string): BrokerFigures {
  const own = all.filter((s) => s.mode === mode);
  const of = (figure: (s: MqttSample) => number): Spread => spread(own.map(figure));
  const over = (figure: (s: MqttSample) => number): Spread | undefined => brokerRatio(all, mode, baseBroker, figure);
  const ratio = over((s) => s.perSecond);
  const cpuRatio = over((s) => s.brokerUs);
  const p50Ratio = over((s) => s.times.p50Us);
  const p99Ratio = over((s) => s.times.p99Us);
  const redirected = own.flatMap((s) => s.redirected ?? []);
  return {
    perSecond: of((s) => s.perSecond),
    brokerUs: of((s) => s.brokerUs),
    brokerBusy: of((s) => s.brokerBusy).median,
    generatorBusy: of((s) => s.generatorBusy).median,
    p50Us: of((s) => s.times.p50Us),
    p99Us: of((s) => s.times.p99Us),
    tail: of((s) => s.times.p99Us / s.times.p50Us),
    ...(ratio && { ratio }),
    ...(cpuRatio && { cpuRatio }),
    ...(p50Ratio && { p50Ratio }),
    ...(p99Ratio && { p99Ratio }),
    saturated: own.filter((s) => s.saturated).length,
    lost: own.reduce((sum, s) => sum + s.lost, 0),
    passed: Object.fromEntries(
      [...new Set(own.flatMap((s) => Object.keys(s.passed)))].map((name) => [name, of((s) => s.passed[name] ?? 0).median]),
    ),
    ...(redirected.length > 0 && { redirected: Math.min(...redirected) }),
  };
}

/** Groups samples into points, in order of first appearance. */
export function toMqttPoints(samples: readonly MqttSample[]): readonly MqttPoint[] {
  return [...new Set(samples.map((s) => s.point))].map((point) => {
    const here = samples.filter((s) => s.point === point);
    const modes = [...new Set(here.map((s) => s.mode))];
    return { point, brokers: Object.fromEntries(modes.map((mode) => [mode, figuresOf(here, mode)])) };
  });
}

/**
 * All times of a broker at a point, sorted, the repetitions together, as points of a curve: share of all times, µs.
 *
 * @param steps How many points the curve has; the last 1 % has a tenth of them.
 * @example
 * ```ts
 * sortedTimes(samples, "feedback-64-500", "mqttnic", 200).at(-1); // [1, 812]
 * ```
 */
export function sortedTimes(
  samples: readonly MqttSample[],
  point: string,
  mode: string,
  steps: number,
): readonly (readonly [share: number, us: number])[] {
  const counts = new Map<number, number>();
  for (const { times } of samples.filter((s) => s.point === point && s.mode === mode))
    for (const [us, count] of times.sorted) counts.set(us, (counts.get(us) ?? 0) + count);
  const ascending = [...counts].toSorted(([a], [b]) => a - b);
  const all = ascending.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return [];
  const tail = Math.round(steps / 10);
  const shares = [
    ...Array.from({ length: steps - tail }, (_, i) => (0.99 * i) / (steps - tail)),
    ...Array.from({ length: tail + 1 }, (_, i) => 0.99 + (0.01 * i) / tail),
  ];
  const curve: (readonly [number, number])[] = [];
  let [at, seen] = [0, ascending[0]![1]];
  for (const share of shares) {
    while (seen < share * all && at < ascending.length - 1) seen += ascending[++at]![1];
    curve.push([share, ascending[at]![0]]);
  }
  return curve;
}
