/** What filters on nicd must reach, each figure judged. @module */
import { bootstrap } from "./bootstrap.ts";
import { judgeFilterChecks } from "./filters-checks.ts";
import { judge, type Target } from "./judge.ts";
import { pairs, ratioSpread, type Spread, samplesAt, spread } from "./points.ts";
import type { Measurements, Sample } from "./samples.ts";

/** The median, and in the place of least and greatest where it is to 95 %. */
function medianWithin(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const { value, low, high } = bootstrap((pick) => spread(pick(values)).median);
  return { median: value, min: low, max: high };
}

/** What a mode takes of the relay's CPU beyond another, µs a request. */
function costSpread(samples: readonly Sample[], mode: string, base: string): Spread | undefined {
  const costs = pairs(samples, mode, base, (own, other) => {
    const [taken, without] = [own.cpuUs.relay, other.cpuUs.relay];
    return taken === undefined || without === undefined ? undefined : taken - without;
  });
  return medianWithin(costs);
}

/**
 * Judges a run of filters.sh; what was not measured says so and is never taken for met.
 *
 * @example
 * ```ts
 * judgeFilters(parseMeasurements(text)).filter((target) => target.state !== "met");
 * ```
 */
export function judgeFilters({ samples, checks }: Measurements): readonly Target[] {
  const here = samplesAt(samples, "http", "1024", 16);
  const open = samplesAt(samples, "http-open", "1024", 16);
  const over = (mode: string, base: string): Spread | undefined =>
    medianWithin(pairs(here, mode, base, (own, other) => (other.throughput > 0 ? own.throughput / other.throughput : undefined)));
  const own = samples.filter(({ mode }) => !mode.startsWith("envoy-"));
  const errors = own.length > 0 ? spread([own.reduce((sum, sample) => sum + sample.errors, 0)]) : undefined;
  return [
    judge("a header filter in C, CPU a request", ["≤", 5, 1], costSpread(here, "nicd-c", "nicd-none"), " µs"),
    judge("a header filter in AssemblyScript, CPU a request", ["≤", 8, 1], costSpread(here, "nicd-as", "nicd-none"), " µs"),
    judge("req/s with one C filter over without", ["≥", 0.85], over("nicd-c", "nicd-none"), " ×"),
    judge("req/s with the C filter over Envoy's with the same", ["≥", 1.5], over("nicd-c", "envoy-c"), " ×"),
    judge("req/s with the AssemblyScript filter over Envoy's with the same", ["≥", 1.5], over("nicd-as", "envoy-as"), " ×"),
    judge("req/s with the Rust filter over Envoy's with the same", ["≥", 1.5], over("nicd-rs", "envoy-rs"), " ×"),
    judge(
      "p99 with the C filter over Envoy's with the same, at half its rate",
      ["≤", 1],
      ratioSpread(open, "nicd-c", "envoy-c", (sample) => sample.p99Us),
      " ×",
    ),
    judge("failed or unanswered requests in all of these", ["≤", 0, 0], errors, ""),
    ...judgeFilterChecks(checks),
  ];
}
