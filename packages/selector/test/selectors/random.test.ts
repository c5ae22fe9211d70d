import test from "ava";
import { random } from "../../src/selectors/random.ts";
import { candidateDoubles, contextOf, countChoices, near, seeded } from "../candidate-double.ts";

test("random() gives shares as weight × ramp, whatever the load, and equal ones alike", (t) => {
  const times = 10_000;
  for (const [told, shares] of [
    [
      [{ weight: 3 }, { ramp: 0.5 }, { inFlight: 7 }],
      [3 / 4.5, 0.5 / 4.5, 1 / 4.5],
    ],
    [
      [{ inFlight: 5 }, {}],
      [0.5, 0.5],
    ],
  ] as const) {
    const candidates = candidateDoubles(told);
    const selector = random();
    const context = contextOf(seeded(1));
    countChoices(candidates, times, () => selector.select(candidates, context)).forEach((count, nth) => {
      t.true(near(count, times, shares[nth]!), String(count));
    });
  }
});
