/** Prefers replicas with low latency and few requests in flight, quick to notice peaks. @module */
import type { Answer, Candidate } from "../candidate.ts";
import type { Costs, OptionRanges, SelectionContext, Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";
import { WeightedDraw } from "../weighted-draw.ts";

/** What is kept of a replica. */
interface Peak {
  /** Smoothed latency: up at once, down slowly. */
  costMs: number;
  /** When `costMs` was true. */
  atMs: number;
}

/** Its options. */
export const peakEwmaOptions: OptionRanges<"decay-ms" | "default-rtt-ms"> = {
  "decay-ms": { default: 10_000, least: 1, most: 86_400_000, about: "time constant of the fall of a latency" },
  "default-rtt-ms": { default: 30, least: 0.001, most: 86_400_000, about: "latency of a replica that never answered" },
};

/**
 * Draws two replicas by weight and takes the one with the lower cost × (own requests in flight + 1). An answer slower than the cost becomes the cost; a faster one draws it
 * down as e^(−Δt/τ), and so does every look at it. A replica that never answered costs `default-rtt-ms`, from when it was first seen.
 *
 * Options: `decay-ms`, τ (10 000), and `default-rtt-ms` (30). Sources: Finagle's `PeakEwma.scala` (`observe`, `get`), whose decay time is 10 s; Linkerd's proxy and tower's
 * `load::PeakEwma` for the first cost, where Finagle has a penalty. A failure counts with the time it took, as in both: to leave out a replica that fails fast is
 * outlier ejection's task. The report that comes with an answer is not used.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION` for another option, `decay-ms` under 1, `default-rtt-ms` under 0.001; either over a day.
 */
export function peakEwma(options: SelectorOptions = {}): Selector {
  const values = readOptions("peak-ewma", options, peakEwmaOptions);
  return new PeakEwma(values["decay-ms"], values["default-rtt-ms"]);
}

class PeakEwma implements Selector {
  readonly name = "peak-ewma";
  readonly #decayMs: number;
  readonly #defaultRttMs: number;
  readonly #draw = new WeightedDraw();
  readonly #peaks = new WeakMap<Candidate, Peak>();
  #candidates: readonly Candidate[] = [];
  #ready: Peak[] = [];

  constructor(decayMs: number, defaultRttMs: number) {
    this.#decayMs = decayMs;
    this.#defaultRttMs = defaultRttMs;
  }

  select<C extends Candidate>(candidates: readonly C[], { nowMs, random }: SelectionContext): C {
    if (candidates.length === 1) return candidates[0]!;
    if (candidates !== this.#candidates) {
      this.#candidates = candidates;
      this.#ready = candidates.map((candidate) => this.#peakOf(candidate, nowMs));
    }
    const first = this.#draw.draw(candidates, random);
    const second = this.#draw.draw(candidates, random, first);
    const one = candidates[first]!;
    const other = candidates[second]!;
    const peak = this.#ready[first]!;
    const otherPeak = this.#ready[second]!;
    this.#observe(peak, nowMs, 0);
    this.#observe(otherPeak, nowMs, 0);
    return otherPeak.costMs * (other.inFlight + 1) < peak.costMs * (one.inFlight + 1) ? other : one;
  }

  answered(candidate: Candidate, nowMs: number, { latencyMs }: Answer): void {
    this.#observe(this.#peakOf(candidate, nowMs), nowMs, latencyMs);
  }

  costs<C extends Candidate>(candidates: readonly C[], { nowMs }: SelectionContext): Costs {
    return {
      unit: "ms",
      of: candidates.map((one) => {
        const { costMs, atMs } = this.#peaks.get(one) ?? { costMs: this.#defaultRttMs, atMs: nowMs };
        return costMs * Math.exp(-Math.max(nowMs - atMs, 0) / this.#decayMs) * (one.inFlight + 1);
      }),
    };
  }

  #peakOf(candidate: Candidate, nowMs: number): Peak {
    let peak = this.#peaks.get(candidate);
    if (peak === undefined) {
      peak = { costMs: this.#defaultRttMs, atMs: nowMs };
      this.#peaks.set(candidate, peak);
    }
    return peak;
  }

  /** Takes a latency into account, 0 for a mere look. Returns nothing, as a fraction that is returned may be garbage. */
  #observe(peak: Peak, nowMs: number, latencyMs: number): void {
    if (latencyMs > peak.costMs) {
      peak.costMs = latencyMs;
    } else {
      const kept = Math.exp(-Math.max(nowMs - peak.atMs, 0) / this.#decayMs);
      peak.costMs = peak.costMs * kept + latencyMs * (1 - kept);
    }
    peak.atMs = nowMs;
  }
}
