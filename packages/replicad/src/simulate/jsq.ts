/** jsq, join the shortest queue: an oracle that knows the true state of all servers at once. Only a simulation can have it. @module */
import type { Candidate, SelectionContext, Selector } from "@mitsu/selector";

/** What the oracle is asked: requests in flight at a server, those on their way to it included. */
export type TrueInFlight = (candidate: Candidate) => number;

/**
 * Selects the server with the fewest requests in flight for its workers, one of them at random where there are several.
 *
 * Source: Haight, "Two queues in parallel", 1958; Winston, "Optimality of the shortest line discipline", 1977.
 */
export function jsq(trueInFlight: TrueInFlight): Selector {
  return {
    name: "jsq",
    select<C extends Candidate>(candidates: readonly C[], { random }: SelectionContext): C {
      let best = candidates[0]!;
      let least = Number.POSITIVE_INFINITY;
      let same = 0;
      for (const candidate of candidates) {
        const load = trueInFlight(candidate) / candidate.workers;
        if (load > least) continue;
        same = load === least ? same + 1 : 1;
        least = load;
        if (same === 1 || random() * same < 1) best = candidate;
      }
      return best;
    },
  };
}
