import test from "ava";
import { LoadBound } from "../../src/sticky/load-bound.ts";
import { candidateDoubles } from "../candidate-double.ts";

test("LoadBound.most() is ⌈(1 + ε) × m / n⌉ with the new request counted", (t) => {
  // m = 3 + 2 + 1 + 1 + 1 = 8 on 4 replicas: 1.25 × 8 / 4 = 2.5.
  const candidates = candidateDoubles([{ inFlight: 3 }, { inFlight: 2 }, { inFlight: 1 }, { inFlight: 1 }]);
  const bound = new LoadBound(0.25);
  bound.measure(candidates);
  t.is(bound.most(candidates[0]!), 3);
  t.deepEqual(
    candidates.map((candidate) => bound.holds(candidate)),
    [false, true, true, true],
  );
});

test("LoadBound.most() goes by weight and ramp", (t) => {
  // m = 10, shares 4, 1 and 3: 1.5 × 10 × 4/8 = 7.5, 1.9, 5.6.
  const candidates = candidateDoubles([{ weight: 4, inFlight: 9 }, {}, { weight: 6, ramp: 0.5 }]);
  const bound = new LoadBound(0.5);
  bound.measure(candidates);
  t.deepEqual(
    candidates.map((candidate) => bound.most(candidate)),
    [8, 2, 6],
  );
});

test("LoadBound.holds() as long as a worker is free", (t) => {
  const candidates = candidateDoubles([{ inFlight: 3, workers: 4 }, {}, {}, {}]);
  const bound = new LoadBound(0.25);
  bound.measure(candidates);
  t.is(bound.most(candidates[0]!), 2);
  t.true(bound.holds(candidates[0]!));
  candidates[0]!.inFlight = 4;
  t.false(bound.holds(candidates[0]!));
});
