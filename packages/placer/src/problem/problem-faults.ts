/** What is wrong with a problem as a whole: names given twice, references to nothing, rules that cannot be meant. @module */
import { type FieldPath, type Finding, show } from "@mitsu/catalog/document";
import { didYouMean } from "@mitsu/cli";
import { refusal } from "../solve/node-match.ts";
import { affinityCycles } from "./affinity-cycle.ts";
import { isName } from "./name-form.ts";
import type { NodeSpec, Problem, ServiceSpec } from "./problem.ts";

/** Suggestions cost time in proportion to all names; nobody reads more of them. */
const mostSuggestions = 40;

/** Names of one kind, and whether one is known. */
class Names {
  readonly known = new Map<string, string>();
  readonly kind: string;
  readonly findings: Finding[];

  constructor(kind: string, findings: Finding[]) {
    this.kind = kind;
    this.findings = findings;
  }

  /** @param where What has the name, for the second that asks for it. */
  add(name: string, where: string, path: FieldPath): void {
    if (name === "") return;
    if (!isName(name))
      this.fault(
        path,
        "value",
        `${show(name)} cannot be the name of a ${this.kind}; use 1 to 253 characters, without control characters and spaces around them`,
      );
    const first = this.known.get(name);
    if (first === undefined) this.known.set(name, where);
    else this.fault(path, "value", `${this.kind} ${JSON.stringify(name)} is given twice, first as ${first}; names are unique`);
  }

  /** Finds fault with a name that stands for nothing. */
  need(name: string, path: FieldPath, at: "key" | "value" = "value"): boolean {
    if (name === "" || this.known.has(name)) return true;
    const near = this.findings.length < mostSuggestions ? didYouMean(name, [...this.known.keys()]) : undefined;
    this.fault(
      path,
      at,
      `unknown ${this.kind} ${JSON.stringify(name)}; ${near === undefined ? `name a ${this.kind} of this file` : `did you mean ${JSON.stringify(near)}?`}`,
    );
    return false;
  }

  private fault(path: FieldPath, at: "key" | "value", message: string): void {
    this.findings.push({ path, at, message });
  }
}

/** Lists the faults of a problem, with paths as in its file; none when it can be solved or is known to have no solution. */
export function problemFaults(problem: Problem): Finding[] {
  const findings: Finding[] = [];
  const fault = (path: FieldPath, message: string) => findings.push({ path, at: "value", message });
  const nodes = new Names("node", findings);
  const services = new Names("service", findings);
  const replicas = new Names("replica", findings);
  const nodeOf = new Map<string, NodeSpec>();
  if (problem.nodes.length === 0) fault(["nodes"], "is empty; give at least one node");
  if (problem.services.length === 0) fault(["services"], "is empty; give at least one service");
  for (const [index, node] of problem.nodes.entries()) {
    nodes.add(node.name, `nodes[${index}]`, ["nodes", index, "name"]);
    nodeOf.set(node.name, node);
  }
  for (const [index, service] of problem.services.entries()) {
    const path = ["services", index];
    services.add(service.name, `services[${index}]`, [...path, "name"]);
    if (service.replicas.length === 0) fault([...path, "replicas"], "is empty; give at least one replica");
    // Replicas of a service that is given twice are, too: one message is enough.
    if (services.known.get(service.name) === `services[${index}]`)
      for (const [at, replica] of service.replicas.entries())
        replicas.add(replica, `a replica of ${service.name}`, [...path, "replicas", at]);
  }
  for (const [index, service] of problem.services.entries()) {
    serviceFaults(service, ["services", index], { nodes, services, nodeOf, findings });
  }
  const pairs = new Map<string, number>();
  for (const [index, { from, to }] of problem.traffic.entries()) {
    const path = ["traffic", index];
    const known = [services.need(from, [...path, "from"]), services.need(to, [...path, "to"])].every(Boolean);
    const pair = JSON.stringify([from, to]);
    const first = pairs.get(pair);
    if (first === undefined) pairs.set(pair, index);
    else if (known && from !== "" && to !== "")
      fault(path, `traffic from ${from} to ${to} is given twice, first as traffic[${first}]; add them up`);
  }
  for (const [replica, node] of Object.entries(problem.assignment)) {
    replicas.need(replica, ["assignment", replica], "key");
    nodes.need(node, ["assignment", replica]);
  }
  for (const { path, names } of affinityCycles(problem)) {
    fault(path, `affinity goes round in a circle: ${names.join(" → ")}; leave one out, or give it a weight`);
  }
  return findings;
}

interface Known {
  readonly nodes: Names;
  readonly services: Names;
  readonly nodeOf: ReadonlyMap<string, NodeSpec>;
  readonly findings: Finding[];
}

function serviceFaults(service: ServiceSpec, path: FieldPath, { nodes, services, nodeOf, findings }: Known): void {
  if (service.nodes?.length === 0)
    findings.push({ path: [...path, "nodes"], at: "value", message: "is empty, so no node is left; name some, or leave it out for all" });
  for (const [at, name] of (service.nodes ?? []).entries()) nodes.need(name, [...path, "nodes", at]);
  for (const kind of ["affinity", "antiAffinity"] as const)
    for (const [at, rule] of service[kind].entries()) services.need(rule.service, [...path, kind, at, "service"]);
  const pinned = Object.entries(service.pinned);
  if (pinned.length === 0) return;
  const own = new Set(service.replicas);
  for (const [replica, name] of pinned) {
    const place = [...path, "pinned", replica];
    if (!own.has(replica)) {
      const near = findings.length < mostSuggestions ? didYouMean(replica, service.replicas) : undefined;
      const meant =
        near === undefined
          ? `its replicas are ${service.replicas.slice(0, 3).join(", ")}${own.size > 3 ? ", …" : ""}`
          : `did you mean ${JSON.stringify(near)}?`;
      findings.push({ path: place, at: "key", message: `${JSON.stringify(replica)} is no replica of ${service.name}; ${meant}` });
    }
    const node = nodeOf.get(name);
    if (!nodes.need(name, place) || !node) continue;
    const why = refusal(service, node);
    if (why !== null) findings.push({ path: place, at: "value", message: `${replica} may not run on ${name}: ${why}; pin it elsewhere` });
  }
}
