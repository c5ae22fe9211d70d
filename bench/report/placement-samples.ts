/** Reads the raw lines of placement.sh. @module */
import type { FuzzLine, Planned } from "../lib/placement-bench.ts";

/** A measurement that gave no plan. */
export interface Failed {
  readonly phase: string;
  readonly problem: string;
  readonly strategy: string;
  readonly why: string;
}

/** All that a run wrote. */
export interface PlacementRun {
  readonly plans: readonly Planned[];
  readonly failed: readonly Failed[];
  readonly fuzz: readonly FuzzLine[];
}

/** Parses the lines of a raw file. */
export function parsePlacement(text: string): PlacementRun {
  const plans: Planned[] = [];
  const failed: Failed[] = [];
  const fuzz: FuzzLine[] = [];
  for (const line of text.split("\n").filter(Boolean)) {
    const value = JSON.parse(line) as Planned & FuzzLine & { readonly error?: string };
    if (value.error !== undefined) {
      failed.push({ phase: value.phase, problem: value.problem ?? "", strategy: value.strategy ?? "", why: value.error });
    } else if (value.phase === "fuzz") fuzz.push(value);
    else plans.push(value);
  }
  return { plans, failed, fuzz };
}

/** The plans of a phase by problem, then strategy. */
export function byProblem(plans: readonly Planned[], phase: string): ReadonlyMap<string, Readonly<Record<string, Planned>>> {
  const out = new Map<string, Record<string, Planned>>();
  for (const plan of plans) {
    if (plan.phase !== phase) continue;
    const own = out.get(plan.problem) ?? {};
    out.set(plan.problem, own);
    own[plan.strategy] = plan;
  }
  return out;
}
