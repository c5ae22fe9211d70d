import test from "ava";
import fc from "fast-check";
import type { Candidate } from "../src/candidate.ts";
import { costRanges } from "../src/cost.ts";
import { costOf, kernelCost, scoreOf, scoreScale } from "../src/score.ts";
import { candidateDouble, candidateDoubles } from "./candidate-double.ts";

const options = { remoteCostMs: costRanges.remoteCostMs.default, staleMs: costRanges.staleMs.default, failurePenalty: 10 };
const unit = 1024n * 100n;
const nowMs = 1000;

const usual: fc.Arbitrary<Partial<Candidate>> = fc
  .record({
    weight: fc.integer({ min: 1, max: 1000 }),
    here: fc.boolean(),
    inFlight: fc.nat(50),
    since: fc.double({ min: 0, max: 1, noNaN: true }),
    reportedInFlight: fc.nat(500),
    reportedServiceMs: fc.double({ min: 0.5, max: 50, noNaN: true }),
    workers: fc.integer({ min: 1, max: 16 }),
    ageMs: fc.double({ min: 0, max: 200, noNaN: true }),
    ramp: fc.double({ min: 0.1, max: 1, noNaN: true }),
    failures: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ since, ageMs, ...one }) => ({ ...one, sentSince: Math.floor(one.inFlight * since), reportedAtMs: nowMs - ageMs }));

test("kernelCost() is what selection.h computes in integers", (t) => {
  t.is(kernelCost({ weight: 100, score: 0 }, 3), 3 * 1024);
  t.is(kernelCost({ weight: 0, score: 7 }, 1), 1024 + 7, "0 counts as 100");
  t.is(kernelCost({ weight: 7, score: 0 }, -2), 0, "a count below 0 is none");
  fc.assert(
    fc.property(fc.nat(0x7fff_ffff), fc.integer({ min: 1, max: 0xffff_ffff }), fc.nat(0xffff_ffff), (active, weight, score) => {
      const exact = (BigInt(active) * unit) / BigInt(weight) + BigInt(score);
      return BigInt(kernelCost({ weight, score }, active)) === exact && exact < 2n ** 64n;
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test("scoreOf() puts replicas into the order of mitsu's costs, but for rounding", (t) => {
  let compared = 0;
  fc.assert(
    fc.property(fc.array(usual, { minLength: 2, maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (told, clients) => {
      const all = candidateDoubles(told);
      const scale = scoreScale(all, nowMs, clients, options);
      const seen = all.map((one) => {
        const score = scoreOf(one, scale);
        const rounding = 3 + one.inFlight * Number(unit) * (1 / (score.weight - 0.5) - 1 / score.weight);
        return {
          cost: costOf(one, scale) * scale.perMs,
          kernel: kernelCost(score, one.inFlight),
          rounding,
          extreme: score.weight < 2 || score.score > 0xffff_fff0,
        };
      });
      for (const one of seen) {
        for (const other of seen) {
          if (one.extreme || other.extreme || other.cost - one.cost <= one.rounding + other.rounding) continue;
          compared++;
          if (one.kernel >= other.kernel) return false;
        }
      }
      return true;
    }),
    { seed: 1, numRuns: 500 },
  );
  t.true(compared > 5000, `${compared} pairs`);
});

test("scoreOf() makes one more connection cost what it does in mitsu", (t) => {
  const one = candidateDouble(0, { reportedAtMs: nowMs, reportedInFlight: 2, reportedServiceMs: 8, workers: 2, inFlight: 1, sentSince: 1 });
  const other = candidateDouble(1, { reportedAtMs: nowMs, reportedServiceMs: 4 });
  const scale = scoreScale([one, other], nowMs, 50, options);
  const before = costOf(one, scale);
  const score = scoreOf(one, scale);
  one.inFlight++;
  one.sentSince++;
  const step = (kernelCost(score, 2) - kernelCost(score, 1)) / scale.perMs;
  t.true(Math.abs(costOf(one, scale) - before - step) < 0.02, `${step} ms`);
});

test("scoreOf() stays within u32, weight above 0, whatever the figures", (t) => {
  const wild = fc.constantFrom(0, 1, -1, 1e-9, 1e308, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
  const told = fc.record({
    weight: wild,
    here: fc.boolean(),
    inFlight: wild,
    sentSince: wild,
    reportedInFlight: wild,
    reportedServiceMs: wild,
    workers: wild,
    reportedAtMs: wild,
    latencyMs: wild,
    ramp: wild,
    failures: wild,
  });
  const u32 = (value: number) => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
  fc.assert(
    fc.property(fc.array(told, { minLength: 1, maxLength: 3 }), wild, wild, (several, now, clients) => {
      const all = candidateDoubles(several);
      const scale = scoreScale(all, now, clients, options);
      return all.every((one) => {
        const { weight, score } = scoreOf(one, scale);
        return u32(weight) && u32(score) && weight >= 1;
      });
    }),
    { seed: 1, numRuns: 2000 },
  );
  t.pass();
});

test("scoreOf() fills what it is given", (t) => {
  const one = candidateDouble(0, { reportedAtMs: nowMs, reportedServiceMs: 4 });
  const into = { weight: 0, score: 0 };
  t.is(scoreOf(one, scoreScale([one], nowMs, 1, options), into), into);
  t.is(into.weight, 1000, "the only one is the mean one");
});
