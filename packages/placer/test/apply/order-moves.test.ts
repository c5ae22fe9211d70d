import test from "ava";
import fc from "fast-check";
import { orderMoves } from "../../src/apply/order-moves.ts";
import { buildProblem, type ServiceParts } from "../../src/problem/build-problem.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { compile } from "../../src/solve/compile.ts";
import { walk } from "./walk.ts";

/** Orders the moves of a problem to an assignment. */
function order(problem: Problem, assignment: Readonly<Record<string, string>>) {
  const nodes = problem.nodes.map(({ name }) => name);
  const replicas = problem.services.flatMap((service) => service.replicas);
  return orderMoves(
    compile(problem),
    Int32Array.from(replicas, (name) => (assignment[name] === undefined ? -1 : nodes.indexOf(assignment[name]))),
  );
}

/** Nodes of `cpu` cores each. */
function cluster(cores: readonly number[], services: readonly ServiceParts[], assignment: Readonly<Record<string, string>>): Problem {
  return buildProblem({ nodes: cores.map((cpu, at) => ({ name: `n${at + 1}`, capacity: { cpu } })), services, assignment });
}

const one = (name: string, more: Partial<ServiceParts> = {}): ServiceParts => ({ name, replicas: [name], requests: { cpu: 1 }, ...more });

test("orderMoves() moves in one wave what has room", (t) => {
  const problem = cluster([2, 2], [one("a"), one("b")], { a: "n1", b: "n1" });
  t.deepEqual(order(problem, { a: "n2", b: "n1" }).waves, [[{ kind: "move", replica: "a", from: "n1", to: "n2", hop: false, breaks: [] }]]);
});

test("orderMoves() waits for room that another move makes", (t) => {
  const problem = cluster([1.5, 1.5, 1.5], [one("a"), one("b")], { a: "n1", b: "n2" });
  const { waves, hops, pauses } = order(problem, { a: "n2", b: "n3" });
  t.deepEqual(
    waves.map((wave) => wave.map(({ replica }) => replica)),
    [["b"], ["a"]],
  );
  t.is(hops + pauses, 0);
});

test("orderMoves() breaks a swap on full nodes by a hop to a node with room", (t) => {
  const problem = cluster([1.5, 1.5, 1.5], [one("a"), one("b")], { a: "n1", b: "n2" });
  const found = order(problem, { a: "n2", b: "n1" });
  t.is(found.hops, 1);
  t.is(found.pauses, 0);
  const walked = walk(problem, found, 1);
  t.deepEqual(walked.end, { a: "n2", b: "n1" });
  t.deepEqual([walked.over, walked.gone], [[], []]);
});

test("orderMoves() stops the replica with the least traffic when no node has room, and says so", (t) => {
  const services = [one("a"), { name: "b", replicas: 2, requests: { cpu: 1 } }, { name: "c", replicas: 2, requests: { cpu: 1 } }];
  const problem: Problem = {
    ...cluster([2, 3], services, { a: "n2", "b-0": "n1", "c-0": "n1", "b-1": "n2", "c-1": "n2" }),
    traffic: [
      { from: "a", to: "b", messagesPerSecond: 1000, bytesPerSecond: 0, sources: [] },
      { from: "a", to: "c", messagesPerSecond: 10, bytesPerSecond: 0, sources: [] },
    ],
  };
  const plan = { a: "n2", "b-0": "n2", "c-0": "n1", "b-1": "n2", "c-1": "n1" };
  const found = order(problem, plan);
  t.is(found.pauses, 1);
  t.deepEqual(found.waves[0], [{ kind: "stop", replica: "c-1", from: "n2", pause: true, breaks: [] }]);
  t.regex(found.notes.join("\n"), /no node has room for c-1 for a moment: it is stopped before it is started again; 1 of c run on/);
  t.deepEqual(walk(problem, found, 1).gone, []);
  t.deepEqual(walk(problem, found, 1).end, plan);
});

test("orderMoves() stops a service's last replica only when there is no other way, and says so", (t) => {
  const problem = cluster([1.5, 1.5], [one("a"), one("b")], { a: "n1", b: "n2" });
  const found = order(problem, { a: "n2", b: "n1" });
  t.is(found.pauses, 1);
  t.regex(found.notes[0]!, /no replica of a runs meanwhile/);
  t.deepEqual(walk(problem, found, 1).over, []);
});

test("orderMoves() starts what runs nowhere, and leaves alone what the plan does not have", (t) => {
  const problem = cluster([2, 2], [one("a"), one("b")], { b: "n1" });
  const found = order(problem, { a: "n1" });
  t.deepEqual(found.waves, [[{ kind: "start", replica: "a", to: "n1", breaks: [] }]]);
  t.deepEqual(found.leftAlone, ["b"]);
  t.is(found.starts, 1);
});

test("orderMoves() keeps a must of anti-affinity on the way, by waiting or by a hop", (t) => {
  const apart = one("a", { antiAffinity: [{ service: "b", within: "node", weight: null }] });
  const wait = cluster([4, 4, 4], [apart, one("b")], { a: "n1", b: "n2" });
  t.deepEqual(
    order(wait, { a: "n2", b: "n3" }).waves.map((wave) => wave.map(({ replica }) => replica)),
    [["b"], ["a"]],
  );
  const swapped = order(wait, { a: "n2", b: "n1" });
  t.is(swapped.hops, 1);
  t.deepEqual(walk(wait, swapped, 1).broken, []);
});

test("orderMoves() breaks a must for a moment rather than stop a service, and says which", (t) => {
  const apart = one("a", { antiAffinity: [{ service: "b", within: "node", weight: null }] });
  const problem = cluster([4, 4], [apart, one("b")], { a: "n1", b: "n2" });
  const found = order(problem, { a: "n2", b: "n1" });
  t.is(found.pauses, 0);
  t.deepEqual(
    found.waves.flat().flatMap(({ breaks }) => breaks),
    ["anti-affinity of a to b within node is broken for a moment when b arrives on n1"],
  );
});

test("orderMoves() lets a replica run on both ends while others must be beside it", (t) => {
  const beside = one("web", { affinity: [{ service: "cache", within: "node", weight: null }] });
  const problem = cluster([4, 4], [beside, one("cache")], { web: "n1", cache: "n1" });
  t.deepEqual(order(problem, { web: "n2", cache: "n2" }).waves, [
    [{ kind: "start", replica: "cache", to: "n2", breaks: [] }],
    [{ kind: "move", replica: "web", from: "n1", to: "n2", hop: false, breaks: [] }],
    [{ kind: "stop", replica: "cache", from: "n1", pause: false, breaks: [] }],
  ]);
});

test("orderMoves() never hops a pinned replica, nor to a node that is not allowed", (t) => {
  const services = [one("a", { pinned: { a: "n2" } }), one("b", { nodes: ["n1", "n2"] })];
  const problem = cluster([1.5, 1.5, 1.5], services, { a: "n1", b: "n2" });
  const found = order(problem, { a: "n2", b: "n1" });
  t.is(found.hops, 0);
  t.is(found.pauses, 1);
});

test("orderMoves() keeps a must of spread on the way where it can", (t) => {
  const services = [{ name: "a", replicas: 2, requests: { cpu: 1 }, spread: [{ over: "node", maxSkew: 1, weight: null }] }];
  const problem = cluster([2, 2], services, { "a-0": "n1", "a-1": "n2" });
  const found = order(problem, { "a-0": "n2", "a-1": "n1" });
  t.true(found.waves.every((wave) => wave.length === 1));
  t.deepEqual(walk(problem, found, 3).end, { "a-0": "n2", "a-1": "n1" });
});

test("orderMoves() refuses a plan that puts more on a node than it has", (t) => {
  const problem = cluster([4, 1], [one("a"), one("b")], { a: "n1", b: "n1" });
  const error = t.throws(() => order(problem, { a: "n2", b: "n2" }), { code: "ERR_PLACER_OVER_CAPACITY" });
  t.is(error?.message, "the plan puts 200 % of its cpu on node n2");
});

test("orderMoves() empties a node that is over its capacity before anything starts there", (t) => {
  const problem = cluster([1, 3], [one("a"), one("b"), one("c")], { a: "n1", b: "n1", c: "n2" });
  const found = order(problem, { a: "n2", b: "n2", c: "n1" });
  t.deepEqual(walk(problem, found, 1).over, []);
  t.deepEqual(walk(problem, found, 1).end, { a: "n2", b: "n2", c: "n1" });
});

/** Problems whose present and planned placement both fit; nodes are often filled to the brim. */
const swaps = fc
  .record({
    nodes: fc.integer({ min: 2, max: 6 }),
    services: fc.array(
      fc.record({
        replicas: fc.integer({ min: 1, max: 4 }),
        cpu: fc.integer({ min: 1, max: 4 }),
        memory: fc.integer({ min: 1, max: 4 }),
        apart: fc.boolean(),
        follows: fc.boolean(),
        spread: fc.boolean(),
      }),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
    slack: fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 20 })), { minLength: 6, maxLength: 6 }),
    seed: fc.integer(),
    places: fc.infiniteStream(fc.nat({ max: 5 })),
  })
  .map(({ nodes, services, slack, seed, places }) => {
    const leader = (at: number): number => (at > 0 && services[at]!.follows ? leader(at - 1) : at);
    const parts = services.map(({ cpu, memory, apart, spread }, at) => ({
      name: `s${at}`,
      replicas: Math.min(services[leader(at)]!.replicas, nodes),
      requests: { cpu, memory },
      antiAffinity: apart ? [{ service: `s${at}`, within: "node", weight: null }] : [],
      // Those that follow stand beside the one before, now and in the plan.
      affinity: leader(at) === at ? [] : [{ service: `s${at - 1}`, within: "node", weight: null }],
      spread: spread ? [{ over: "node", maxSkew: 1, weight: null }] : [],
    }));
    const pick = () => places.next().value % nodes;
    const place = (): Record<string, string> => {
      const firsts = parts.map(pick);
      return Object.fromEntries(
        parts.flatMap(({ name, replicas }, at) => {
          const first = firsts[leader(at)]!;
          return Array.from({ length: replicas }, (_, k) => [`${name}-${k}`, `n${((first + k) % nodes) + 1}`]);
        }),
      );
    };
    const from = place();
    const to = place();
    const need = (where: Record<string, string>, node: string, resource: "cpu" | "memory") =>
      parts.reduce(
        (sum, { name, requests }) =>
          sum + requests[resource] * Object.keys(where).filter((one) => one.startsWith(`${name}-`) && where[one] === node).length,
        0,
      );
    const problem = buildProblem({
      nodes: Array.from({ length: nodes }, (_, at) => {
        const node = `n${at + 1}`;
        const most = (resource: "cpu" | "memory") => Math.max(need(from, node, resource), need(to, node, resource)) + slack[at]!;
        return { name: node, capacity: { cpu: most("cpu"), memory: most("memory") } };
      }),
      services: parts,
      assignment: from,
    });
    return { problem, to, seed };
  });

test("orderMoves() never exceeds a capacity at any moment, breaks no rule unsaid, and ends at the plan", (t) => {
  let hops = 0;
  let pauses = 0;
  let rulesBroken = 0;
  fc.assert(
    fc.property(swaps, ({ problem, to, seed }) => {
      const found = order(problem, to);
      hops += found.hops;
      pauses += found.pauses;
      const { over, broken, gone, end } = walk(problem, found, seed);
      const said = found.waves.flat().some(({ breaks }) => breaks.length > 0);
      const saidGone = found.notes.filter((note) => note.includes("runs meanwhile")).length;
      const faults = [...over, ...(said ? [] : broken), ...(gone.length <= saidGone ? [] : gone.map((name) => `${name} was gone`))];
      if (faults.length > 0) throw new Error(faults.join("\n"));
      if (said) rulesBroken++;
      return JSON.stringify(Object.entries(end).sort()) === JSON.stringify(Object.entries(to).sort());
    }),
    { seed: 1, numRuns: 1500 },
  );
  t.log(`1500 problems: ${hops} hops, ${pauses} pauses, a must broken for a moment in ${rulesBroken}`);
  t.true(hops > 20 && pauses > 20, `the problems must be hard enough: ${hops} hops, ${pauses} pauses`);
});

test("orderMoves() orders 3 500 replicas on full nodes within seconds, without stopping any", (t) => {
  const nodes = 100;
  const services = Array.from({ length: 500 }, (_, at) => ({ name: `s${at}`, replicas: 7, requests: { cpu: 1 } }));
  const at = (replica: number, step: number) => `n${((replica * step + (step > 1 ? 31 : 0)) % nodes) + 1}`;
  const names = services.flatMap(({ name }) => Array.from({ length: 7 }, (_, k) => `${name}-${k}`));
  // Each node is full before and after; one more node has room for one replica.
  const problem = cluster(
    [...Array.from({ length: nodes }, () => 35), 1.5],
    services,
    Object.fromEntries(names.map((name, k) => [name, at(k, 1)])),
  );
  const plan = Object.fromEntries(names.map((name, k) => [name, at(k, 3)]));
  const began = performance.now();
  const found = order(problem, plan);
  const seconds = (performance.now() - began) / 1000;
  t.log(`${found.moves} moves, ${found.hops} hops, ${found.waves.length} waves, ${seconds.toFixed(2)} s`);
  t.true(seconds < 10);
  t.is(found.pauses, 0);
  const { over, end } = walk(problem, found, 1);
  t.deepEqual(over, []);
  t.deepEqual(end, plan);
});
