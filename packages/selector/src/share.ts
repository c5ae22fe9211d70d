/** What part of the requests a replica should get, by what was set for it. @module */
import type { Candidate } from "./candidate.ts";

const least = 2 ** -40;
const most = 2 ** 40;

/** Weight × ramp, held between 2⁻⁴⁰ and 2⁴⁰: sums of it stay finite, and a ramp that begins at 0 starves nobody for good. */
export function shareOf(candidate: Candidate): number {
  const share = candidate.weight * candidate.ramp;
  if (share >= least) return Math.min(share, most);
  return least; // NaN too
}
