/** Ranks replicas by latency, service time and the cube of the queue they will have. @module */
import type { Answer, Candidate } from "../candidate.ts";
import type { Costs, OptionRanges, SelectionContext, Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";

/** Smoothed measurements of one replica. */
interface Measured {
  /** R̄: latency as this program sees it. */
  latencyMs: number;
  /** 1/μ̄: service time as the replica says. */
  serviceMs: number;
  /** q̄: requests there as the replica says. */
  queue: number;
  /** Whether anything was measured. */
  known: boolean;
}

const unmeasured: Measured = { latencyMs: 0, serviceMs: 0, queue: 0, known: false };

/** Service time of a replica that has not answered; small, so that it is tried, and not 0, so that what is sent there counts. */
const unknownServiceMs = 1;

/** Its options. */
export const c3Options: OptionRanges<"alpha"> = {
  alpha: { default: 0.9, least: 0.01, most: 1, about: "weight of the newest value in the means" },
};

/**
 * The replica with the lowest Ψ = R̄ − 1/μ̄ + q̂³/μ̄, where q̂ = 1 + own requests in flight × clients + q̄; at a tie any of them. All three means are exponential, the newest
 * value having the weight `alpha`.
 *
 * Option: `alpha` (0.9). Source: L. Suresh, M. Canini, S. Schmid, A. Feldmann, "C3: Cutting Tail Latency in Cloud Data Stores via Adaptive Replica Selection", NSDI 2015,
 * §3.1, and the authors' Cassandra (`ScoreTracker`) for α. Its second half, rate control by a cubic function (§3.2), is not here: it holds requests back, and a selector cannot.
 *
 * What the paper leaves open: a replica that says nothing with its answers is taken to serve as long as it takes to answer. One that has not answered yet has Ψ = q̂³ in
 * milliseconds, or by the service time that it reported. While a replica is slow-started, what is in flight there counts 1/ramp times; weights do not count.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION` for another option, `alpha` under 0.01 or over 1.
 */
export function c3(options: SelectorOptions = {}): Selector {
  const { alpha } = readOptions("c3", options, c3Options);
  return new C3(alpha);
}

class C3 implements Selector {
  readonly name = "c3";
  readonly #alpha: number;
  readonly #measured = new WeakMap<Candidate, Measured>();
  #candidates: readonly Candidate[] = [];
  #ready: Measured[] = [];

  constructor(alpha: number) {
    this.#alpha = alpha;
  }

  select<C extends Candidate>(candidates: readonly C[], { random, clients }: SelectionContext): C {
    if (candidates !== this.#candidates) {
      this.#candidates = candidates;
      this.#ready = candidates.map((candidate) => this.#of(candidate));
    }
    let best = candidates[0]!;
    let lowest = Number.POSITIVE_INFINITY;
    let tied = 1;
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index]!;
      const score = scoreOf(candidate, this.#ready[index]!, clients);
      if (score < lowest) {
        lowest = score;
        best = candidate;
        tied = 1;
      } else if (score === lowest && random() * ++tied < 1) {
        // Each of those that tie stays with the same probability.
        best = candidate;
      }
    }
    return best;
  }

  answered(candidate: Candidate, _nowMs: number, { latencyMs, report }: Answer): void {
    const measured = this.#of(candidate);
    const serviceMs = report !== null && report.serviceMs > 0 ? report.serviceMs : latencyMs;
    // The first values are taken as they are: there is nothing to smooth them with.
    const alpha = measured.known ? this.#alpha : 1;
    measured.known = true;
    measured.latencyMs += alpha * (latencyMs - measured.latencyMs);
    measured.serviceMs += alpha * (serviceMs - measured.serviceMs);
    if (report !== null) measured.queue += alpha * (report.inFlight - measured.queue);
  }

  costs<C extends Candidate>(candidates: readonly C[], { clients }: SelectionContext): Costs {
    return { unit: "ms", of: candidates.map((one) => scoreOf(one, this.#measured.get(one) ?? unmeasured, clients)) };
  }

  #of(candidate: Candidate): Measured {
    let measured = this.#measured.get(candidate);
    if (measured === undefined) {
      measured = { latencyMs: 0, serviceMs: 0, queue: 0, known: false };
      this.#measured.set(candidate, measured);
    }
    return measured;
  }
}

function scoreOf(candidate: Candidate, measured: Measured, clients: number): number {
  let { latencyMs, serviceMs } = measured;
  if (!measured.known) {
    serviceMs = candidate.reportedServiceMs > 0 ? candidate.reportedServiceMs : unknownServiceMs;
    latencyMs = serviceMs;
  }
  const ramp = Math.max(candidate.ramp, 0.001);
  const queue = 1 + (candidate.inFlight * clients + measured.queue) / ramp;
  return latencyMs - serviceMs + queue * queue * queue * serviceMs;
}
