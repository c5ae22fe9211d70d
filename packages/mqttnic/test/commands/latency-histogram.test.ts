/** Quantiles of latencies, to 1 %. */
import test from "ava";
import fc from "fast-check";
import { LatencyHistogram } from "../../src/commands/latency-histogram.ts";

test("LatencyHistogram is within 1 % of the sorted values, and exact at the end", (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e13, noNaN: true }), { minLength: 1, maxLength: 200 }), (values) => {
      const histogram = new LatencyHistogram();
      for (const value of values) histogram.add(value);
      const sorted = values.toSorted((one, other) => one - other);
      for (const share of [0.01, 0.5, 0.9, 0.99]) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        const found = histogram.quantileNs(share);
        if (found < Math.floor(exact) * 0.999 || found > exact * 1.01 + 1) return false;
      }
      return histogram.quantileNs(1) <= histogram.maxNs && histogram.maxNs === sorted.at(-1) && histogram.count === values.length;
    }),
    { seed: 1, numRuns: 300 },
  );
  t.pass();
});

test("LatencyHistogram of nothing is 0", (t) => {
  const histogram = new LatencyHistogram();
  t.deepEqual([histogram.count, histogram.meanNs, histogram.quantileNs(0.5), histogram.maxNs], [0, 0, 0, 0]);
});
