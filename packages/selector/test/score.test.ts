import test from "ava";
import fc from "fast-check";
import type { Candidate } from "../src/candidate.ts";
import { costRanges, toldService } from "../src/cost.ts";
import { choicesFor, costOf, kernelCost, scoreOf, scoreScale, takesNoneScore } from "../src/score.ts";
import { candidateDouble, candidateDoubles } from "./candidate-double.ts";

const options = { remoteCostMs: costRanges.remoteCostMs.default, staleMs: costRanges.staleMs.default, failurePenalty: 10 };
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
  t.is(kernelCost({ score: 0, each: 1024 }, 3), 3 * 1024);
  t.is(kernelCost({ score: 7, each: 9 }, -2), 7, "a count below 0 is none");
  t.is(kernelCost({ score: takesNoneScore, each: 1 }, 0), Number.POSITIVE_INFINITY, "takes none");
  t.is(takesNoneScore, 0xffff_ffff);
  // Exact up to 2^21 connections: 2^53 is the most that a double counts to.
  t.is(kernelCost({ score: 0xffff_fffe, each: 0xffff_ffff }, 2 ** 20), Number((1n << 20n) * 0xffff_ffffn + 0xffff_fffen));
});

test("scoreOf() puts replicas into the order of mitsu's costs, but for rounding", (t) => {
  let compared = 0;
  fc.assert(
    fc.property(fc.array(usual, { minLength: 2, maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (told, clients) => {
      const all = candidateDoubles(told);
      const scale = scoreScale(all, nowMs, clients, options);
      const seen = all.map((one) => {
        const score = scoreOf(one, scale);
        return {
          cost: costOf(one, scale) * scale.perMs,
          kernel: kernelCost(score, one.inFlight),
          rounding: 1 + one.inFlight / 2, // half a unit of the score, and of each connection
          extreme: score.each < 2 || score.score > 0xffff_fff0,
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

test("scoreOf() stays within u32, each above 0, and never says that a replica takes none, whatever the figures", (t) => {
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
        const { score, each } = scoreOf(one, scale);
        return u32(score) && u32(each) && each >= 1 && score < takesNoneScore;
      });
    }),
    { seed: 1, numRuns: 2000 },
  );
  t.pass();
});

test("scoreOf() gives the cheapest 0 and the mean connection 1024, as without scores: a replica that has none yet is neither flooded nor starved", (t) => {
  const all = [2, 0, 5].map((reportedInFlight, index) =>
    candidateDouble(index, { reportedAtMs: nowMs, reportedServiceMs: 4, reportedInFlight }),
  );
  const scale = scoreScale(all, nowMs, 1, options);
  t.deepEqual(
    all.map((one) => scoreOf(one, scale)),
    [2, 0, 5].map((busy) => ({ score: busy * 1024, each: 1024 })),
  );
});

test("scoreOf() fills what it is given", (t) => {
  const one = candidateDouble(0, { reportedAtMs: nowMs, reportedServiceMs: 4 });
  const into = { score: 7, each: 0 };
  t.is(scoreOf(one, scoreScale([one], nowMs, 1, options), into), into);
  t.deepEqual(into, { score: 0, each: 1024 }, "the only one is the mean one, and the cheapest");
});

test("choicesFor() compares all while there is no herd, n / need with one, 2 to 16 in any case", (t) => {
  t.deepEqual(
    [0, 0.3, 1, 1.2, 4, 9, 20, 1e9].map((need) => choicesFor(20, need)),
    [16, 16, 16, 16, 5, 2, 2, 2],
  );
  t.deepEqual([choicesFor(8, 1), choicesFor(8, 2), choicesFor(1, 0), choicesFor(0, 5)], [8, 4, 2, 2]);
  t.deepEqual([choicesFor(20, Number.NaN), choicesFor(20, Number.POSITIVE_INFINITY), choicesFor(Number.NaN, 1)], [2, 2, 2]);
});

test("toldService() takes a replica's word while it is fresh, then its own latency, then nothing", (t) => {
  const one = candidateDouble(0, { reportedAtMs: nowMs - 150, reportedServiceMs: 8, latencyMs: 30 });
  t.is(toldService(one, nowMs - 151), 8);
  t.is(toldService(one, nowMs - 150), 30, "its word is as old as a report may be");
  t.is(toldService(candidateDouble(0, { reportedServiceMs: 8 }), nowMs - 150), 0);
});
