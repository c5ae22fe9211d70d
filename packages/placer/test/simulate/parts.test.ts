import test from "ava";
import { Random } from "../../src/random.ts";
import { type Distribution, meanOf, samplerOf } from "../../src/simulate/distribution.ts";
import { childKey, Draws } from "../../src/simulate/draws.ts";
import { parseSeconds, secondsText } from "../../src/simulate/duration-text.ts";
import { nelderMead } from "../../src/simulate/nelder-mead.ts";
import { NextNode } from "../../src/simulate/next-node.ts";
import { routeShares } from "../../src/simulate/routing.ts";
import { TimeHeap } from "../../src/simulate/time-heap.ts";

test("TimeHeap gives times in order", (t) => {
  const [heap, random] = [new TimeHeap(), new Random(1)];
  const times = Array.from({ length: 5000 }, () => random.fraction());
  for (const [i, time] of times.entries()) heap.push(time, i);
  const order = Array.from({ length: 5000 }, () => heap.pop());
  t.deepEqual(
    order,
    [...times.keys()].toSorted((a, b) => times[a]! - times[b]!),
  );
  t.is(heap.firstTime, Number.POSITIVE_INFINITY);
});

test("NextNode knows the least of times that change", (t) => {
  const [next, random] = [new NextNode(17), new Random(2)];
  const times = Array.from({ length: 17 }, () => Number.POSITIVE_INFINITY);
  for (let i = 0; i < 3000; i++) {
    const node = random.bits() % 17;
    times[node] = random.bits() % 5 === 0 ? Number.POSITIVE_INFINITY : random.fraction();
    next.set(node, times[node]!);
    t.is(next.time, Math.min(...times));
    t.is(times[next.node], next.time);
  }
});

test("samplerOf() draws with the mean that meanOf() says, and the same numbers for the same key", (t) => {
  const laws: readonly Distribution[] = [
    { kind: "deterministic", mean: 2 },
    { kind: "exponential", mean: 2 },
    { kind: "lognormal", mean: 2, cv: 1 },
    { kind: "gamma", mean: 2, cv: 0.7 },
    { kind: "gamma", mean: 2, cv: 1.8 },
    { kind: "samples", values: [1, 1, 4] },
    {
      kind: "quantiles",
      points: [
        [0.1, 1],
        [0.5, 2],
        [0.9, 3],
      ],
    },
  ];
  const draws = new Draws();
  for (const law of laws) {
    const sample = samplerOf(law);
    const values = Array.from({ length: 40_000 }, (_, i) => sample(draws.at(childKey(7, i), 0)));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    t.true(Math.abs(mean / meanOf(law) - 1) < 0.03, `${law.kind} ${mean}`);
    t.is(sample(draws.at(childKey(7, 5), 0)), values[5]!);
    if ("cv" in law) {
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      t.true(Math.abs(Math.sqrt(variance) / mean / law.cv - 1) < 0.06, `${law.kind} ${Math.sqrt(variance) / mean}`);
    }
  }
});

test("routeShares() stays on the node as far as every replica of the callee still gets an even share", (t) => {
  const nodes = 4;
  const random = new Random(3);
  for (let i = 0; i < 200; i++) {
    const counts = (): number[] => Array.from({ length: nodes }, () => random.bits() % 4);
    const [callers, callees] = [counts(), counts()];
    const [from, to] = [callers, callees].map((all) => all.reduce((sum, count) => sum + count, 0)) as [number, number];
    if (from === 0 || to === 0) continue;
    const arrives = new Float64Array(nodes);
    for (let node = 0; node < nodes; node++) {
      if ((callers[node] ?? 0) === 0) continue;
      const shares = routeShares(callers, callees, node);
      t.true(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
      t.true(Math.abs((shares[node]! * callers[node]!) / from - Math.min(callers[node]! / from, callees[node]! / to)) < 1e-9);
      for (let m = 0; m < nodes; m++) arrives[m]! += (callers[node]! / from) * shares[m]!;
    }
    for (let m = 0; m < nodes; m++) t.true(Math.abs(arrives[m]! - callees[m]! / to) < 1e-9);
  }
});

test("nelderMead() finds the least of a bowl, and of Rosenbrock's valley", (t) => {
  const bowl = nelderMead(([x = 0, y = 0]) => (x - 1) ** 2 + 3 * (y + 2) ** 2, [0, 0], [0.5, 0.5], 200);
  t.true(Math.hypot(bowl.at[0]! - 1, bowl.at[1]! + 2) < 1e-3);
  const valley = nelderMead(([x = 0, y = 0]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2, [-1, 1], [0.5, 0.5], 1000);
  t.true(Math.hypot(valley.at[0]! - 1, valley.at[1]! - 1) < 1e-2);
});

test("secondsText() writes what parseSeconds() reads", (t) => {
  t.is(secondsText(0.00025), "250us");
  for (const seconds of [0, 1e-10, 3.3e-6, 0.00025, 0.0015, 0.999, 3, 86_400])
    t.true(Math.abs(parseSeconds(secondsText(seconds)) - seconds) <= 1e-6 * seconds);
});
