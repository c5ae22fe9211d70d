/** `costs`: what selectors compare, for people. */
import test from "ava";
import fc from "fast-check";
import { type SelectorName, selectorNames } from "../src/selector.ts";
import { createSelector } from "../src/selectors.ts";
import { Sticky } from "../src/sticky/sticky.ts";
import { answerOf, candidateDoubles, contextOf, seeded } from "./candidate-double.ts";

const comparing: readonly SelectorName[] = ["mitsu", "least-request", "p2c", "peak-ewma", "c3", "prequal"];

for (const name of selectorNames) {
  test(`${name} ${comparing.includes(name) ? "has" : "has no"} costs(): a figure for each candidate, and the next choices are the same as without`, (t) => {
    if (!comparing.includes(name)) {
      t.is(createSelector(name).costs, undefined);
      return;
    }
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 6 }), fc.integer(), (loads, seed) => {
        const candidates = candidateDoubles(
          loads.map((inFlight) => ({ inFlight, reportedInFlight: inFlight, reportedServiceMs: 4, reportedAtMs: 0 })),
        );
        const [watched, alone] = [createSelector(name), createSelector(name)];
        const randoms = [seeded(seed), seeded(seed)] as const;
        for (let nth = 0; nth < 20; nth++) {
          const costs = watched.costs!(candidates, contextOf(seeded(1), { nowMs: nth, clients: 3 }));
          t.is(costs.of.length, candidates.length);
          t.true(costs.of.every((cost) => cost >= 0));
          t.truthy(costs.unit);
          const chosen = [watched, alone].map((selector, of) => {
            const context = contextOf(randoms[of as 0 | 1], { nowMs: nth, clients: 3 });
            const says = { inFlight: nth, latencyMs: nth + 1, serviceMs: 2, workers: 1 };
            for (const probed of selector.probes?.(candidates, context) ?? []) selector.probed?.(probed, nth, says);
            const one = selector.select(candidates, context);
            selector.sent?.(one, nth);
            selector.answered?.(one, nth, answerOf(nth + 2));
            return one;
          });
          t.is(chosen[0], chosen[1]);
        }
      }),
      { seed: 1, numRuns: 20 },
    );
  });
}

test("costs() of p2c and least-request are requests per weight, the next one included; only ratios of weights count", (t) => {
  for (const name of ["p2c", "least-request"])
    for (const unit of [1, 100]) {
      const candidates = candidateDoubles([{ inFlight: 2, weight: 3 * unit }, { weight: unit }]);
      t.deepEqual(createSelector(name).costs!(candidates, contextOf(seeded(1))), { unit: "requests per weight", of: [2, 2] });
    }
});

test("costs() of peak-ewma decay with time, those of c3 are Ψ", (t) => {
  const [one, other] = candidateDoubles([{ inFlight: 1 }, {}]) as [
    ReturnType<typeof candidateDoubles>[0],
    ReturnType<typeof candidateDoubles>[0],
  ];
  const peaks = createSelector("peak-ewma", { "decay-ms": 10 });
  peaks.answered!(one, 0, answerOf(100));
  t.deepEqual(
    peaks.costs!([one, other], contextOf(seeded(1), { nowMs: 10 })).of.map((cost) => Number(cost.toFixed(6))),
    [Number((200 / Math.E).toFixed(6)), 30],
  );
  const c3 = createSelector("c3");
  c3.answered!(one, 0, answerOf(10, { inFlight: 1, latencyMs: 0, serviceMs: 2, workers: 1 }));
  t.deepEqual(c3.costs!([one], contextOf(seeded(1), { clients: 1 })).of, [10 - 2 + (1 + 1 + 1) ** 3 * 2]);
});

test("costs() of prequal: the latency that the pool has; ∞ of the hot and the unknown; requests in flight where all are hot", (t) => {
  const candidates = candidateDoubles([{}, {}, {}]);
  const [a, b] = candidates as [
    ReturnType<typeof candidateDoubles>[0],
    ReturnType<typeof candidateDoubles>[0],
    ReturnType<typeof candidateDoubles>[0],
  ];
  const selector = createSelector("prequal", { quantile: 0 });
  const context = contextOf(seeded(1));
  selector.probes!(candidates, context);
  selector.probed!(a, 0, { inFlight: 1, latencyMs: 7, serviceMs: 0, workers: 0 });
  selector.probed!(b, 0, { inFlight: 5, latencyMs: 3, serviceMs: 0, workers: 0 });
  t.deepEqual(selector.costs!(candidates, context), { unit: "ms", of: [7, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] });
  t.deepEqual(selector.costs!([b], context), { unit: "ms", of: [Number.POSITIVE_INFINITY] });
  t.deepEqual(selector.costs!(candidates, { ...context, nowMs: 2000 }).of, Array(3).fill(Number.POSITIVE_INFINITY), "too old");
});

test("costs() of a sticky selector are those of the wrapped one", (t) => {
  const candidates = candidateDoubles([{ inFlight: 1 }, {}]);
  const context = contextOf(seeded(1), { stickyKey: "cart-17" });
  t.deepEqual(new Sticky(createSelector("p2c")).costs!(candidates, context), createSelector("p2c").costs!(candidates, context));
  t.is(new Sticky(createSelector("random")).costs, undefined);
});
