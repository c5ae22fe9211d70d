import test from "ava";
import { prequal } from "../../src/selectors/prequal.ts";
import { ProbePool } from "../../src/selectors/probe-pool.ts";
import { candidateDoubles, contextOf, scripted, seeded } from "../candidate-double.ts";

// Rules: Wydrowski et al., NSDI '24, §4.
const replicas = (count: number) => candidateDoubles(Array.from({ length: count }, () => ({})));
const says = (inFlight: number, latencyMs: number) => ({ inFlight, latencyMs, serviceMs: 0, workers: 0 });

test("prequal() is random while the pool holds less than two", (t) => {
  const all = replicas(10);
  const selector = prequal({ remove: 0 });
  t.is(selector.select(all, contextOf(scripted(0.75))), all[7]!);
  selector.probed!(all[2]!, 0, says(0, 1));
  t.is(selector.select(all, contextOf(scripted(0.35))), all[3]!);
});

test("prequal() takes the lowest latency among the cold", (t) => {
  const all = replicas(100);
  const selector = prequal({ remove: 0, quantile: 0.6 });
  selector.select(all, contextOf(seeded(1)));
  // In flight 1 2 3 4 9: the place ⌊0.6 · 5⌋ of the sorted holds 4, so 9 is hot, though its latency is the lowest.
  for (const [nth, inFlight, latencyMs] of [
    [0, 1, 8],
    [1, 2, 7],
    [2, 3, 5],
    [3, 4, 6],
    [4, 9, 1],
  ] as const)
    selector.probed!(all[nth]!, 0, says(inFlight, latencyMs));
  t.is(selector.select(all, contextOf(scripted())), all[2]!);
});

test("prequal() takes the fewest in flight where all are hot", (t) => {
  const pool = new ProbePool(16);
  const all = replicas(3);
  [5, 4, 6].forEach((inFlight, nth) => {
    pool.add(all[nth]!, 0, says(inFlight, nth), 1);
  });
  t.is(pool.best(3), 1);
  t.is(pool.best(5), 0, "two are cold, of which the first has the lower latency");
  t.is(new ProbePool(16).best(3), -1);
});

test("ProbePool.limit() is the quantile of what the last 128 probes told", (t) => {
  const pool = new ProbePool(2);
  const [one] = replicas(1);
  t.is(pool.limit(0.84), Number.POSITIVE_INFINITY);
  for (let i = 1; i <= 100; i++) pool.add(one!, 0, says(i, 0), 1);
  t.is(pool.limit(0.5), 51);
  t.is(pool.limit(2 ** -0.25), 85);
  t.is(pool.limit(1), 100);
  for (let i = 0; i < 128; i++) pool.add(one!, 0, says(i % 2, 0), 1);
  t.is(pool.limit(1), 1, "older ones are forgotten");
  t.is(pool.limit(0), 0);
});

test("ProbePool holds one answer of each replica and `size` in all, the oldest going first", (t) => {
  const pool = new ProbePool(3);
  const all = replicas(5);
  for (const nth of [0, 1, 2, 0]) pool.add(all[nth]!, nth, says(nth, 0), 1);
  t.deepEqual(
    pool.probes.map((probe) => probe.candidate),
    [all[1]!, all[2]!, all[0]!],
  );
  pool.add(all[3]!, 5, says(0, 0), 1);
  t.deepEqual(
    pool.probes.map((probe) => probe.candidate),
    [all[2]!, all[0]!, all[3]!],
  );
});

test("ProbePool.removeOne() takes the oldest and the worst in turn: the hot one with the most in flight, else the highest latency", (t) => {
  const pool = new ProbePool(16);
  const all = replicas(6);
  [says(1, 5), says(9, 1), says(7, 2), says(1, 9), says(1, 3), says(1, 4)].forEach((report, nth) => {
    pool.add(all[nth]!, 0, report, 1);
  });
  const left = () => pool.probes.map((probe) => all.indexOf(probe.candidate as (typeof all)[0]));
  pool.removeOne(6);
  t.deepEqual(left(), [1, 2, 3, 4, 5], "the oldest");
  pool.removeOne(6);
  t.deepEqual(left(), [2, 3, 4, 5], "9 in flight");
  pool.removeOne(6);
  t.deepEqual(left(), [3, 4, 5], "the oldest");
  pool.removeOne(6);
  t.deepEqual(left(), [4, 5], "9 ms");
});

test("prequal() uses no answer older than 1 s", (t) => {
  const all = replicas(4);
  const selector = prequal({ remove: 0 });
  selector.probed!(all[0]!, 0, says(0, 1));
  selector.probed!(all[1]!, 500, says(0, 2));
  selector.probed!(all[2]!, 600, says(0, 3));
  t.is(selector.select(all, contextOf(scripted(), { nowMs: 1001 })), all[1]!);
});

test("prequal() counts what it sends itself: a probe that is used has one more in flight", (t) => {
  const pool = new ProbePool(16);
  const all = replicas(2);
  pool.add(all[0]!, 0, says(2, 1), 2);
  pool.add(all[1]!, 0, says(2, 5), 2);
  pool.use(0);
  t.is(pool.probes[0]!.inFlight, 3);
  t.is(pool.best(2), 1, "it is hot now");
  pool.use(0);
  t.deepEqual(
    pool.probes.map((probe) => probe.candidate),
    [all[1]!],
    "used up",
  );
});

test("prequal() uses an answer max{1, (1 + δ) / ((1 − m/n) · probes − remove)} times, rounded at random", (t) => {
  // n = 100: 2 / (0.84 · 3 − 1) = 1.316; n = 20: 2 / (0.2 · 3 − 1) is below 0, so once.
  const drawsOf = (count: number) => {
    const all = replicas(count);
    let draws = 0;
    const selector = prequal();
    const context = contextOf(() => {
      draws++;
      return 0.3;
    });
    selector.select(all, context);
    selector.probed!(all[0]!, 0, says(0, 1));
    return draws - 1; // one was for the choice, as nothing was known
  };
  t.is(drawsOf(20), 0, "a whole number needs no chance");
  t.is(drawsOf(100), 1);
  const uses = (drawn: number) => {
    const all = replicas(100);
    const selector = prequal({ quantile: 1 });
    const numbers = [0, drawn, drawn, drawn];
    const context = contextOf(() => numbers.shift() ?? 0.99);
    selector.select(all, context);
    for (const nth of [0, 1, 2]) selector.probed!(all[nth]!, 0, says(0, nth + 1));
    const chosen = [selector.select(all, context), selector.select(all, context)];
    return chosen.map((one) => all.indexOf(one));
  };
  t.deepEqual(uses(0.4), [1, 99], "once: the oldest is removed, the next used up, and one alone is not enough");
  t.deepEqual(uses(0.3), [1, 99], "twice: the oldest and then the worst are removed, which leaves one");
  const all = replicas(100);
  const selector = prequal({ remove: 0, probes: 3, delta: 1.52 }); // 2.52 / 2.52: once
  selector.select(all, contextOf(scripted(0)));
  for (const nth of [0, 1, 2]) selector.probed!(all[nth]!, 0, says(0, nth + 1));
  t.is(selector.select(all, contextOf(scripted())), all[0]!);
  t.is(selector.select(all, contextOf(scripted())), all[1]!);
  t.is(selector.select(all, contextOf(scripted(0.5))), all[50]!, "one is left");
});

test("prequal().probes() has three at random without replacement, all of them equally often", (t) => {
  const all = replicas(8);
  const selector = prequal();
  const context = contextOf(seeded(1));
  const counts = new Map(all.map((one) => [one, 0]));
  for (let i = 0; i < 4000; i++) {
    const probes = selector.probes!(all, context);
    t.is(new Set(probes).size, 3);
    for (const one of probes) counts.set(one, counts.get(one)! + 1);
  }
  for (const count of counts.values()) t.true(Math.abs(count - 1500) < 150, String(count));
  t.is(selector.probes!(all.slice(0, 2), context).length, 2, "no more than there are");
});

test("prequal() forgets replicas that left", (t) => {
  const all = replicas(4);
  const selector = prequal({ remove: 0 });
  selector.select(all, contextOf(scripted(0)));
  for (const nth of [0, 1, 2]) selector.probed!(all[nth]!, 0, says(0, nth));
  const less = all.slice(1);
  t.is(selector.select(less, contextOf(scripted())), all[1]!);
  selector.probed!(all[0]!, 0, says(0, 0));
  t.is(selector.select(less, contextOf(scripted(0.99))), all[3]!, "one answer is left, so at random");
});

test("prequal() refuses options it does not know, or out of range", (t) => {
  for (const bad of [{ pools: 1 }, { quantile: 1.1 }, { pool: 1 }, { "age-ms": Number.NaN }] as Record<string, number>[])
    t.throws(() => prequal(bad), { code: "ERR_SELECTOR_OPTION" });
});
