import { readFileSync } from "node:fs";
import test from "ava";
import { socialNetwork } from "../../src/generate/social-network.ts";
import { buildProblem } from "../../src/problem/build-problem.ts";
import { deploy } from "../../src/simulate/deployment.ts";
import { simulate } from "../../src/simulate/engine.ts";
import { offeredLoad } from "../../src/simulate/offered-load.ts";
import { parseModel } from "../../src/simulate/parse-model.ts";
import { compile } from "../../src/solve/compile.ts";
import { evaluate } from "../../src/solve/objective.ts";

const file = new URL("../corpus/simulate/social-network.yaml", import.meta.url);
const model = parseModel(readFileSync(file, "utf8"), "social-network.yaml");
const problem = socialNetwork({ rate: 1000 });
const names = problem.services.map(({ name }) => name);

/** As mitsu places: each path that most requests take is on a node. */
const groups: Readonly<Record<string, readonly string[]>> = {
  n1: ["nginx-thrift", "home-timeline-service", "home-timeline-redis", "media-frontend"],
  n2: ["post-storage-service", "post-storage-memcached", "post-storage-mongodb", "jaeger-agent"],
  n3: [
    "user-timeline-service",
    "user-timeline-redis",
    "user-timeline-mongodb",
    "social-graph-service",
    "social-graph-redis",
    "social-graph-mongodb",
  ],
};
const together = Object.fromEntries(
  names.map((name) => [`${name}-0`, Object.keys(groups).find((node) => groups[node]!.includes(name)) ?? "n4"]),
);
/** One after the other over all nodes, as a scheduler that looks at requests only does. */
const spread = Object.fromEntries(names.map((name, n) => [`${name}-0`, `n${(n % 4) + 1}`]));

test("the model of the social network has the 27 components of the problem that generate makes, and asks as much CPU of them", (t) => {
  t.is(model.services.length, 27);
  t.deepEqual(model.services.map(({ name }) => name).toSorted(), names.toSorted());
  const load = offeredLoad(
    deploy({ ...model, costs: { local: { message: 0, byte: 0 }, remote: { message: 0, byte: 0 } } }, problem, spread),
  );
  for (const [s, { name }] of model.services.entries()) {
    // What is requested has a quarter of headroom, and a tenth of a core at least.
    const { requests } = problem.services.find((service) => service.name === name)!;
    const asked = 1000 * load.serviceCpu[s]! * 1.25;
    if (requests.cpu! > 0.1) t.true(Math.abs(asked / requests.cpu! - 1) < 0.03, `${name}: ${asked}, ${requests.cpu}`);
  }
});

test("simulate() answers faster, at every rate, where services that talk are together than where they are spread", (t) => {
  const [near, far] = [deploy(model, problem, together), deploy(model, problem, spread)];
  t.true(offeredLoad(near).onNode > 0.5 && offeredLoad(far).onNode < 0.35, `${offeredLoad(near).onNode}, ${offeredLoad(far).onNode}`);
  for (const rate of [200, 600, 1000]) {
    const options = { rate, seconds: 6, warmUp: 1, seed: 1 };
    const [one, other] = [simulate(near, options), simulate(far, options)];
    t.is(one.saturated, null);
    t.is(other.saturated, null);
    for (const figure of ["mean", "p50"] as const)
      t.true(
        one.response![figure] < 0.97 * other.response![figure],
        `${rate}/s ${figure}: ${one.response![figure]} against ${other.response![figure]}`,
      );
  }
});

test("offeredLoad() keeps as many calls on their nodes as a plan's onNode says, whatever the numbers of replicas", (t) => {
  const chain = parseModel(
    `{version: 1, services: {a: {workers: 4}, b: {workers: 4}}, operations: {a: {service: a, cpu: {exponential: 1ms}, steps: [[{call: b}]]}, b: {service: b, cpu: {exponential: 1ms}}}, requests: {r: {share: 1, call: a}}}`,
    "m",
  );
  const nodes = ["n1", "n2", "n3"];
  for (let seed = 1; seed <= 30; seed++) {
    const [a, b] = [1 + (seed % 4), 1 + (seed % 5)];
    const parts = {
      nodes: nodes.map((name) => ({ name, capacity: { cpu: 8 } })),
      services: [
        { name: "a", replicas: a },
        { name: "b", replicas: b },
      ],
    };
    const both = buildProblem({ ...parts, traffic: [{ from: "a", to: "b", messagesPerSecond: 100 }] });
    const nodeOf = Int32Array.from({ length: a + b }, (_, r) => (r * seed + (seed >> 2)) % 3);
    const replicas = both.services.flatMap((service) => service.replicas);
    const assignment = Object.fromEntries(replicas.map((replica, r) => [replica, nodes[nodeOf[r]!]!]));
    const { onNode } = evaluate(compile(both), nodeOf, 0.05);
    t.true(Math.abs(offeredLoad(deploy(chain, both, assignment)).onNode - onNode) < 1e-9, `seed ${seed}`);
  }
});
