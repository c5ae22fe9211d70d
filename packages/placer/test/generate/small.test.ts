import test from "ava";
import { small } from "../../src/generate/small.ts";
import { compile } from "../../src/solve/compile.ts";
import { brokenShare, countsOf } from "../../src/solve/objective.ts";

test("small() draws 5 to 30 services on 2 to 4 nodes with a slack of 1.2 to 2, in every shape", (t) => {
  const shapes = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const { name, nodes, services, traffic } = small({ seed });
    shapes.add(name.split("-")[2]!);
    t.true(nodes.length >= 2 && nodes.length <= 4);
    t.true(services.length >= 5 && services.length <= 30);
    t.true(traffic.length > 0);
    const requested = services.reduce((sum, { requests, replicas }) => sum + requests.cpu! * replicas.length, 0);
    const slack = nodes.reduce((sum, { capacity }) => sum + capacity.cpu!, 0) / requested;
    t.true(slack > 1.19 && slack < 2.5, `seed ${seed}: ${slack}`);
    const known = new Set(services.map((service) => service.name));
    t.true(traffic.every(({ from, to }) => known.has(from) && known.has(to) && from !== to));
  }
  t.deepEqual([...shapes].sort(), ["hub", "layers", "random", "tree"]);
});

test("small() with rules has a placement that keeps all musts", (t) => {
  let rules = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const problem = small({ seed, rules: true });
    const instance = compile(problem);
    if (Object.keys(problem.assignment).length === 0) continue;
    const counts = countsOf(instance, instance.present);
    for (const rule of instance.rules) {
      if (rule.weight !== null) continue;
      rules++;
      t.is(brokenShare(instance, rule, counts), 0, `seed ${seed}`);
    }
    for (let replica = 0; replica < instance.replicas; replica++) {
      const m = instance.present[replica]!;
      t.is(instance.allowed[instance.serviceOf[replica]! * instance.nodes + m], 1, `seed ${seed}`);
      if (instance.pinned[replica]! >= 0) t.is(instance.pinned[replica], m);
    }
  }
  t.true(rules > 100, String(rules));
});

test("small() is the same for the same seed", (t) => {
  t.deepEqual(small({ seed: 3, rules: true }), small({ seed: 3, rules: true }));
});

test("small() takes nodes, services and the share that is requested", (t) => {
  const { nodes, services } = small({ seed: 7, nodes: 3, services: 12, requested: 0.5 });
  t.is(nodes.length, 3);
  t.is(services.length, 12);
});
