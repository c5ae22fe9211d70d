/** The smallest set of constraints that cannot be kept together. @module */
import type { Constraint } from "./constraint.ts";
import { keyOf } from "./constraint.ts";
import { type Feasibility, holds } from "./feasibility.ts";
import type { Highs } from "./highs.ts";
import { Mip } from "./mip.ts";

/** How small a clash is known to be: no other has fewer constraints; none of its constraints can be left out; or neither, as time was up. */
export type Smallness = "smallest" | "minimal" | "reduced";

/** Constraints that clash. */
export interface Clash {
  readonly constraints: readonly Constraint[];
  readonly smallness: Smallness;
}

/** Reduces a set that is known to clash by leaving out, in ever smaller pieces, what it clashes without. */
export async function minimalClash(feasibility: Feasibility, clashing: readonly Constraint[]): Promise<Clash> {
  let kept = clashing;
  let complete = true;
  for (let piece = Math.max(1, kept.length >> 1); ; piece = Math.max(1, piece >> 1)) {
    for (let from = 0; from < kept.length; ) {
      const without = [...kept.slice(0, from), ...kept.slice(from + piece)];
      const verdict = await feasibility.of(without);
      if (verdict === "none") kept = without;
      else from += piece;
      if (verdict === "unknown" && piece === 1) complete = false;
    }
    if (piece === 1) return { constraints: kept, smallness: complete ? "minimal" : "reduced" };
  }
}

/**
 * The smallest clash of an instance that is known to be infeasible: a set that takes one constraint from every set whose removal mends all is a
 * candidate; the smallest candidate either clashes, or shows another such set. Within its time; else the smallest minimal one known.
 *
 * [Ignatiev, Previti, Liffiton, Marques-Silva: Smallest MUS Extraction with Minimal Hitting Set Dualization, CP 2015]
 */
export async function smallestClash(feasibility: Feasibility, highs: Highs): Promise<Clash> {
  const { all, instance } = feasibility;
  const known = await minimalClash(feasibility, all);
  const mending: number[][] = [];
  while (feasibility.leftMs > 0) {
    const candidate = await smallestHit(mending, all.length, highs, feasibility.leftMs);
    if (candidate === null) break;
    if (candidate.length >= known.constraints.length)
      return { ...known, smallness: known.smallness === "minimal" ? "smallest" : known.smallness };
    let kept = candidate.map((at) => all[at]!);
    let counts = await feasibility.of(kept);
    if (counts === "unknown") break;
    if (counts === "none") return { constraints: kept, smallness: "smallest" };
    // Grows the candidate until nothing more fits; what is left outside mends the instance when it is left out.
    const inside = new Set(kept.map(keyOf));
    const outside: number[] = [];
    for (const [at, one] of all.entries()) {
      if (inside.has(keyOf(one))) continue;
      kept = [...kept, one];
      if (holds(instance, counts, one)) continue;
      const more = await feasibility.of(kept);
      if (more === "unknown") return known;
      if (more === "none") {
        kept.pop();
        outside.push(at);
      } else counts = more;
    }
    mending.push(outside);
  }
  return known;
}

/** The least numbers below `count` that take one from every set; null when time was up. */
async function smallestHit(sets: readonly number[][], count: number, highs: Highs, timeLimitMs: number): Promise<number[] | null> {
  if (sets.length === 0) return [];
  const mip = new Mip();
  for (let at = 0; at < count; at++) mip.column({ upper: 1, integer: true, cost: 1 });
  for (const set of sets)
    mip.row(
      set.map((at) => [at, 1]),
      { lower: 1 },
    );
  const { status, values } = await highs.solve(mip.arrays(), { timeLimitMs, gap: 0.5 });
  return status === "optimal" && values ? [...values.keys()].filter((at) => values[at]! > 0.5) : null;
}
