import test from "ava";
import { WeightedDraw } from "../src/weighted-draw.ts";
import { candidateDoubles, countChoices, near, scripted, seeded } from "./candidate-double.ts";

test("WeightedDraw.draw() of equal shares takes one number", (t) => {
  const candidates = candidateDoubles([{}, {}, {}, {}]);
  const draw = new WeightedDraw();
  t.is(draw.draw(candidates, scripted(0.5)), 2);
  t.is(draw.draw(candidates, scripted(0.99)), 3);
});

test("WeightedDraw.draw() draws again when chance refuses a light one", (t) => {
  // 0.2 × 2 = 0.4: the first, whose share of the heaviest is 1/4, so 0.4 is refused; 0.1 × 2 = 0.2 is not.
  const candidates = candidateDoubles([{ weight: 1 }, { weight: 4 }]);
  t.is(new WeightedDraw().draw(candidates, scripted(0.2, 0.1)), 0);
  t.is(new WeightedDraw().draw(candidates, scripted(0.2, 0.7)), 1);
});

for (const [title, weights] of [
  ["about equal ones", [3, 2, 1]],
  ["one far heavier than the rest, where it walks", [1000, ...Array.from({ length: 49 }, () => 1)]],
] as const) {
  test(`WeightedDraw.draw() gives shares as the weights: ${title}`, (t) => {
    const candidates = candidateDoubles(weights.map((weight) => ({ weight })));
    const draw = new WeightedDraw();
    const random = seeded(1);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const counts = countChoices(candidates, 20_000, () => candidates[draw.draw(candidates, random)]!);
    for (const [index, count] of counts.entries()) t.true(near(count, 20_000, weights[index]! / sum), `${index}: ${count}`);
  });
}

test("WeightedDraw.draw() never gives the one it shall not, and the others by weight", (t) => {
  const candidates = candidateDoubles([{ weight: 1 }, { weight: 5 }, { weight: 3 }]);
  const draw = new WeightedDraw();
  const random = seeded(2);
  const counts = countChoices(candidates, 10_000, () => candidates[draw.draw(candidates, random, 1)]!);
  t.is(counts[1], 0);
  t.true(near(counts[0]!, 10_000, 0.25), String(counts));
});

test("WeightedDraw.draw() follows weights and ramps that change while the set does not", (t) => {
  const candidates = candidateDoubles([{ ramp: 0.1 }, { weight: 1 }]);
  const draw = new WeightedDraw();
  const random = seeded(3);
  const share = () => countChoices(candidates, 10_000, () => candidates[draw.draw(candidates, random)]!)[0]!;
  t.true(near(share(), 10_000, 0.1 / 1.1));
  candidates[0]!.ramp = 1;
  t.true(near(share(), 10_000, 0.5));
  candidates[1]!.weight = 9;
  draw.draw(candidates, () => 0.5); // sees the second one
  t.true(near(share(), 10_000, 0.1));
});

test("WeightedDraw.draw() gives the others by weight where the one it shall not is far heavier, and it walks", (t) => {
  const candidates = candidateDoubles([{ weight: 1 }, { weight: 1e6 }, { weight: 3 }]);
  const draw = new WeightedDraw();
  const random = seeded(4);
  const counts = countChoices(candidates, 10_000, () => candidates[draw.draw(candidates, random, 1)]!);
  t.is(counts[1], 0);
  t.true(near(counts[0]!, 10_000, 0.25), String(counts));
});

test("WeightedDraw.draw() walks no more once the heavy one is light", (t) => {
  const candidates = candidateDoubles([{ weight: 1e9 }, {}, {}, {}]);
  const draw = new WeightedDraw();
  let drawn = 0;
  const random = seeded(5);
  const counted = () => {
    drawn++;
    return random();
  };
  draw.draw(candidates, counted);
  candidates[0]!.weight = 1;
  draw.draw(candidates, () => 0.6); // refused, and walked: sees it
  drawn = 0;
  for (let nth = 0; nth < 100; nth++) draw.draw(candidates, counted);
  t.is(drawn, 100);
});
