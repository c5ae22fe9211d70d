import { Random } from "@mitsu/simulation";
import test from "ava";
import { parseSeconds, secondsText } from "../../src/simulate/duration-text.ts";
import { nelderMead } from "../../src/simulate/nelder-mead.ts";
import { NextNode } from "../../src/simulate/next-node.ts";
import { routeShares } from "../../src/simulate/routing.ts";

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
