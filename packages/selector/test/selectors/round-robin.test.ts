import test from "ava";
import { roundRobin } from "../../src/selectors/round-robin.ts";
import { candidateDoubles, contextOf, scripted } from "../candidate-double.ts";

const context = contextOf(scripted());
const turns = (weights: readonly number[], times: number) => {
  const candidates = candidateDoubles(weights.map((weight) => ({ weight })));
  const selector = roundRobin();
  return Array.from({ length: times }, () => candidates.indexOf(selector.select(candidates, context)));
};

test("roundRobin() spreads the heavy replica's turns as nginx does: a a b a c a a for 5, 1, 1", (t) => {
  t.deepEqual(turns([5, 1, 1], 14), [0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0]);
});

test("roundRobin() with equal weights takes one after the other", (t) => {
  t.deepEqual(turns([1, 1, 1], 6), [0, 1, 2, 0, 1, 2]);
});

test("roundRobin() counts a ramp as a part of the weight", (t) => {
  const candidates = candidateDoubles([{}, { weight: 3, ramp: 1 / 3 }]);
  const selector = roundRobin();
  t.deepEqual(
    Array.from({ length: 4 }, () => candidates.indexOf(selector.select(candidates, context))),
    [0, 1, 0, 1],
  );
});

test("roundRobin() goes on behind the last turn when the set changes and comes back", (t) => {
  const selector = roundRobin();
  const candidates = candidateDoubles([{}, {}, {}]);
  t.is(selector.select(candidates, context), candidates[0]!);
  t.is(selector.select([...candidates], context), candidates[1]!);
  t.is(selector.select([...candidates], context), candidates[2]!);
});
