/** A clash in people's words, with names and figures. @module */
import { formatQuantity } from "../plan/quantity.ts";
import type { Instance, Rule } from "../solve/instance.ts";
import { refusal } from "../solve/node-match.ts";
import type { Constraint } from "./constraint.ts";

/** More names than this are counted instead. */
const mostNames = 5;

/**
 * A line for each constraint; services and nodes beyond a few are summed up.
 *
 * @example
 * ```ts
 * clashWords(instance, clash); // ["web: 3 replicas of 4 cores", "node n1: 8 cores"]
 * ```
 */
export function clashWords(instance: Instance, clash: readonly Constraint[]): string[] {
  const { problem, resources, demand, capacity, firstReplica } = instance;
  const of = <K extends Constraint["kind"]>(kind: K): Extract<Constraint, { kind: K }>[] =>
    clash.filter((one): one is Extract<Constraint, { kind: K }> => one.kind === kind);
  const name = (service: number): string => problem.services[service]!.name;
  const count = (service: number): number => firstReplica[service + 1]! - firstReplica[service]!;
  const quantity = (value: number, r: number): string => formatQuantity(value, problem.resources[r]!.unit);
  const called = (value: number, r: number): string => {
    const { name, unit } = problem.resources[r]!;
    const text = quantity(value, r);
    return unit === "cores" ? text : `${text} ${name}`;
  };
  const full = [...new Set(of("capacity").map(({ resource }) => resource))];
  const placed = of("placement").map(({ service }) => service);
  const lines: string[] = [];
  if (placed.length > mostNames) {
    const sums = full.map((r) =>
      called(
        sum(placed, (s) => demand[s * resources + r]! * count(s)),
        r,
      ),
    );
    const who = placed.length === instance.services ? `all ${placed.length} services` : `services ${some(placed.map(name))}`;
    lines.push(`${who}: ${sum(placed, count)} replicas${sums.length > 0 ? `, which request ${sums.join(" and ")} together` : ""}`);
  } else {
    for (const s of placed) {
      const sizes = full.filter((r) => demand[s * resources + r]! > 0).map((r) => called(demand[s * resources + r]!, r));
      const replicas = `${count(s)} ${count(s) === 1 ? "replica" : "replicas"}`;
      lines.push(`${name(s)}: ${replicas}${sizes.length > 0 ? ` of ${sizes.join(" and ")}` : ""}`);
    }
  }
  for (const r of full) {
    const nodes = of("capacity").flatMap(({ node, resource }) => (resource === r ? [node] : []));
    const has = (m: number): number => capacity[m * resources + r]!;
    if (nodes.length > mostNames) {
      const who = nodes.length === instance.nodes ? `all ${nodes.length} nodes` : `nodes ${some(nodes.map((m) => problem.nodes[m]!.name))}`;
      lines.push(`${who}: ${called(sum(nodes, has), r)} together`);
    } else for (const m of nodes) lines.push(`node ${problem.nodes[m]!.name}: ${called(has(m), r)}`);
  }
  const choosy = of("nodes").map(({ service }) => service);
  if (choosy.length > mostNames) lines.push(`services ${some(choosy.map(name))}: the nodes they may run on`);
  else for (const s of choosy) lines.push(mayRunOn(instance, s));
  for (const { service } of of("pinned")) {
    const pins = Object.entries(problem.services[service]!.pinned).map(([replica, node]) => `${replica} on ${node}`);
    lines.push(`${name(service)}: pinned, ${some(pins)}`);
  }
  for (const { rule } of of("rule")) lines.push(ruleWords(instance, instance.rules[rule]!));
  return lines;
}

function mayRunOn({ problem }: Instance, s: number): string {
  const service = problem.services[s]!;
  const may: string[] = [];
  const refused = new Map<string, string[]>();
  for (const node of problem.nodes) {
    const reason = refusal(service, node);
    if (reason === null) may.push(node.name);
    else refused.set(reason, [...(refused.get(reason) ?? []), node.name]);
  }
  const reasons = [...refused].map(([reason, nodes]) => `${reason}: ${some(nodes)}`).join("; ");
  return `${service.name} may run on ${may.length === 0 ? "no node" : `${some(may, "or")} only`} (${reasons})`;
}

function ruleWords({ problem, topologies }: Instance, rule: Rule): string {
  const service = problem.services[rule.service]!.name;
  const within = topologies[rule.topology]!.name;
  const one = within === "node" ? "on one node" : within === "zone" ? "in one zone" : `within one ${within}`;
  if (rule.kind === "spread") {
    const over = within === "node" ? "nodes" : within === "zone" ? "zones" : `values of ${within}`;
    return `${service}: spread over ${over}, which may differ by ${rule.maxSkew}${within === "node" ? "" : "; not where it is missing"}`;
  }
  const other = problem.services[rule.other]!.name;
  if (rule.service === rule.other)
    return rule.kind === "affinity" ? `${service}: all replicas ${one}` : `${service}: no two replicas ${one}`;
  return rule.kind === "affinity" ? `${service}: each replica ${one} with ${other}` : `${service} and ${other}: never ${one}`;
}

function some(names: readonly string[], word = "and"): string {
  if (names.length > mostNames) return `${names.slice(0, mostNames - 1).join(", ")} ${word} ${names.length - mostNames + 1} more`;
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${word} ${names.at(-1)}`;
}

function sum(all: readonly number[], of: (one: number) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
