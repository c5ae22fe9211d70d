/** What selectors that go by own requests in flight compare, for people. @module */
import type { Candidate } from "./candidate.ts";
import type { Costs } from "./selector.ts";
import { shareOf } from "./share.ts";

/** Own requests in flight, the next one included, over the share; a share of 1 is the mean, whatever the weights' unit. */
export function requestsPerWeight(candidates: readonly Candidate[]): Costs {
  const mean = candidates.reduce((sum, one) => sum + shareOf(one), 0) / candidates.length;
  return { unit: "requests per weight", of: candidates.map((one) => ((one.inFlight + 1) * mean) / shareOf(one)) };
}
