/** When requests arrive. @module */
import { place, type SeededDraws } from "./seeded-draws.ts";
import type { ArrivalLaw } from "./setting.ts";

/**
 * Makes what gives the time of each request, one after the other, in milliseconds from the beginning.
 *
 * @param ratePerMs Requests a millisecond, in the long run.
 */
export function arrivalTimes(law: ArrivalLaw, ratePerMs: number, draws: SeededDraws): () => number {
  let number = 0;
  let nowMs = 0;
  if (law.kind === "deterministic") return () => ++number / ratePerMs;
  if (law.kind !== "bursty") {
    return () => {
      nowMs += draws.at(number++, place.arrival).exponential() / ratePerMs;
      return nowMs;
    };
  }
  const { onMs, offMs } = law;
  const rateWhileOn = (ratePerMs * (onMs + offMs)) / onMs;
  let burst = 0;
  let endsMs = onMs * draws.at(burst, place.burst).exponential();
  return () => {
    nowMs += draws.at(number++, place.arrival).exponential() / rateWhileOn;
    while (nowMs >= endsMs) {
      // What is left of the gap passes in the next burst.
      const left = nowMs - endsMs;
      draws.at(++burst, place.burst);
      const begins = endsMs + offMs * draws.exponential();
      endsMs = begins + onMs * draws.exponential();
      nowMs = begins + left;
    }
    return nowMs;
  };
}
