import test from "ava";
import { leastRequest } from "../../src/selectors/least-request.ts";
import { candidateDoubles, contextOf, countChoices, near, scripted, seeded } from "../candidate-double.ts";

const busy = (...inFlight: readonly number[]) => candidateDoubles(inFlight.map((inFlight) => ({ inFlight })));

test("leastRequest() of equal weights takes the less busy of two, which are never the same", (t) => {
  const candidates = busy(3, 2, 1, 0);
  const choose = (...numbers: number[]) => candidates.indexOf(leastRequest().select(candidates, contextOf(scripted(...numbers))));
  t.is(choose(0, 0), 1, "the second of those that are left");
  t.is(choose(0.5, 0.4), 2, "the third, then the second");
  t.is(choose(0.5, 0.99), 3);
  t.is(choose(0.99, 0.99), 3);
});

test("leastRequest() at a tie takes the first drawn, so each alike", (t) => {
  const candidates = busy(2, 2, 2, 2, 2);
  for (const choices of [2, 4, 5, 100]) {
    const selector = leastRequest({ choices });
    const context = contextOf(seeded(1));
    for (const count of countChoices(candidates, 5000, () => selector.select(candidates, context)))
      t.true(near(count, 5000, 0.2), `${choices}`);
  }
});

test("leastRequest() with `choices` 3 takes the least busy of three", (t) => {
  const candidates = busy(5, 4, 3, 2, 1);
  const selector = leastRequest({ choices: 3 });
  const counts = countChoices(candidates, 10_000, () => selector.select(candidates, contextOf(random)));
  // Of the ten triples, six hold the last, three more the one before, one more the third.
  for (const [index, triples] of [0, 0, 1, 3, 6].entries()) t.true(near(counts[index]!, 10_000, triples / 10), String(counts));
});
const random = seeded(3);

test("leastRequest() with as many choices as replicas takes the least busy of all", (t) => {
  const candidates = busy(5, 4, 0, 2, 1);
  const selector = leastRequest({ choices: 100 });
  for (let nth = 0; nth < 50; nth++) t.is(selector.select(candidates, contextOf(random)), candidates[2]!);
});

for (const { bias, share } of [
  // Envoy: weight / (active + 1)^bias, so 2 / 8 against 1, 2 / 64 against 1, 2 against 1.
  { bias: 1, share: 0.25 / 1.25 },
  { bias: 2, share: 0.03125 / 1.03125 },
  { bias: 0, share: 2 / 3 },
]) {
  test(`leastRequest() of different weights with bias ${bias} gives 2 / (7 + 1)^${bias} against 1 / (0 + 1)^${bias}`, (t) => {
    const candidates = candidateDoubles([{ weight: 2, inFlight: 7 }, { weight: 1 }]);
    const choose = (number: number) => leastRequest({ bias }).select(candidates, contextOf(scripted(number)));
    t.is(choose(share - 1e-9), candidates[0]!);
    t.is(choose(share + 1e-9), candidates[1]!);
  });
}

test("leastRequest() notices a weight or a ramp that changes while the set does not", (t) => {
  const candidates = busy(0, 0);
  const selector = leastRequest();
  t.is(selector.select(candidates, contextOf(scripted(0.5, 0))), candidates[1]!);
  candidates[0]!.ramp = 0.25;
  t.is(selector.select(candidates, contextOf(scripted(0.19))), candidates[0]!);
  t.is(selector.select(candidates, contextOf(scripted(0.21))), candidates[1]!);
});
