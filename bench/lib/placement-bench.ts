/** What the phases of placement.sh share: how placer is run, and the lines they write. @module */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../../packages/placer/src/problem/problem.ts";
import { writeProblem } from "../../packages/placer/src/problem/write-problem.ts";
import { type Assignment, type Facts, judgePlacement, type Verdict } from "./placement-judge.ts";
import { type Ran, runMeasured } from "./placement-process.ts";

/** One measured plan. */
export interface Planned {
  readonly phase: string;
  /** Of a problem; measurements of the same one follow each other. */
  readonly problem: string;
  readonly strategy: string;
  readonly seconds: number;
  readonly peakMb: number;
  readonly onNode: number;
  readonly objective: number;
  readonly moves: number;
  readonly replicas: number;
  readonly unplaced: number;
  readonly broken: readonly string[];
  /** As the plan says of itself: `optimal`, `bound`, `none`. */
  readonly proof: string;
  readonly bound: number | null;
}

/** A line of the raw file: a plan, what failed, or a count. */
export type Line =
  | Planned
  | { readonly phase: string; readonly error: string; readonly problem?: string; readonly strategy?: string }
  | FuzzLine;

/** What fuzzing found. */
export interface FuzzLine {
  readonly phase: "fuzz";
  readonly problems: number;
  readonly seconds: number;
  /** One sentence each. */
  readonly broken: readonly string[];
}

/** How a run is made. */
export interface Bench {
  /** The program. */
  readonly placer: string;
  /** A directory that goes away afterwards. */
  readonly work: string;
  readonly say: (text: string) => void;
  readonly write: (line: Line) => void;
}

/** The objective's weight that placer has unless told. */
const weight = 0.05;

/** Writes a problem where placer finds it. */
export function putProblem({ work }: Bench, problem: Problem): string {
  const path = join(work, "problem.json");
  writeFileSync(path, writeProblem(problem, "json"));
  return path;
}

/** The last of what a program said, for a person. */
export function lastWords({ status, stderr }: Ran): string {
  const line = stderr.trim().split("\n").findLast(Boolean) ?? "";
  return `exit status ${status ?? "none, it took too long"}: ${line}`;
}

/**
 * Plans a problem in a process of its own and writes one line: what it took, and what the judge says of the placement.
 *
 * @param args - of `placer plan`, besides the problem and the output
 */
export async function plan(
  bench: Bench,
  about: { readonly phase: string; readonly problem: string; readonly strategy: string; readonly facts: Facts; readonly path: string },
  args: readonly string[],
  limitSeconds: number,
): Promise<Verdict | null> {
  const { phase, problem, strategy, facts, path } = about;
  const to = join(bench.work, "plan.json");
  rmSync(to, { force: true });
  const ran = await runMeasured([bench.placer, "plan", path, ...args, "-o", to], limitSeconds);
  // 1 with a plan: a baseline that could not place all, which the judge counts.
  if (ran.status !== 0 && !(ran.status === 1 && existsSync(to))) {
    bench.say(`  !!! ${problem} ${strategy}: ${lastWords(ran)}`);
    bench.write({ phase, problem, strategy, error: lastWords(ran) });
    return null;
  }
  const { assignment, report } = JSON.parse(readFileSync(to, "utf8")) as {
    assignment: Assignment;
    report?: { proof?: string; bound?: number | null };
  };
  const verdict = judgePlacement(facts, assignment);
  const { onNode, imbalance, unplaced, moves, broken } = verdict;
  let replicas = 0;
  for (const one of facts.services.values()) replicas += one.replicas.length;
  bench.write({
    phase,
    problem,
    strategy,
    seconds: ran.seconds,
    peakMb: ran.peakMb,
    onNode,
    objective: (1 - weight) * (1 - onNode) + weight * imbalance,
    moves,
    replicas,
    unplaced,
    broken: broken.slice(0, 5),
    proof: report?.proof ?? "none",
    bound: report?.bound ?? null,
  });
  bench.say(`  ${problem} ${strategy}: ${(onNode * 100).toFixed(1)} % on-node, ${ran.seconds.toFixed(2)} s, ${ran.peakMb.toFixed(0)} MB`);
  return verdict;
}
