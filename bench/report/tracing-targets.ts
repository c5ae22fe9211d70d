/** What tracing may cost, each figure judged. @module */
import { type Bound, judge, type Target } from "./judge.ts";
import { routeNames, sizeName } from "./names.ts";
import { ratioSpread, type Spread, samplesAt, spread } from "./points.ts";
import type { Measurements, Sample } from "./samples.ts";

const small = ["64", "256", "1024", "4096", "16384"] as const;
const sizes = [...small, "65536", "262144", "1048576"] as const;
/** Up to here half of the Envoy pair's mean is asked for, above less than all of it. */
const halfUpToBytes = 65536;
/** Both ends of a connection on one node make one span each, told by the kernel in one record. */
export const spansPerRequest = 2;

/** Least req/s over plain. */
const throughputBounds = {
  http: { header: 1.1, "side-band": 1.25 },
  nodes: { header: 0.85, "side-band": 0.95 },
} as const;

/**
 * Spans that the daemon took, in the samples of phase `spans`, each with the CPU and memory it cost.
 *
 * @returns `rate` spans a second as they came; `perCore` spans a second of the daemon's CPU, which is what one core would take;
 *   `lost` the share of requests whose span was lost.
 */
export function spansTaken(sample: Sample): { readonly rate: number; readonly perCore: number; readonly lost: number } {
  const { requests = 0, spans_lost: lost = 0 } = sample.counters;
  const taken = (requests - lost) * spansPerRequest;
  const cpuUs = sample.cpuUs.daemon ?? 0;
  return { rate: taken * sample.throughput, perCore: cpuUs > 0 ? (taken / cpuUs) * 1e6 : 0, lost: requests > 0 ? lost / requests : 0 };
}

/** One line for a bound that holds at every size: the greatest ratio, or each that is beyond; not met while a size is missing. */
function everySize(name: string, bound: Bound, wanted: readonly string[], of: (size: string) => Spread | undefined): Target {
  const judged = wanted.map((size) => ({ size: sizeName(size), ratio: of(size), target: judge(name, bound, of(size), " ×") }));
  const { want } = judged[0]!.target;
  const missing = judged.filter(({ ratio }) => !ratio).map(({ size }) => size);
  const known = judged.filter(({ ratio }) => ratio).toSorted((a, b) => b.ratio!.median - a.ratio!.median);
  const missed = known.filter(({ target }) => target.state === "missed");
  const shown = (missed.length > 0 ? missed : known.slice(0, 1)).map(({ size, target }) => `${size}: ${target.measured}`).join("; ");
  const measured = [missed.length === 0 && shown ? `worst ${shown}` : shown, missing.length > 0 && `not measured: ${missing.join(", ")}`];
  return {
    name,
    want,
    measured: measured.filter(Boolean).join("; "),
    state: missed.length > 0 ? "missed" : missing.length > 0 ? "no data" : "met",
  };
}

function daemonTargets(samples: readonly Sample[], mode: string): readonly Target[] {
  const own = samples.filter((s) => s.phase === "spans" && s.mode === mode);
  const of = (figure: (s: Sample) => number): Spread | undefined => (own.length > 0 ? spread(own.map(figure)) : undefined);
  const counted = own.some((s) => (s.counters.requests ?? 0) > 0);
  const why = own.length > 0 && !counted ? "the daemon counted no request" : undefined;
  const rate = of((s) => spansTaken(s).rate / 1e3);
  const speed = judge(
    `${mode}: spans off the ring by one core of daemon, 2 a record`,
    ["≥", 200, 0],
    of((s) => spansTaken(s).perCore / 1e3),
    " k/s",
    why,
  );
  return [
    rate && !why
      ? { ...speed, measured: `${speed.measured}; ${rate.median.toFixed(0)} k/s came in this load, the rest is extrapolated from its CPU` }
      : speed,
    judge(
      `${mode}: spans lost`,
      ["≤", 0, 4],
      of((s) => spansTaken(s).lost * 100),
      " %",
      why,
    ),
    judge(
      `${mode}: daemon, resident under load`,
      ["≤", 120, 0],
      of((s) => s.daemonRssMb),
      " MB",
    ),
  ];
}

/**
 * Judges a run of tracing.sh; what was not measured says so and is never taken for met.
 *
 * @example
 * ```ts
 * judgeTracing(parseMeasurements(text)).filter((t) => t.state !== "met");
 * ```
 */
export function judgeTracing({ samples }: Measurements): readonly Target[] {
  const connections = 16;
  const over = (phase: string, size: string, mode: string, base: string, figure: (s: Sample) => number | undefined) =>
    ratioSpread(samplesAt(samples, phase, size, connections), mode, base, figure);
  const throughput = Object.entries(throughputBounds).flatMap(([route, bounds]) =>
    Object.entries(bounds).flatMap(([mode, least]) =>
      small.map((size) =>
        judge(
          `${routeNames[route as keyof typeof routeNames]}: ${mode} req/s over plain, ${sizeName(size)}`,
          ["≥", least],
          over(route, size, mode, "plain", (s) => s.throughput),
          " ×",
        ),
      ),
    ),
  );
  const means = Object.entries(routeNames).flatMap(([route, name]) =>
    ["header", "side-band"].flatMap((mode) => {
      const of = (size: string): Spread | undefined => over(`${route}-open`, size, mode, "envoy2", (s) => s.meanUs);
      const title = `${name}: ${mode} mean response over the Envoy pair's`;
      return [
        everySize(
          `${title}, 64 B to 64 KiB`,
          ["≤", 0.5],
          sizes.filter((size) => Number(size) <= halfUpToBytes),
          of,
        ),
        everySize(
          `${title}, to 1 MiB`,
          ["<", 1],
          sizes.filter((size) => Number(size) > halfUpToBytes),
          of,
        ),
      ];
    }),
  );
  return [...throughput, ...means, ...["header", "side-band"].flatMap((mode) => daemonTargets(samples, mode))];
}
