/** Walks through an order of moves one start and one stop at a time, steps of a wave in an order at random, and checks each moment. @module */
import type { MoveOrder } from "../../src/apply/move-order.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { compile } from "../../src/solve/compile.ts";

/** What was seen on the way. */
export interface Walk {
  /** Moments at which a node that a replica was started on held more than it has. */
  readonly over: readonly string[];
  /** Moments at which a must of affinity or anti-affinity within nodes was broken. */
  readonly broken: readonly string[];
  /** Services that ran at first, and at some moment did not. */
  readonly gone: readonly string[];
  /** Where everything runs at the end: each replica's nodes. */
  readonly end: Readonly<Record<string, string>>;
}

/** Random numbers, 0 to 1. [mulberry32] */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Walks `order` from the problem's present assignment. */
export function walk(problem: Problem, order: MoveOrder, seed: number): Walk {
  const next = random(seed);
  const { demand, resources, wholeCapacity } = compile(problem);
  const nodeAt = new Map(problem.nodes.map(({ name }, at) => [name, at]));
  const serviceOf = new Map(problem.services.flatMap(({ replicas }, at) => replicas.map((name) => [name, at] as const)));
  const on = new Map(problem.nodes.map(({ name }) => [name, new Set<string>()]));
  for (const [replica, node] of Object.entries(problem.assignment)) on.get(node)!.add(replica);
  const over: string[] = [];
  const broken: string[] = [];
  const gone = new Set<string>();
  const runs = () => new Set([...on.values()].flatMap((names) => [...names]).map((name) => serviceOf.get(name)!));
  const atFirst = runs();
  const rivals = problem.services.flatMap((service, s) =>
    service.antiAffinity
      .filter(({ weight, within }) => weight === null && within === "node")
      .map((rule) => [s, problem.services.findIndex(({ name }) => name === rule.service)] as const),
  );
  const pairs = problem.services.flatMap((service, s) =>
    service.affinity
      .filter(({ weight, within }) => weight === null && within === "node")
      .map((rule) => [s, problem.services.findIndex(({ name }) => name === rule.service)] as const),
  );
  const alone = (node: string, label: string): void => {
    const services = new Set([...on.get(node)!].map((name) => serviceOf.get(name)!));
    for (const [a, b] of pairs) if (services.has(a) && !services.has(b)) broken.push(`${label}: ${a} without ${b} on ${node}`);
  };
  const check = (node: string, label: string): void => {
    const m = nodeAt.get(node)!;
    const names = [...on.get(node)!];
    for (let r = 0; r < resources; r++) {
      const load = names.reduce((sum, name) => sum + demand[serviceOf.get(name)! * resources + r]!, 0);
      if (load > wholeCapacity[m * resources + r]! * (1 + 2e-9)) over.push(`${label}: ${node} holds ${load}`);
    }
    for (const [a, b] of rivals) {
      const as = names.filter((name) => serviceOf.get(name) === a);
      const bs = names.filter((name) => serviceOf.get(name) === b);
      if (a === b ? as.length > 1 : as.length > 0 && bs.length > 0) broken.push(`${label}: ${as} beside ${bs} on ${node}`);
    }
  };
  for (const [number, wave] of order.waves.entries()) {
    const left = wave.map((step): (() => void)[] => {
      const begin = (node: string) => () => {
        if (on.get(node)!.has(step.replica)) throw new Error(`${step.replica} is on ${node} already`);
        on.get(node)!.add(step.replica);
        check(node, `wave ${number}`);
        alone(node, `wave ${number}`);
      };
      const end = (node: string) => () => {
        if (!on.get(node)!.delete(step.replica)) throw new Error(`${step.replica} is not on ${node}`);
        alone(node, `wave ${number}`);
      };
      if (step.kind === "start") return [begin(step.to)];
      if (step.kind === "stop") return [end(step.from)];
      return [begin(step.to), end(step.from)];
    });
    while (left.length > 0) {
      const at = Math.floor(next() * left.length);
      left[at]!.shift()!();
      if (left[at]!.length === 0) left.splice(at, 1);
      if (problem.services.length < 50) {
        const now = runs();
        for (const service of atFirst) if (!now.has(service)) gone.add(problem.services[service]!.name);
      }
    }
  }
  const end: Record<string, string> = {};
  for (const [node, names] of on)
    for (const name of names) {
      if (end[name] !== undefined) throw new Error(`${name} runs twice at the end`);
      end[name] = node;
    }
  return { over, broken, gone: [...gone], end };
}
