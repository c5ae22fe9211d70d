/** Takes moves back until those that are left are within a budget: for a search that time cut short while it was still beyond. @module */
import type { Budget } from "../strategy.ts";
import { within } from "./search-job.ts";
import type { PlacementState } from "./state.ts";

/** Sends replicas back to where their service runs now, those first that cost least; a state that may be used stays so. It may end beyond the budget, where home is full. */
export function giveBack(state: PlacementState, budget: Budget | null): void {
  const { replicas, serviceOf, present, pinned } = state.instance;
  const isThere = (): boolean => within({ moves: state.moved, bytes: state.movedBytes }, budget);
  const helps = (service: number, from: number, home: number): boolean =>
    state.movedDelta(service, from, home) < 0 && state.fits(service, home) && state.mustDelta(service, from, home) <= 0;
  for (let taken = 1; taken > 0 && !isThere(); ) {
    taken = 0;
    const ways: { readonly replica: number; readonly home: number; readonly change: number }[] = [];
    for (let replica = 0; replica < replicas; replica++) {
      const service = serviceOf[replica]!;
      const from = state.nodeOf[replica]!;
      const home = present[replica]!;
      if (pinned[replica] !== -1 || home < 0 || home === from || !helps(service, from, home)) continue;
      ways.push({ replica, home, change: state.delta(service, from, home) });
    }
    for (const { replica, home } of ways.sort((one, other) => one.change - other.change || one.replica - other.replica)) {
      if (isThere()) return;
      // What was given back before may have taken the place, or the room.
      if (!helps(serviceOf[replica]!, state.nodeOf[replica]!, home)) continue;
      state.shift(replica, home);
      taken++;
    }
  }
}
