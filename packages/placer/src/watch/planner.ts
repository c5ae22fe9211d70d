/** Computes a plan in a process of its own, so that the daemon answers meanwhile. @module */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../problem/problem.ts";
import { writeProblem } from "../problem/write-problem.ts";

/** Makes a plan of a problem. @throws {MitsuError} what `placer plan` says, or `ERR_PLACER_PLAN` when it says nothing that can be used. */
export type Planner = (problem: Problem, signal: AbortSignal) => Promise<Plan>;

/** Options of `placer plan`. */
export interface PlannerOptions {
  readonly weight: number | undefined;
  readonly maxUtilisation: number;
  readonly reserve: string;
  readonly budget: string | undefined;
  readonly deadlineS: number;
}

/** Nobody waits for it: whatever else runs on the machine goes first. */
const niceness = 10;
/** What a plan may take beyond its deadline: the start, reading and writing of a large problem. */
const beyondMs = 60_000;

const byHand = "run placer plan with the same problem by hand";

/** `placer plan` of this very program, with one thread and a low priority. */
export function childPlanner(options: PlannerOptions): Planner {
  return async (problem, signal) => {
    const folder = mkdtempSync(join(tmpdir(), "mitsu-placer-"));
    try {
      const file = join(folder, "plan.json");
      await runPlan(argumentsOf(options, file), writeProblem(problem, "json"), options.deadlineS * 1000 + beyondMs, signal);
      return readPlanOf(problem, file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

function argumentsOf({ weight, maxUtilisation, reserve, budget, deadlineS }: PlannerOptions, file: string): string[] {
  return [
    ...["plan", "-", "--output", file, "--json", "--strategy", "mitsu", "--workers", "1"],
    ...["--deadline", String(deadlineS), "--max-utilisation", String(maxUtilisation), "--reserve", reserve],
    ...(weight === undefined ? [] : ["--weight", String(weight)]),
    ...(budget === undefined ? [] : ["--budget", budget]),
  ];
}

async function runPlan(args: readonly string[], problem: string, mostMs: number, signal: AbortSignal): Promise<void> {
  const program = isSea() ? [] : [fileURLToPath(new URL("../main.ts", import.meta.url))];
  const child = spawn(process.execPath, [...program, ...args], {
    stdio: ["pipe", "ignore", "pipe"],
    env: { ...process.env, NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined, LISTEN_FDS: undefined },
    signal,
    killSignal: "SIGKILL",
    timeout: mostMs,
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-16_384);
  });
  child.stdin.on("error", () => {}); // it ended before it read all: its status says why
  child.stdin.end(problem);
  child.once("spawn", () => lowerPriority(child.pid!));
  const how = await new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, by) => resolve(code ?? by ?? "SIGKILL"));
  });
  if (how !== 0) throw failure(how, said);
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended already, or a container forbids it: the plan is made all the same.
  }
}

function failure(how: number | NodeJS.Signals, said: string): MitsuError {
  const exit = typeof how === "number" ? how : exitStatus.unavailable;
  const last = said.trim().split("\n").at(-1) || "it said nothing";
  try {
    // As `reportError` of @mitsu/cli writes it.
    const { code, message, hint } = (
      JSON.parse(last) as { readonly error: { readonly code: string; readonly message: string; readonly hint?: string } }
    ).error;
    return new MitsuError(message, { code, exit, ...(hint === undefined ? {} : { hint }) });
  } catch {
    return new MitsuError(`placer plan ended with ${how}: ${last}`, { code: "ERR_PLACER_PLAN", exit, hint: byHand });
  }
}

function readPlanOf({ services, nodes }: Problem, file: string): Plan {
  const plan = JSON.parse(readFileSync(file, "utf8")) as Plan;
  const names = new Set(nodes.map(({ name }) => name));
  for (const replica of services.flatMap(({ replicas }) => replicas)) {
    if (names.has(plan.assignment[replica]!)) continue;
    throw new MitsuError(`the plan has no node for ${replica}`, { code: "ERR_PLACER_PLAN", hint: byHand });
  }
  return plan;
}
