/** Whether constraints can be kept together, some of an instance's or all. @module */

import type { Instance } from "../solve/instance.ts";
import { refusal } from "../solve/node-match.ts";
import { brokenShare } from "../solve/objective.ts";
import { type Constraint, constraintsOf, keyOf } from "./constraint.ts";
import { countModel } from "./count-model.ts";
import type { Highs } from "./highs.ts";

/** Counts of replicas that keep the constraints, `Int32Array[services × nodes]`; `none` when there are none, `unknown` when time was up. */
export type Verdict = Int32Array | "none" | "unknown";

/** Answers for one instance; each answer is a run of HiGHS without an objective. */
export class Feasibility {
  readonly instance: Instance;
  readonly all: readonly Constraint[];
  readonly #highs: Highs;
  readonly #until: number;

  /** `until` is on the clock of `performance.now()`. */
  constructor(instance: Instance, highs: Highs, until: number) {
    this.instance = instance;
    this.all = constraintsOf(instance);
    this.#highs = highs;
    this.#until = until;
  }

  get leftMs(): number {
    return this.#until - performance.now();
  }

  /** Whether there are counts that keep all of `kept`; a service whose placement is not among them may run fewer replicas, or none. */
  async of(kept: readonly Constraint[]): Promise<Verdict> {
    const keys = new Set(kept.map(keyOf));
    const services = this.#servicesOf(kept);
    for (const margin of [0, 1e-7]) {
      if (this.leftMs < 5) return "unknown";
      const { mip, columns } = countModel(this.instance, { weight: null, holds: (one) => keys.has(keyOf(one)), services, margin });
      const { status, values } = await this.#highs.solve(mip.arrays(), { timeLimitMs: this.leftMs });
      if (status === "infeasible") return "none";
      if (values === null) return "unknown";
      const counts = columns.map((column) => (column < 0 ? 0 : Math.round(values[column]!)));
      // HiGHS' tolerance may let a hair too much through; then once more with a margin.
      if (kept.every((one) => one.kind !== "capacity" || holds(this.instance, counts, one))) return counts;
    }
    return "unknown";
  }

  /** Services that must run something somewhere, and those that rules tie to them; nothing asks for a replica of others. */
  #servicesOf(kept: readonly Constraint[]): readonly number[] {
    const services = new Set<number>();
    for (const one of kept) {
      if (one.kind === "placement" || one.kind === "pinned") services.add(one.service);
      if (one.kind !== "rule") continue;
      const rule = this.instance.rules[one.rule]!;
      services.add(rule.service);
      if (rule.kind !== "spread") services.add(rule.other);
    }
    return [...services].sort((one, other) => one - other);
  }
}

/** Whether counts keep a constraint; of an affinity with itself it may say no where replicas that do not run would make it a yes. */
export function holds(instance: Instance, counts: Int32Array, constraint: Constraint): boolean {
  const { services, nodes, resources, capacity, demand, firstReplica, pinned, problem, rules, topologies } = instance;
  const each = (service: number, test: (count: number, node: number) => boolean): boolean => {
    for (let m = 0; m < nodes; m++) if (!test(counts[service * nodes + m]!, m)) return false;
    return true;
  };
  switch (constraint.kind) {
    case "placement": {
      let placed = 0;
      each(constraint.service, (count) => {
        placed += count;
        return true;
      });
      return placed === firstReplica[constraint.service + 1]! - firstReplica[constraint.service]!;
    }
    case "nodes":
      return each(
        constraint.service,
        (count, m) => count === 0 || refusal(problem.services[constraint.service]!, problem.nodes[m]!) === null,
      );
    case "pinned": {
      const pins = pinned.subarray(firstReplica[constraint.service]!, firstReplica[constraint.service + 1]!);
      return each(constraint.service, (count, m) => count >= pins.filter((node) => node === m).length);
    }
    case "capacity": {
      const { node, resource } = constraint;
      let load = 0;
      for (let s = 0; s < services; s++) load += counts[s * nodes + node]! * demand[s * resources + resource]!;
      return load <= capacity[node * resources + resource]! * (1 + 1e-12);
    }
    case "rule": {
      const rule = rules[constraint.rule]!;
      const { domainOf } = topologies[rule.topology]!;
      const unlabelled = rule.kind === "spread" && !each(rule.service, (count, m) => count === 0 || domainOf[m]! >= 0);
      return !unlabelled && brokenShare(instance, rule, Int16Array.from(counts)) === 0;
    }
  }
}
