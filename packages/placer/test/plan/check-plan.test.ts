import test from "ava";
import { checkPlan, keepsRules } from "../../src/plan/check-plan.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { compile } from "../../src/solve/compile.ts";
import { brokenShare, countsOf } from "../../src/solve/objective.ts";
import { node, problem, randomCase, service, shop, shopPlan } from "./fixture.ts";

const options = { maxUtilisation: 1, reserve: "requests", budget: null } as const;
const broken = (of: Problem, assignment: Record<string, string>, name: string, more: Partial<Parameters<typeof checkPlan>[2]> = {}) =>
  checkPlan(of, assignment, { ...options, ...more }).find((check) => check.name === name)?.broken;
const three = [node("n1", { zone: "a" }), node("n2", { zone: "a" }), node("n3", { zone: "b" }), node("n4")];

test("checkPlan() passes a good plan, check by check, and tells how many cases it looked at", (t) => {
  const checks = checkPlan(shop, shopPlan, { ...options, budget: { moves: 4, bytes: null } });
  t.deepEqual(
    checks.map(({ name, checked, broken: of }) => [name, checked, of.length]),
    [
      ["placed", 6, 0],
      ["capacity", 4, 0],
      ["nodes", 6, 0],
      ["pinned", 0, 0],
      ["affinity", 0, 0],
      ["anti-affinity", 0, 0],
      ["spread", 0, 0],
      ["budget", 1, 0],
      ["wishes", 0, 0],
    ],
  );
  t.true(keepsRules(checks));
});

test("checkPlan() names a replica that is missing, one on an unknown node, and one that the problem does not have", (t) => {
  const { "web-0": _, ...rest } = shopPlan;
  t.deepEqual(broken(shop, { ...rest, "db-0": "n9", ghost: "n1" }, "placed"), [
    "web-0 is on no node",
    "db-0 is on n9, which is not a node of the problem",
    "ghost is not a replica of the problem",
  ]);
});

test("checkPlan() takes replicas with names of Object's own for missing", (t) => {
  const odd = problem({ nodes: [node("n1")], services: [{ ...service("a", 0), replicas: ["constructor", "toString"] }] });
  t.deepEqual(broken(odd, {}, "placed"), ["constructor is on no node", "toString is on no node"]);
});

test("checkPlan() names node, resource and figures with units where capacity is exceeded", (t) => {
  const all = Object.fromEntries(Object.keys(shopPlan).map((replica) => [replica, "n1"]));
  t.deepEqual(broken(shop, all, "capacity"), ["n1: cpu: 6.5 cores reserved of 4 cores, 2.5 cores too much"]);
  t.deepEqual(broken(shop, shopPlan, "capacity", { maxUtilisation: 0.85 }), [
    "n1: cpu: 3.5 cores reserved of 3.4 cores (85 % of 4 cores), 0.1 cores too much",
  ]);
});

test("checkPlan() allows for rounding and for nothing more: 0.1 ten times fits into 1, one part in a million above does not", (t) => {
  const ten = (cpu: number): Problem =>
    problem({ nodes: [node("n1", { capacity: { cpu: 1 } })], services: [service("a", 10, { requests: { cpu } })] });
  const all = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`a-${at}`, "n1"]));
  t.deepEqual(broken(ten(0.1), all, "capacity"), []);
  t.is(broken(ten(0.1 * (1 + 1e-6)), all, "capacity")?.length, 1);
});

test("checkPlan() reserves what it is told to: the request, a measured figure, or the larger of both", (t) => {
  const demand = { cpu: { mean: 2, p50: 2, p95: 5, p99: 9 } };
  const one = problem({ nodes: [node("n1")], services: [service("a", 1, { requests: { cpu: 4 }, demand })] });
  const count = (reserve: "requests" | "mean" | "p95" | "p99" | "larger") => broken(one, { "a-0": "n1" }, "capacity", { reserve })?.length;
  t.deepEqual([count("requests"), count("mean"), count("p95"), count("p99"), count("larger")], [0, 0, 1, 1, 1]);
});

test("checkPlan() says by which rule a node is not allowed: name, selector, taint, or no domain to spread over", (t) => {
  const tainted = node("n3", { taints: [{ key: "gpu", value: "yes", effect: "NoExecute" }] });
  const of = (rest: Parameters<typeof service>[2]): Problem =>
    problem({ nodes: [node("n1"), node("n2"), tainted], services: [service("a", 1, rest)] });
  t.deepEqual(broken(of({ nodes: ["n1"] }), { "a-0": "n2" }, "nodes"), ["a-0 is on n2, which is not among the nodes of a"]);
  t.deepEqual(broken(of({ nodeSelector: [[{ key: "disk", operator: "In", values: ["ssd"] }]] }), { "a-0": "n2" }, "nodes"), [
    "a-0 is on n2, which does not match the node selector of a",
  ]);
  t.deepEqual(broken(of({}), { "a-0": "n3" }, "nodes"), ["a-0 is on n3, which has the taint gpu=yes:NoExecute, which a does not tolerate"]);
  t.deepEqual(broken(of({ tolerations: [{ key: "gpu", operator: "Exists", value: "", effect: null }] }), { "a-0": "n3" }, "nodes"), []);
  t.deepEqual(broken(of({ spread: [{ over: "zone", maxSkew: 1, weight: null }] }), { "a-0": "n1" }, "nodes"), [
    "a-0 is on n1, which has no zone, over which a must spread",
  ]);
});

test("checkPlan() holds pinned replicas to their node", (t) => {
  const pinned = problem({ nodes: three, services: [service("a", 2, { pinned: { "a-0": "n1" } })] });
  t.deepEqual(broken(pinned, { "a-0": "n2", "a-1": "n2" }, "pinned"), ["a-0 is pinned to n1 and is on n2"]);
  t.deepEqual(broken(pinned, { "a-1": "n2" }, "pinned"), ["a-0 is pinned to n1 and is nowhere"]);
});

test("checkPlan() wants replicas of an affinity in domains of the other service, of itself in one domain, and never on nodes without the label", (t) => {
  const of = (other: string): Problem =>
    problem({
      nodes: three,
      services: [service("a", 2, { affinity: [{ service: other, within: "zone", weight: null }] }), service("b", 1)],
    });
  t.deepEqual(broken(of("b"), { "a-0": "n1", "a-1": "n2", "b-0": "n1" }, "affinity"), []);
  t.deepEqual(broken(of("b"), { "a-0": "n1", "a-1": "n3", "b-0": "n1" }, "affinity"), ["1 replica of a on zone b, which has none of b"]);
  t.deepEqual(broken(of("b"), { "a-0": "n4", "a-1": "n1", "b-0": "n1" }, "affinity"), [
    "1 replica of a on nodes without a zone, so not beside b",
  ]);
  t.deepEqual(broken(of("a"), { "a-0": "n1", "a-1": "n2", "b-0": "n3" }, "affinity"), []);
  t.deepEqual(broken(of("a"), { "a-0": "n1", "a-1": "n3", "b-0": "n1" }, "affinity"), [
    "a is on 2 different zones, and must be within one",
  ]);
});

test("checkPlan() wants no domain with both of an anti-affinity, one replica a domain of itself, and leaves nodes without the label alone", (t) => {
  const of = (other: string): Problem =>
    problem({
      nodes: three,
      services: [service("a", 2, { antiAffinity: [{ service: other, within: "zone", weight: null }] }), service("b", 1)],
    });
  t.deepEqual(broken(of("b"), { "a-0": "n1", "a-1": "n4", "b-0": "n3" }, "anti-affinity"), []);
  t.deepEqual(broken(of("b"), { "a-0": "n1", "a-1": "n2", "b-0": "n2" }, "anti-affinity"), [
    "2 replicas of a on zone a beside 1 replica of b",
  ]);
  t.deepEqual(broken(of("a"), { "a-0": "n1", "a-1": "n2", "b-0": "n3" }, "anti-affinity"), [
    "2 replicas of a on zone a, where only one may be",
  ]);
  t.deepEqual(broken(of("a"), { "a-0": "n4", "a-1": "n4", "b-0": "n3" }, "anti-affinity"), []);
});

test("checkPlan() compares a spread's domains that have a node the service may run on, and no others", (t) => {
  const of = (nodes: readonly string[] | null): Problem =>
    problem({ nodes: three, services: [service("a", 2, { nodes, spread: [{ over: "zone", maxSkew: 1, weight: null }] })] });
  t.deepEqual(broken(of(null), { "a-0": "n1", "a-1": "n2" }, "spread"), ["a: 2 on zone a but 0 on zone b, and they may differ by 1"]);
  t.deepEqual(broken(of(["n1", "n2"]), { "a-0": "n1", "a-1": "n2" }, "spread"), []);
});

test("checkPlan() tells of wishes that gave way, and keepsRules() does not mind them", (t) => {
  const wish = problem({ nodes: three, services: [service("a", 2, { antiAffinity: [{ service: "a", within: "node", weight: 10 }] })] });
  const checks = checkPlan(wish, { "a-0": "n1", "a-1": "n1" }, options);
  t.deepEqual(checks.at(-1), { name: "wishes", checked: 1, broken: ["2 replicas of a on n1, where only one may be"] });
  t.true(keepsRules(checks));
  t.false(keepsRules(checkPlan(wish, { "a-0": "n1" }, options)));
});

test("checkPlan() counts moves and their bytes against the budget; replicas that run nowhere now are free", (t) => {
  t.deepEqual(broken(shop, shopPlan, "budget", { budget: { moves: 2, bytes: 999 } }), [
    "3 replicas move, and 2 may",
    "moves carry 1000 B, and may carry 999 B",
  ]);
  t.deepEqual(broken({ ...shop, assignment: {} }, shopPlan, "budget", { budget: { moves: 0, bytes: 0 } }), []);
});

test("checkPlan() agrees with solve/objective.ts on which rules hold, over 500 problems at random", (t) => {
  let rules = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const { problem: of, assignment } = randomCase(seed);
    const instance = compile(of);
    const index = new Map(of.nodes.map(({ name }, at) => [name, at]));
    const nodeOf = Int32Array.from(
      of.services.flatMap(({ replicas }) => replicas.map((replica) => index.get(assignment[replica] ?? "") ?? -1)),
    );
    // Of replicas that are nowhere the solver counts an affinity of a service with itself as broken; the judge says "placed" instead.
    if (nodeOf.includes(-1)) continue;
    const counts = countsOf(instance, nodeOf);
    for (const [kind, name] of [
      ["affinity", "affinity"],
      ["antiAffinity", "anti-affinity"],
      ["spread", "spread"],
    ] as const) {
      const musts = instance.rules.filter((rule) => rule.kind === kind && rule.weight === null);
      rules += musts.length;
      t.is(
        broken(of, assignment, name)!.length > 0,
        musts.some((rule) => brokenShare(instance, rule, counts) > 0),
        `seed ${seed}, ${name}`,
      );
    }
  }
  t.true(rules > 300);
});
