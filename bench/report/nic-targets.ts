/** What nicd must reach, each figure judged. @module */
import { judge, type Target } from "./judge.ts";
import { judgeChecks } from "./nic-checks.ts";
import { nicPhaseNames, relayNames, wayNames } from "./nic-names.ts";
import { type Point, ratioSpread, samplesAt, spread } from "./points.ts";
import type { Measurements, Sample } from "./samples.ts";

const size = "1024";
const counts = [16, 256] as const;
/** Client to relay, relay to server and back are four messages of a small request; with less than three a good part of one hop went by TCP. */
const leastRedirected = 3;

interface Redirected {
  readonly phase: string;
  readonly size: string;
}
/** Whether something was to be redirected and sockhijack did not count that it was. Large bodies may go by TCP, as it judges. */
export const unredirected = ({ phase, size: own }: Redirected, counters: Readonly<Record<string, number>>): boolean =>
  phase.startsWith("redirect") && own === size && (counters.redirected ?? 0) < leastRedirected;

/** Says which figures behind the redirect were not: they are shown, and not judged. */
export function redirectRemarks(points: readonly Point[]): readonly string[] {
  return points.flatMap((point) =>
    Object.entries(point.modes)
      .filter(([, figures]) => unredirected(point, figures.counters))
      .map(
        ([mode]) =>
          `NOT REDIRECTED by sockhijack's own count, and not judged: ${relayNames[mode] ?? mode} × ${point.connections}, ${nicPhaseNames[point.phase]}`,
      ),
  );
}

/**
 * Judges a run of nic-path.sh; what was not measured says so and is never taken for met.
 *
 * @example
 * ```ts
 * judgeNic(parseMeasurements(text)).filter((t) => t.state !== "met");
 * ```
 */
export function judgeNic({ samples: all, checks }: Measurements): readonly Target[] {
  const samples = all.filter((s) => !unredirected(s, s.counters));
  const load = Object.entries(wayNames).flatMap(([way, name]) =>
    counts.flatMap((connections) => {
      const over = (phase: string, base: string, figure: (s: Sample) => number | undefined) =>
        ratioSpread(samplesAt(samples, phase, size, connections), "nicd", base, figure);
      const title = (what: string): string => `${name}, 1 KiB × ${connections}: ${what}`;
      const throughput = (s: Sample): number => s.throughput;
      return [
        judge(title("req/s over Envoy"), ["≥", 1.5], over(way, "envoy", throughput), " ×"),
        judge(title("req/s over HAProxy"), ["≥", 0.9], over(way, "haproxy", throughput), " ×"),
        judge(
          title("the relay's CPU per request over Envoy's"),
          ["≤", 0.8],
          over(way, "envoy", (s) => s.cpuUs.relay),
          " ×",
        ),
        judge(
          title("p99 over Envoy's at half its rate"),
          ["≤", 1],
          over(`${way}-open`, "envoy", (s) => s.p99Us),
          " ×",
        ),
      ];
    }),
  );
  // A relay that answers with errors is fast: wrk counts those answers too.
  const own = all.filter((s) => s.mode === "nicd");
  const errors = own.length > 0 ? spread([own.reduce((sum, s) => sum + s.errors, 0)]) : undefined;
  return [...load, judge("failed or unanswered requests in all of these", ["≤", 0, 0], errors, ""), ...judgeChecks(checks)];
}
