/** Why there is no placement: the smallest set of constraints that clash, in people's words. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { percent } from "../plan/quantity.ts";
import type { Instance } from "../solve/instance.ts";
import { clusterUtilisation } from "../solve/objective.ts";
import { clashWords } from "./clash-words.ts";
import type { Constraint } from "./constraint.ts";
import { Feasibility } from "./feasibility.ts";
import { firstFit } from "./first-fit.ts";
import { Highs } from "./highs.ts";
import { overload } from "./overload.ts";
import { type Clash, minimalClash, type Smallness, smallestClash } from "./smallest-clash.ts";

/** What is known of whether an instance can be solved. */
export interface Infeasibility {
  readonly status: "feasible" | "infeasible" | "unknown";
  /** Constraints that clash, one each; when nothing is proven, what is known. Empty when feasible. */
  readonly clash: readonly string[];
  /** The same for programs. */
  readonly constraints: readonly Constraint[];
  /** How small the set is known to be. */
  readonly smallness: Smallness;
}

/** Above so many counts, the smallest set is looked for only among few services at a time. */
const small = 1000;
/** Above so many, HiGHS is not asked for all services at once. */
const large = 60_000;

/** Says whether an instance can be solved, and if not, which of its constraints clash. `highs` is one to use; it stays open. */
export async function infeasibility(
  instance: Instance,
  { deadlineMs, highs }: { deadlineMs: number; highs?: Highs },
): Promise<Infeasibility> {
  if (firstFit(instance)) return feasible;
  const own = highs ?? new Highs();
  try {
    return await look(instance, own, performance.now() + deadlineMs);
  } finally {
    if (highs === undefined) await own.close();
  }
}

const feasible: Infeasibility = { status: "feasible", clash: [], constraints: [], smallness: "smallest" };

async function look(instance: Instance, highs: Highs, until: number): Promise<Infeasibility> {
  const feasibility = new Feasibility(instance, highs, until);
  const told = ({ constraints, smallness }: Clash): Infeasibility => ({
    status: "infeasible",
    clash: clashWords(instance, constraints),
    constraints,
    smallness,
  });
  const size = instance.services * instance.nodes;
  if (size > small) {
    const tooMuch = overload(instance);
    // A set of many is a sum that is too large, which HiGHS makes no clearer.
    if (tooMuch)
      return told(tooMuch.length > 40 ? { constraints: tooMuch, smallness: "reduced" } : await minimalClash(feasibility, tooMuch));
    for (const services of [...crowded(instance), ...linkedServices(instance)]) {
      if (feasibility.leftMs < 5) return unknown(instance);
      const about = feasibility.all.filter((one) => isAbout(instance, one, services));
      if (services.size * instance.nodes > large) continue;
      if ((await feasibility.of(about)) === "none") return told(await minimalClash(feasibility, about));
    }
    if (size > large) return unknown(instance);
  }
  const verdict = await feasibility.of(feasibility.all);
  if (verdict === "unknown") return unknown(instance);
  if (verdict !== "none") return feasible;
  return told(size > small ? await minimalClash(feasibility, feasibility.all) : await smallestClash(feasibility, highs));
}

/** Services of which, alone on the cluster, not all replicas have room on the nodes that they may run on. */
function crowded({ services, nodes, resources, capacity, demand, allowed, firstReplica }: Instance): Set<number>[] {
  const found: Set<number>[] = [];
  for (let s = 0; s < services; s++) {
    let left = firstReplica[s + 1]! - firstReplica[s]!;
    for (let m = 0; m < nodes && left > 0; m++) {
      if (allowed[s * nodes + m] === 0) continue;
      let fit = left;
      for (let r = 0; r < resources; r++) {
        const need = demand[s * resources + r]!;
        if (need > 0) fit = Math.min(fit, Math.floor((capacity[m * resources + r]! / need) * (1 + 1e-12)));
      }
      left -= fit;
    }
    if (left > 0) found.push(new Set([s]));
  }
  return found;
}

/** Services that rules which must hold tie together, or that have pins; each such set can clash by itself. */
function linkedServices({ services, rules, pinned, serviceOf }: Instance): Set<number>[] {
  const group = Array.from({ length: services }, (_, s) => new Set([s]));
  const counts = new Set(serviceOf.filter((_, replica) => pinned[replica]! >= 0));
  for (const rule of rules) {
    if (rule.weight !== null) continue;
    counts.add(rule.service);
    if (rule.kind === "spread") continue;
    const [mine, other] = [group[rule.service]!, group[rule.other]!];
    if (mine === other) continue;
    for (const s of other) {
      mine.add(s);
      group[s] = mine;
    }
  }
  return [...new Set([...counts].map((s) => group[s]!))];
}

function isAbout({ rules }: Instance, constraint: Constraint, services: ReadonlySet<number>): boolean {
  if (constraint.kind === "capacity") return true;
  return services.has(constraint.kind === "rule" ? rules[constraint.rule]!.service : constraint.service);
}

function unknown(instance: Instance): Infeasibility {
  const used = [...clusterUtilisation(instance)].map((share, r) => `${percent(share)} of the ${instance.problem.resources[r]!.name}`);
  return { status: "unknown", clash: [`nothing is proven; requests take ${used.join(", ")}`], constraints: [], smallness: "reduced" };
}

/** The error of every strategy that finds no placement. */
export function infeasibleError(clash: readonly string[]): MitsuError {
  const message = clash.length === 0 ? "no placement keeps all constraints" : `no placement keeps all of these: ${clash.join("; ")}`;
  return new MitsuError(message, {
    code: "ERR_PLACER_INFEASIBLE",
    exit: exitStatus.failure,
    hint: "give up or ease one of them, add a node, or reserve less with --reserve mean",
  });
}
