/** The figures issue 2 asks for, each judged: met, or missed with what was measured. @module */
import { type Bound, judge, noData, type Target } from "./judge.ts";
import { sizeName } from "./names.ts";
import { type Point, ratioSpread, type Spread, samplesAt, spread } from "./points.ts";
import type { DaemonFigures, Failure, Measurements, Sample } from "./samples.ts";

const small = ["64", "1024", "4096"] as const;
const throughput = (s: Sample): number => s.throughput;
const p99 = (s: Sample): number | undefined => s.p99Us;

/** The smallest ratio to plain of all points, and which points are below the limit. */
function neverSlower(points: readonly Point[], limit: number): Target {
  const name = `never under ${limit} × plain, any size, connections or program`;
  const rated = points
    .filter((p) => ["http", "namespaces", "redis"].includes(p.phase))
    .flatMap((p) => {
      const ratio = p.modes.sockhijack?.ratio?.median;
      return ratio === undefined ? [] : [{ ratio, at: `${p.phase} ${sizeName(p.size)} × ${p.connections}` }];
    })
    .toSorted((a, b) => a.ratio - b.ratio);
  const worst = rated[0];
  if (!worst) return noData(name, `≥ ${limit}`);
  const below = rated.filter((r) => r.ratio < limit).map((r) => `${r.at}: ${r.ratio.toFixed(3)}`);
  const measured = below.length > 0 ? below.join("; ") : `worst of ${rated.length}: ${worst.ratio.toFixed(3)} at ${worst.at}`;
  return { name, want: `≥ ${limit}`, measured, state: below.length === 0 ? "met" : "missed" };
}

/** Segments on redirected flows: the greatest of the small sizes at 16 connections. */
function segmentTarget(points: readonly Point[], phase: string, where: string): Target {
  const name = `TCP segments per request, 64 B to 4 KiB${where}`;
  const values = points
    .filter((p) => p.phase === phase && p.connections === 16 && small.some((size) => size === p.size))
    .flatMap((p) => p.modes.sockhijack?.segments.median ?? []);
  if (values.length === 0) return noData(name, "0.00");
  const most = Math.max(...values);
  return { name, want: "0.00", measured: most.toFixed(4), state: most < 0.005 ? "met" : "missed" };
}

function times(values: readonly (number | Failure)[]): { value: Spread | undefined; why: string | undefined } {
  const failure = values.find((v) => typeof v !== "number");
  const numbers = values.filter((v) => typeof v === "number");
  return {
    value: numbers.length > 0 ? spread(numbers) : undefined,
    why: failure && `${failure.failed} failed with ${failure.exit}: ${failure.stderr}`,
  };
}

function daemonTargets(daemon: DaemonFigures | undefined): readonly Target[] {
  const attach = times(
    (daemon?.attach ?? []).map(({ attachMs, statusMs }) =>
      typeof attachMs !== "number" ? attachMs : typeof statusMs !== "number" ? statusMs : attachMs - statusMs,
    ),
  );
  const help = times(daemon?.helpMs ?? []);
  const one = (value: number | undefined): Spread | undefined => (value === undefined ? undefined : spread([value]));
  return [
    judge("attach a running program", ["≤", 50, 0], attach.value, " ms", attach.why),
    judge("idle daemon, resident", ["≤", 70, 0], one(daemon?.idleRssMb), " MB"),
    judge("idle daemon, CPU", ["≤", 0.2, 2], one(daemon?.idleCpuPercent), " %"),
    judge("sockhijack --help", ["≤", 100, 0], help.value, " ms", help.why),
  ];
}

/**
 * Judges a run against every target of issue 2; what was not measured says so and is never taken for met.
 *
 * @example
 * ```ts
 * judgeTargets(measurements, toPoints(measurements.samples)).filter((t) => t.state !== "met");
 * ```
 */
export function judgeTargets({ samples, daemon }: Measurements, points: readonly Point[]): readonly Target[] {
  const ratio = (phase: string, size: string, connections: number, base: string, figure: (s: Sample) => number | undefined) =>
    ratioSpread(samplesAt(samples, phase, size, connections), "sockhijack", base, figure);
  const perSize = (name: string, phase: string, bound: Bound, base: string, figure: (s: Sample) => number | undefined) =>
    small.map((size) => judge(`${name}, ${sizeName(size)} × 16`, bound, ratio(phase, size, 16, base, figure), " ×"));
  return [
    ...perSize("req/s over plain", "http", ["≥", 1.3], "plain", throughput),
    ...perSize("req/s over plain across namespaces", "namespaces", ["≥", 1.3], "plain", throughput),
    ...perSize("p99 over plain, closed loop", "http", ["≤", 1], "plain", p99),
    ...perSize("p99 over plain, open loop", "open", ["≤", 1], "plain", p99),
    ...perSize("p99 over plain across namespaces", "namespaces", ["≤", 1], "plain", p99),
    ...perSize("req/s over an Envoy pair", "http", ["≥", 8], "envoy2", throughput),
    ...perSize("req/s over a HAProxy pair", "http", ["≥", 5], "haproxy2", throughput),
    neverSlower(points, 0.97),
    segmentTarget(points, "http", ""),
    segmentTarget(points, "namespaces", ", across namespaces"),
    judge("iperf3 over plain", ["≥", 0.97], ratio("iperf", "stream", 1, "plain", throughput), " ×"),
    judge("connections/s over plain", ["≥", 0.85], ratio("connect", "64", 16, "plain", throughput), " ×"),
    ...daemonTargets(daemon),
  ];
}
