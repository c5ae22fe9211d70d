/** Plans and problems to draw. */
import type { Plan } from "../../src/plan/plan.ts";
import { planReport } from "../../src/plan/plan-report.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { edge, node, problem, random, service } from "../plan/fixture.ts";

/** A plan of an assignment, as `placer plan` would write it. */
export function planOf(of: Problem, assignment: Readonly<Record<string, string>>): Plan {
  return {
    version: 1,
    assignment,
    problem: { name: of.name, file: "problem.yaml", sha256: "0".repeat(64) },
    strategy: "mitsu",
    options: { seed: 1, weight: 0.05, maxUtilisation: 1, reserve: "requests", workers: 1, budget: null },
    cut: false,
    seconds: 1,
    notes: [],
    report: planReport(of, assignment, { weight: 0.05, maxUtilisation: 1, reserve: "requests", budget: null, proof: null }),
  };
}

/** A problem with so many nodes and services, whose placements are at random, with long names. */
export function large(nodes: number, services: number, seed = 1): { readonly problem: Problem; readonly plan: Plan } {
  const next = random(seed);
  const whole = (most: number): number => Math.floor(next() * most);
  const made = Array.from({ length: services }, (_, at) =>
    service(`service-with-a-long-name-${at}`, 1 + whole(6), { requests: { cpu: 0.1 } }),
  );
  const machines = Array.from({ length: nodes }, (_, at) =>
    node(`rack-${at % 7}-machine-${at}.example.org`, { capacity: { cpu: 8, memory: 1e10 } }),
  );
  const place = (): Record<string, string> =>
    Object.fromEntries(made.flatMap(({ replicas }) => replicas.map((replica) => [replica, machines[whole(nodes)]!.name])));
  const traffic = Array.from({ length: services }, () => edge(made[whole(services)]!.name, made[whole(services)]!.name, 1 + whole(1000)));
  const of = problem({ name: "large", nodes: machines, services: made, traffic, assignment: place() });
  return { problem: of, plan: planOf(of, place()) };
}
