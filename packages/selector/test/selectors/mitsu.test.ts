import test from "ava";
import fc from "fast-check";
import type { Candidate } from "../../src/candidate.ts";
import { costOf, scoreScale } from "../../src/score.ts";
import { mitsu } from "../../src/selectors/mitsu.ts";
import { type CandidateDouble, candidateDoubles, contextOf, countChoices, seeded } from "../candidate-double.ts";

const options = { remoteCostMs: 0.1, staleMs: 150, failurePenalty: 10 };
/** With a report of now, 4 ms of service, and so many in flight. */
const told = (inFlight: number, more: Partial<Candidate> = {}) => ({
  reportedAtMs: 0,
  reportedServiceMs: 4,
  reportedInFlight: inFlight,
  ...more,
});

/** How often each is chosen by many clients that know the same, each sending `each` requests that are not seen in the state. */
function choices(candidates: readonly CandidateDouble[], nowMs: number, clients: number, each: number, ratePerMs = 0.05): number[] {
  const random = seeded(1);
  const counts = candidates.map(() => 0);
  for (let client = 0; client < 200; client++) {
    const selector = mitsu();
    for (let at = -2000; at <= 0; at += 1 / ratePerMs) selector.sent!(candidates[0]!, nowMs + at);
    for (let nth = 0; nth < each; nth++) counts[candidates.indexOf(selector.select(candidates, contextOf(random, { nowMs, clients })))]!++;
  }
  return counts.map((count) => count / (200 * each));
}

test("mitsu() takes the least busy by a fresh report", (t) => {
  const all = candidateDoubles([told(5), told(2), told(7), told(4)]);
  t.deepEqual(choices(all, 0, 50, 5), [0, 1, 0, 0]);
});

test("mitsu() counts service times and workers: an idle slow replica waits for the fast one to be busy", (t) => {
  const pair = candidateDoubles([told(0, { reportedServiceMs: 30 }), told(1, { reportedServiceMs: 4 })]);
  t.deepEqual(choices(pair, 0, 1, 5), [0, 1]);
  const wide = candidateDoubles([told(6, { workers: 8 }), told(2)]);
  t.deepEqual(choices(wide, 0, 1, 5), [1, 0], "6 over 8 workers against 2 over 1");
});

test("mitsu() counts its own requests that a report does not know of", (t) => {
  const all = candidateDoubles([told(1, { inFlight: 3, sentSince: 3 }), told(3)]);
  t.deepEqual(choices(all, 0, 50, 5), [0, 1]);
});

test("mitsu() lets equal replicas take turns, as round robin does", (t) => {
  for (const nowMs of [0, 10, 100, 1000]) {
    const all = candidateDoubles([told(3), told(3), told(3), told(3)]);
    const selector = mitsu();
    const context = contextOf(seeded(1), { nowMs, clients: 50 });
    for (let i = 0; i < 40; i++) selector.select(all, context);
    for (let turn = 0; turn < 10; turn++)
      t.is(new Set(Array.from({ length: 4 }, () => selector.select(all, context))).size, 4, `at ${nowMs} ms`);
  }
});

test("mitsu() does not herd: the older a report, the smaller the share of the least busy", (t) => {
  const all = candidateDoubles([0, 4, 5, 6, 4, 5, 6, 7, 4, 5].map((inFlight) => told(inFlight)));
  const shares = [0, 5, 20, 140].map((nowMs) => choices(all, nowMs, 50, 20)[0]!);
  t.is(shares[0], 1);
  for (let i = 1; i < shares.length; i++) t.true(shares[i]! <= shares[i - 1]!, String(shares));
  t.true(shares[3]! < 0.15, String(shares));
  t.is(choices(all, 20, 1, 20)[0], 1, "a single client need not fear others");
});

test("mitsu() with an old report gives each replica what it can serve", (t) => {
  const all = candidateDoubles([told(4, { reportedServiceMs: 20 }), told(4), told(4), told(4, { workers: 4 })]);
  const [slow, one, two, wide] = choices(all, 149, 50, 50) as [number, number, number, number];
  t.true(slow < 0.6 * one, String([slow, one, two, wide]));
  t.true(Math.abs(one - two) < 0.02);
  t.true(wide > 2.5 * one);
});

test("mitsu() without reports goes by its own requests in flight, then by turns", (t) => {
  const none = { reportedAtMs: Number.NEGATIVE_INFINITY, latencyMs: 5 };
  const all = candidateDoubles([{ ...none, inFlight: 1 }, none, { ...none, inFlight: 2 }, none]);
  t.deepEqual(choices(all, 0, 50, 10), [0, 0.5, 0, 0.5]);
  const slow = candidateDoubles([{ ...none, latencyMs: 50 }, none]);
  t.deepEqual(choices(slow, 0, 50, 10), [0, 1]);
});

test("mitsu() prefers this node until its wait is longer than the way to another", (t) => {
  const pair = (inFlight: number) =>
    candidateDoubles([told(inFlight, { here: true, reportedServiceMs: 1 }), told(0, { reportedServiceMs: 1 })]);
  const share = (inFlight: number, remoteCostMs: number) => {
    const all = pair(inFlight);
    const selector = mitsu({ "remote-cost-ms": remoteCostMs });
    return countChoices(all, 20, () => selector.select(all, contextOf(seeded(1))))[0]! / 20;
  };
  t.is(share(0, 5), 1);
  t.is(share(3, 5), 1);
  t.is(share(7, 5), 0);
  t.is(share(1, 0), 0);
});

test("mitsu() avoids those that fail, and gives the rest by weight and ramp", (t) => {
  const failing = candidateDoubles([told(0, { failures: 0.5 }), told(2)]);
  t.deepEqual(choices(failing, 0, 1, 10), [0, 1]);
  const weights = candidateDoubles([told(0, { weight: 3 }), told(0), told(0, { ramp: 0.5 })]);
  const shares = choices(weights, 0, 50, 90);
  [3 / 4.5, 1 / 4.5, 0.5 / 4.5].forEach((expected, i) => {
    t.true(Math.abs(shares[i]! - expected) < 0.02, String(shares));
  });
});

test("mitsu() never takes one that costs more than the least by half a request, alone and with a fresh report; costOf() agrees", (t) => {
  const one: fc.Arbitrary<Partial<Candidate>> = fc.record({
    weight: fc.integer({ min: 1, max: 10 }),
    here: fc.boolean(),
    inFlight: fc.nat(20),
    reportedInFlight: fc.nat(50),
    reportedServiceMs: fc.double({ min: 0.1, max: 100, noNaN: true }),
    workers: fc.integer({ min: 1, max: 16 }),
    ramp: fc.double({ min: 0.1, max: 1, noNaN: true }),
    failures: fc.double({ min: 0, max: 1, noNaN: true }),
    reportedAtMs: fc.constantFrom(0, -3, -40, -1000),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 20 }), fc.integer(), (several, seed) => {
      const all = candidateDoubles(several);
      const selector = mitsu();
      const context = contextOf(seeded(seed));
      selector.select(all, context); // the means are those of the decision before
      const scale = scoreScale(all, 0, 1, options);
      const costs = all.map((each) => costOf(each, scale));
      const least = Math.min(...costs);
      const cheapest = all[costs.indexOf(least)]!;
      const penalty = 1 + options.failurePenalty * cheapest.failures;
      const service = Math.max(cheapest.reportedServiceMs, scale.meanServiceMs);
      const halfRequest = ((0.53 * service) / cheapest.workers / ((cheapest.weight / scale.meanWeight) * cheapest.ramp)) * penalty;
      for (let i = 0; i < 5; i++) if (costOf(selector.select(all, context), scale) > least + halfRequest + 1e-6) return false;
      return true;
    }),
    { seed: 1, numRuns: 500 },
  );
  t.pass();
});

test("mitsu() starves nobody who is as good as others, whatever it did before", (t) => {
  const random = seeded(7);
  const all = candidateDoubles(Array.from({ length: 10 }, () => told(0)));
  const selector = mitsu();
  for (let i = 0; i < 1000; i++) {
    for (const one of all) one.reportedInFlight = Math.floor(10 * random());
    selector.select(all, contextOf(random, { clients: 50 }));
  }
  for (const one of all) one.reportedInFlight = 1;
  const counts = countChoices(all, 200, () => selector.select(all, contextOf(random, { clients: 50 })));
  for (const count of counts) t.true(count >= 15 && count <= 25, String(counts));
});

test("mitsu() gives idle replicas shares as they weigh, a light one among many too", (t) => {
  for (const [count, heavy, light, clients] of [
    [2, 100, 1, 1],
    [20, 1, 0.1, 1],
    [20, 100, 10, 50],
    [100, 1, 0.1, 3],
  ] as const) {
    const all = candidateDoubles(Array.from({ length: count }, (_, nth) => told(0, { weight: nth === 0 ? light : heavy })));
    const selector = mitsu();
    const times = 20_000;
    const counts = countChoices(all, times, () => selector.select(all, contextOf(seeded(1), { clients })));
    const share = light / (light + (count - 1) * heavy);
    t.true(Math.abs(counts[0]! / times / share - 1) < 0.1, `${count} replicas: ${counts[0]} of ${times}, wanted ${share * times}`);
  }
});

test("mitsu().costs() is what select() compares, in milliseconds, and changes nothing", (t) => {
  const all = candidateDoubles([told(5), told(2, { here: true }), told(2), told(4, { workers: 2 })]);
  const [watched, alone] = [mitsu(), mitsu()];
  const random = [seeded(3), seeded(3)] as const;
  for (let nth = 0; nth < 200; nth++) {
    all[nth % 4]!.reportedInFlight = (nth * 7) % 11;
    const context = (of: number) => contextOf(random[of]!, { nowMs: nth / 10, clients: 10 });
    const costs = watched.costs!(all, { ...context(0), random: seeded(1) });
    t.is(costs.unit, "ms");
    t.is(costs.of.length, 4);
    t.is(watched.select(all, context(0)), alone.select(all, context(1)));
  }
  const scale = scoreScale(all, 0, 1, options);
  const fresh = mitsu().costs!(all, contextOf(seeded(1)));
  all.forEach((one, nth) => {
    t.true(Math.abs(fresh.of[nth]! - costOf(one, scale)) < 1e-9, `${fresh.of} against ${costOf(one, scale)}`);
  });
});

test("mitsu() refuses options it does not know, or out of range", (t) => {
  for (const bad of [{ staleMs: 1 }, { "remote-cost-ms": -1 }, { "failure-penalty": Number.NaN }] as Record<string, number>[])
    t.throws(() => mitsu(bad), { code: "ERR_SELECTOR_OPTION" });
});
