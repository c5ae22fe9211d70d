/** The last step for a small problem: every pair of moves is tried, and every three where there are few, until none helps. @module */
import type { Budget } from "../strategy.ts";
import { within } from "./search-job.ts";
import type { PlacementState } from "./state.ts";

/** With more moves than this (services × nodes × other nodes), pairs are too many, and threes. */
const mostForPairs = 500;
const mostForThrees = 50;
const least = 1e-12;

/**
 * Tries every move, and every few moves together, of a state that may be used, and takes what lowers its cost, or its moves at the same cost; it stays usable and within the
 * budget. What annealing misses under a tight budget is mostly such a set: moves that are given back, and others in their place. Nothing is done where there are too many moves.
 */
export function polish(state: PlacementState, budget: Budget | null): void {
  const { services, nodes, allowed } = state.instance;
  const all = services * nodes * (nodes - 1);
  if (all > mostForPairs) return;
  const moves: Move[] = [];
  for (let service = 0; service < services; service++)
    for (let from = 0; from < nodes; from++)
      for (let to = 0; to < nodes; to++) if (from !== to && allowed[service * nodes + to] === 1) moves.push({ service, from, to });
  const depth = all > mostForThrees ? 2 : 3;
  // From move to move, not from the first again after each success: what was just settled is rarely what helps next.
  for (let better = true; better; ) {
    better = false;
    for (const first of moves) better = improve(state, budget, moves, [first], { cost: state.cost, moved: state.moved }, depth) || better;
  }
}

interface Move {
  readonly service: number;
  readonly from: number;
  readonly to: number;
}

/** Makes at most `depth` more moves, the first one of `firsts`, that together are better than `before`; false, and nothing made, when there are none. */
function improve(
  state: PlacementState,
  budget: Budget | null,
  moves: readonly Move[],
  firsts: readonly Move[],
  before: { readonly cost: number; readonly moved: number },
  depth: number,
): boolean {
  const { nodes } = state.instance;
  const here = state.cost;
  for (const { service, from, to } of firsts) {
    if (state.counts[service * nodes + from] === 0) continue;
    // Most last moves make nothing better, which is seen without making them.
    if (depth === 1 && state.cost + state.delta(service, from, to) >= before.cost + least) continue;
    const replica = state.replicaAt(service, from);
    if (replica < 0) continue;
    state.shift(replica, to);
    if (pays(state, budget, before) || (depth > 1 && improve(state, budget, moves, moves, before, depth - 1))) return true;
    state.shift(replica, from);
    state.cost = here;
  }
  return false;
}

/** Of less cost, or of as much with fewer moves, and usable. */
function pays(state: PlacementState, budget: Budget | null, before: { readonly cost: number; readonly moved: number }): boolean {
  const better = state.cost < before.cost - least || (state.cost < before.cost + least && state.moved < before.moved);
  return better && state.violation() === 0 && within({ moves: state.moved, bytes: state.movedBytes }, budget);
}
