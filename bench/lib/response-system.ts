#!/usr/bin/env node
/**
 * Writes down what placement-response.sh starts, in two steps with `placer plan` between them.
 *
 *     node bench/lib/response-system.ts problem WORK SYSTEM
 *     node bench/lib/response-system.ts services WORK SYSTEM MODE…
 *
 * The first writes problem.yaml, start.json and worst.json into WORK. The second takes kubernetes.json to be the median of kubernetes-SEED.json, writes
 * plans.json, a plan a mode and a configuration a process, and prints a line for each process: `MODE SERVICE NODE ADDRESS PORT WORKERS FILE`, callees before
 * callers. A mode is a plan's name, or that and `-redirect`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeProblem } from "../../packages/placer/src/problem/write-problem.ts";
import { problemOf, type System, startModel, systems, workers, worstOf } from "./response-graph.ts";

/** Replica's name to node's name. */
export type Assignment = Readonly<Record<string, string>>;

/** Where a plan puts what, for the report. */
export interface PlanFacts {
  /** Share of the messages between services that stay on their node. */
  readonly kept: number;
  /** Services by node, and the CPU that they request there. */
  readonly on: Readonly<Record<string, readonly string[]>>;
  readonly requested: Readonly<Record<string, number>>;
  /** How it was made. */
  readonly made: string;
}

const addresses: Readonly<Record<string, string>> = { a: "10.203.79.2", b: "10.203.79.3" };
const firstPort = 7100;

/** What a plan comes to. */
export function factsOf(system: System, assignment: Assignment, made: string): PlanFacts {
  const { services, traffic, nodes } = problemOf(system);
  const where = (service: string): string => assignment[`${service}-0`]!;
  const all = traffic.reduce((sum, { messagesPerSecond }) => sum + messagesPerSecond, 0);
  const stays = traffic.filter(({ from, to }) => where(from) === where(to)).reduce((sum, edge) => sum + edge.messagesPerSecond, 0);
  const on = Object.fromEntries(nodes.map(({ name }) => [name, services.filter((service) => where(service.name) === name)]));
  return {
    kept: stays / all,
    on: Object.fromEntries(Object.entries(on).map(([node, list]) => [node, list.map(({ name }) => name)])),
    requested: Object.fromEntries(
      Object.entries(on).map(([node, list]) => [node, list.reduce((sum, { requests }) => sum + (requests.cpu ?? 0), 0)]),
    ),
    made,
  };
}

/** The median by traffic kept; of several alike the one with the least seed. */
export function medianPlan(
  system: System,
  bySeed: ReadonlyMap<number, Assignment>,
): { readonly seed: number; readonly assignment: Assignment } {
  const plans = [...bySeed].map(([seed, assignment]) => ({ seed, assignment, kept: factsOf(system, assignment, "").kept }));
  const kept = plans.map((plan) => plan.kept).toSorted((a, b) => a - b)[plans.length >> 1]!;
  return plans.toSorted((a, b) => a.seed - b.seed).find((plan) => plan.kept === kept)!;
}

/** What response-service reads. */
function serviceFile({ services }: System, name: string, addressOf: (service: string) => string): string {
  const { cpuUs, steps } = services[name]!;
  const lines = [`operation ${name} ${cpuUs} exponential`];
  for (const step of steps) lines.push("step", ...step.map(({ to, probability = 1 }) => `call ${addressOf(to)} ${to} ${probability}`));
  return `${lines.join("\n")}\n`;
}

/** nginx in front: one worker, connections to the service kept. */
function edgeFile({ services }: System, mode: string, addressOf: (service: string) => string, work: string): string {
  const front = services.edge!.steps[0]![0]!.to;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `  ${what}_temp_path ${work}/${mode}-tmp;`);
  return `worker_processes 1;
daemon off;
pid ${work}/${mode}-edge.pid;
error_log ${work}/${mode}-edge.log crit;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 1000000000;
${temporary.join("\n")}
  upstream front { server ${addressOf(front).replace(" ", ":")}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen ${addressOf("edge").replace(" ", ":")} backlog=4096;
    location / { proxy_pass http://front/${front}; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`;
}

function writeProblemFiles(work: string, system: System): void {
  const text = writeProblem(problemOf(system), "yaml");
  writeFileSync(join(work, "problem.yaml"), text);
  writeFileSync(join(work, "start.json"), `${JSON.stringify(startModel(system), null, 1)}\n`);
  const problem = { name: "placement-response", file: "problem.yaml", sha256: createHash("sha256").update(text).digest("hex") };
  writeFileSync(join(work, "worst.json"), `${JSON.stringify({ version: 1, assignment: worstOf(system), problem }, null, 1)}\n`);
}

function writeServices(work: string, system: System, modes: readonly string[]): void {
  const plan = (file: string): { readonly assignment: Assignment } => JSON.parse(readFileSync(join(work, file), "utf8"));
  const seeds = readdirSync(work).flatMap((file) => /^kubernetes-(\d+)\.json$/.exec(file)?.[1] ?? []);
  const median = medianPlan(system, new Map(seeds.map((seed) => [Number(seed), plan(`kubernetes-${seed}.json`).assignment])));
  const made: Readonly<Record<string, string>> = {
    kubernetes: `placer plan --strategy kubernetes --seed ${median.seed}: the median of ${seeds.length} seeds by the traffic kept`,
    mitsu: "placer plan",
    worst: "by hand: the maximum cut, in which every call is between nodes",
  };
  const facts: Record<string, PlanFacts> = {};
  for (const [m, mode] of modes.entries()) {
    const name = mode.replace(/-redirect$/, "");
    const file = name === "kubernetes" ? `kubernetes-${median.seed}.json` : `${name}.json`;
    const { assignment } = plan(file);
    facts[name] = factsOf(system, assignment, made[name]!);
    const port = (service: string): number => firstPort + 100 * m + Object.keys(system.services).indexOf(service);
    const addressOf = (service: string): string => `${addresses[assignment[`${service}-0`]!]} ${port(service)}`;
    for (const service of Object.keys(system.services)) {
      const path = join(work, `${mode}-${service}.conf`);
      writeFileSync(path, service === "edge" ? edgeFile(system, mode, addressOf, work) : serviceFile(system, service, addressOf));
      process.stdout.write(`${mode} ${service} ${assignment[`${service}-0`]} ${addressOf(service)} ${workers} ${path}\n`);
    }
    // Copied last: what was read above must still be as placer wrote it.
    writeFileSync(join(work, `${mode}.json`), readFileSync(join(work, file)));
  }
  writeFileSync(join(work, "plans.json"), `${JSON.stringify(facts, null, 1)}\n`);
}

if (import.meta.main) {
  const [step, work, name, ...modes] = process.argv.slice(2);
  const system = systems[name as keyof typeof systems];
  if (step === "problem") writeProblemFiles(work!, system);
  else writeServices(work!, system, modes);
}
