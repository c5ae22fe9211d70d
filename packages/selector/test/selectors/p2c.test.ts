import test from "ava";
import { p2c } from "../../src/selectors/p2c.ts";
import { random } from "../../src/selectors/random.ts";
import { candidateDoubles, contextOf, countChoices, near, scripted, seeded } from "../candidate-double.ts";

test("p2c() takes the less busy of the two drawn, the first at a tie", (t) => {
  const candidates = candidateDoubles([{ inFlight: 3 }, { inFlight: 1 }, { inFlight: 1 }, { inFlight: 0 }]);
  const selector = p2c();
  const choose = (...numbers: number[]) => candidates.indexOf(selector.select(candidates, contextOf(scripted(...numbers))));
  t.is(choose(0, 0.3), 1);
  t.is(choose(0.3, 0), 1);
  t.is(choose(0.3, 0.5), 1);
  t.is(choose(0.5, 0.3), 2);
  // The second draw is the first again, so one more.
  t.is(choose(0, 0.1, 0.9), 3);
});

test("p2c() gives four replicas, none as busy as another, 3, 2, 1 and 0 of the six pairs", (t) => {
  const candidates = candidateDoubles([{ inFlight: 3 }, { inFlight: 2 }, { inFlight: 1 }, { inFlight: 0 }]);
  const selector = p2c();
  const context = contextOf(seeded(1));
  const counts = countChoices(candidates, 6000, () => selector.select(candidates, context));
  t.is(counts[0], 0);
  for (const pairs of [1, 2, 3]) t.true(near(counts[pairs]!, 6000, pairs / 6), String(counts));
});

test("p2c() compares requests in flight over weight", (t) => {
  const candidates = candidateDoubles([{ inFlight: 2 }, { weight: 3, inFlight: 5 }]);
  const selector = p2c();
  // The first is drawn (0.1 × 2 = 0.2 < 1/3), the other one is what is left.
  const choose = () => candidates.indexOf(selector.select(candidates, contextOf(scripted(0.1))));
  t.is(choose(), 1, "5 / 3 is less than 2 / 1");
  candidates[1]!.inFlight = 6;
  t.is(choose(), 0, "6 / 3 is not");
});

test("p2c() holds the fullest of 1000 replicas after 1000 requests near ln ln n / ln 2, random() does not", (t) => {
  const fullest = (selector: ReturnType<typeof p2c>) => {
    const candidates = candidateDoubles(Array.from({ length: 1000 }, () => ({})));
    const context = contextOf(seeded(1));
    for (let nth = 0; nth < 1000; nth++) selector.select(candidates, context).inFlight++;
    return Math.max(...candidates.map(({ inFlight }) => inFlight));
  };
  // Azar et al.: ln ln 1000 / ln 2 = 2.8, plus O(1); one choice: ln n / ln ln n × (1 + o(1)), about 5 or 6.
  t.true(fullest(p2c()) <= 4);
  t.true(fullest(random()) >= 5);
});
