import test from "ava";
import { weighted } from "../../src/selectors/weighted.ts";
import { candidateDoubles, contextOf, countChoices, near, seeded } from "../candidate-double.ts";

test("weighted() gives shares as weight × ramp, whatever the load", (t) => {
  const candidates = candidateDoubles([{ weight: 4, inFlight: 100 }, { weight: 4, ramp: 0.5 }, { weight: 2 }]);
  const selector = weighted();
  const context = contextOf(seeded(1));
  const counts = countChoices(candidates, 8000, () => selector.select(candidates, context));
  for (const [index, share] of [0.5, 0.25, 0.25].entries()) t.true(near(counts[index]!, 8000, share), String(counts));
});
