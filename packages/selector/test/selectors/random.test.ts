import test from "ava";
import { random } from "../../src/selectors/random.ts";
import { candidateDoubles, contextOf, scripted } from "../candidate-double.ts";

test("random() takes all alike, whatever their weight, ramp or load", (t) => {
  const candidates = candidateDoubles([{ weight: 9 }, { ramp: 0.1 }, { inFlight: 7 }]);
  const context = contextOf(scripted(0, 0.33, 0.34, 0.66, 0.67, 0.999));
  const selector = random();
  t.deepEqual(
    Array.from({ length: 6 }, () => candidates.indexOf(selector.select(candidates, context))),
    [0, 0, 1, 1, 2, 2],
  );
});
