/** Which cores of a node each application gets: whole ones by its reserve, next to each other in one NUMA node where they fit; the rest is shared. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { NodeSpec, Problem } from "../problem/problem.ts";
import { formatCpuList, parseCpuList } from "./cpu-list.ts";
import type { LoadedApplication } from "./node-load.ts";

/** Cores of one application. */
export interface Allotment {
  /** As the kernel lists them, its own and, where it reserves a fraction more, the shared ones. */
  readonly cpus: string;
  /** NUMA nodes of its own cores; empty where it has none, or the node has one only. */
  readonly numa: readonly number[];
}

/** Cores of all applications on a node, by name. */
export interface Allotments {
  readonly of: ReadonlyMap<string, Allotment>;
  readonly notes: readonly string[];
}

/** Messages a second between two applications. */
function traffic(problem: Problem): (a: string, b: string) => number {
  const application = new Map(problem.services.map((service) => [service.name, service.application || problem.name || "services"]));
  const sums = new Map<string, number>();
  const key = (a: string, b: string): string => JSON.stringify(a < b ? [a, b] : [b, a]);
  for (const { from, to, messagesPerSecond } of problem.traffic) {
    const pair = key(application.get(from)!, application.get(to)!);
    sums.set(pair, (sums.get(pair) ?? 0) + messagesPerSecond);
  }
  return (a, b) => sums.get(key(a, b)) ?? 0;
}

/** Cores of a node by NUMA node: as the problem lists them, else as many as it has, from 0. */
function coresOf(node: NodeSpec, problem: Problem): number[][] {
  if (node.numa.length > 0) return node.numa.map(({ cpus }) => parseCpuList(cpus));
  const cores = problem.resources.find(({ name }) => name === "cpu")?.unit === "cores" ? Math.floor(node.capacity.cpu ?? 0) : 0;
  if (cores >= 1) return [Array.from({ length: cores }, (_, cpu) => cpu)];
  throw new MitsuError(`cannot give out cores of ${node.name}: how many it has is not known`, {
    code: "ERR_PLACER_NO_CORES",
    hint: "give its numa cpus in the problem file, or leave --cpuset out",
    exit: exitStatus.usage,
  });
}

/**
 * Gives cores out. An application gets the whole cores in its reserve, larger ones first, each into the NUMA node whose applications it talks to most,
 * then the fullest that still has room. What it reserves beyond whole cores it has on the shared ones, together with the others.
 *
 * @throws {MitsuError} `ERR_PLACER_NO_CORES` when the number of cores is not known
 */
export function allotCores(problem: Problem, node: NodeSpec, applications: readonly LoadedApplication[]): Allotments {
  const free = coresOf(node, problem);
  const total = free.reduce((sum, cpus) => sum + cpus.length, 0);
  const between = traffic(problem);
  const notes: string[] = [];
  const wants = applications.map(({ name, cpu }) => ({ name, cpu, own: Math.floor(cpu + 1e-9) }));
  const owned = () => wants.reduce((sum, { own }) => sum + own, 0);
  const needsShared = () => wants.some(({ own, cpu }) => cpu > own + 1e-9 || own === 0);
  while (owned() > total || (owned() === total && needsShared())) {
    const largest = wants.reduce((a, b) => (b.own > a.own ? b : a));
    if (largest.own === 0) break;
    largest.own--;
    notes.push(`${node.name}: ${largest.name} has one core less of its own, so that there are shared ones`);
  }
  const numaOf = new Map<string, number[]>();
  const cpusOf = new Map<string, number[]>();
  for (const { name, own } of [...wants].sort((a, b) => b.own - a.own)) {
    if (own === 0) continue;
    const ties = (at: number): number =>
      [...numaOf].filter(([, where]) => where.includes(at)).reduce((sum, [other]) => sum + between(name, other), 0);
    const fitting = [...free.keys()].filter((at) => free[at]!.length >= own);
    fitting.sort((a, b) => ties(b) - ties(a) || free[a]!.length - free[b]!.length || a - b);
    const places = fitting.length > 0 ? [fitting[0]!] : [...free.keys()].sort((a, b) => free[b]!.length - free[a]!.length);
    const cpus: number[] = [];
    const numa: number[] = [];
    for (const at of places) {
      const taken = free[at]!.splice(0, own - cpus.length);
      if (taken.length === 0) continue;
      cpus.push(...taken);
      numa.push(at);
    }
    if (numa.length > 1)
      notes.push(`${node.name}: ${name} is larger than a NUMA node has room for: its ${own} cores are in ${numa.length}`);
    cpusOf.set(name, cpus);
    numaOf.set(name, numa);
  }
  const shared = free.flat();
  const allotments = wants.map(({ name, own, cpu }): [string, Allotment] => {
    const mine = cpusOf.get(name) ?? [];
    const cpus = cpu > own + 1e-9 || own === 0 ? [...mine, ...shared] : mine;
    return [name, { cpus: formatCpuList(cpus), numa: node.numa.length > 1 ? (numaOf.get(name) ?? []) : [] }];
  });
  return { of: new Map(allotments), notes };
}
