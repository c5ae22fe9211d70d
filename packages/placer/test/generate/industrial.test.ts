import test from "ava";
import { huge } from "../../src/generate/huge.ts";
import { industrial } from "../../src/generate/industrial.ts";
import { compile } from "../../src/solve/compile.ts";
import { evaluate } from "../../src/solve/objective.ts";

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

for (const seed of [1, 2, 3, 4, 5]) {
  test(`industrial() with seed ${seed} has the size, the load and the skew that issue 6 asks for`, (t) => {
    const problem = industrial({ seed });
    const { nodes, services, traffic } = problem;
    t.is(nodes.length, 96);
    t.is(services.length, 550);
    const replicas = sum(services.map((service) => service.replicas.length));
    t.true(replicas > 3400 && replicas < 3600, String(replicas));
    t.true(traffic.length > 330 && traffic.length <= 350, String(traffic.length));
    for (const resource of ["cpu", "memory"]) {
      t.true(Math.abs(sum(nodes.map(({ capacity }) => capacity[resource]!)) - 1) < 1e-9, `${resource} of the cluster is 1`);
    }
    t.is(new Set(nodes.map(({ capacity }) => capacity.cpu!.toFixed(9))).size, 3, "three sizes");
    const requested = (resource: string): number => sum(services.map(({ requests, replicas: all }) => requests[resource]! * all.length));
    t.true(Math.abs(requested("cpu") - 0.88) < 0.001);
    t.true(requested("memory") > 0.58 && requested("memory") < 0.77);
    const counts = services.map((service) => service.replicas.length).sort((a, b) => b - a);
    t.true(counts[0]! > 20 * counts[275]!, "replicas have a heavy tail");
    const weights = traffic.map(({ messagesPerSecond }) => messagesPerSecond).sort((a, b) => b - a);
    t.true(sum(weights.slice(0, 35)) > 0.5 * sum(weights), "a tenth of the pairs make more than half of the traffic");
    t.true(services.some((service) => service.nodes !== null));
  });

  test(`industrial() with seed ${seed} has a present assignment within capacity that keeps little traffic on a node`, (t) => {
    const instance = compile(industrial({ seed }));
    const { present, serviceOf, demand, capacity, allowed, nodes, replicas } = instance;
    const used = new Float64Array(nodes * 2);
    for (let replica = 0; replica < replicas; replica++) {
      const s = serviceOf[replica]!;
      const m = present[replica]!;
      if (m < 0 || allowed[s * nodes + m] !== 1) t.fail(`replica ${replica} on node ${m}`);
      for (let r = 0; r < 2; r++) used[m * 2 + r]! += demand[s * 2 + r]!;
    }
    t.true(used.every((value, at) => value <= capacity[at]!));
    const { onNode } = evaluate(instance, present, 0);
    t.true(onNode > 0.03 && onNode < 0.2, String(onNode));
  });
}

test("industrial() is the same for the same seed and differs for another", (t) => {
  t.deepEqual(industrial({ seed: 8 }), industrial({ seed: 8 }));
  t.notDeepEqual(industrial({ seed: 8 }).traffic, industrial({ seed: 9 }).traffic);
});

test("industrial() throws ERR_GENERATE_FULL when what is requested cannot be placed", (t) => {
  t.throws(() => industrial({ nodes: 3, services: 9, replicas: 12, requested: 0.999 }), { code: "ERR_GENERATE_FULL" });
});

test("huge() in a tenth of its size keeps services to sizes of nodes by selector, and replicas within them", (t) => {
  const problem = huge({ nodes: 200 });
  const instance = compile(problem);
  t.is(instance.replicas > 9_800 && instance.replicas < 10_200, true);
  t.true(problem.services.every((service) => service.nodes === null));
  t.true(problem.services.some(({ nodeSelector }) => nodeSelector.length > 0));
  for (let replica = 0; replica < instance.replicas; replica++) {
    if (instance.allowed[instance.serviceOf[replica]! * instance.nodes + instance.present[replica]!] !== 1) t.fail(`replica ${replica}`);
  }
});
