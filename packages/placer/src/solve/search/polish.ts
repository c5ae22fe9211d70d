/** The last step for a small problem: every pair of moves is tried, until none helps. @module */
import type { Budget } from "../strategy.ts";
import { within } from "./search-job.ts";
import type { PlacementState } from "./state.ts";

/** With more moves than this (services × nodes × other nodes), pairs are too many. */
const mostMoves = 500;
const least = 1e-12;

/**
 * Tries every move, and every two moves together, of a state that may be used, and takes what lowers its cost; it stays usable and within the budget. What annealing misses
 * under a tight budget is mostly such a pair: one move that is given back, and another in its place. Nothing is done for a problem with too many moves.
 */
export function polish(state: PlacementState, budget: Budget | null): void {
  const { services, nodes, allowed } = state.instance;
  if (services * nodes * (nodes - 1) > mostMoves) return;
  const moves: (readonly [service: number, from: number, to: number])[] = [];
  for (let service = 0; service < services; service++)
    for (let from = 0; from < nodes; from++)
      for (let to = 0; to < nodes; to++) if (from !== to && allowed[service * nodes + to] === 1) moves.push([service, from, to]);
  const usable = (): boolean => state.violation() === 0 && within({ moves: state.moved, bytes: state.movedBytes }, budget);
  for (let better = true; better; ) {
    better = false;
    for (const one of moves) {
      const before = state.cost;
      const replica = state.replicaAt(one[0], one[1]);
      if (replica < 0) continue;
      state.shift(replica, one[2]);
      if (state.cost < before - least && usable()) {
        better = true;
        continue;
      }
      let kept = false;
      for (const [service, from, to] of moves) {
        const other = state.replicaAt(service, from);
        if (other < 0 || other === replica) continue;
        state.shift(other, to);
        kept = state.cost < before - least && usable();
        if (kept) break;
        state.shift(other, from);
      }
      if (kept) better = true;
      else {
        state.shift(replica, one[1]);
        state.cost = before;
      }
    }
  }
}
