import test from "ava";
import { childKey, Draws } from "../src/draws.ts";
import { type Law, meanOf, samplerOf } from "../src/law.ts";

const laws: readonly (readonly [Law, cv: number])[] = [
  [{ kind: "deterministic", mean: 3 }, 0],
  [{ kind: "exponential", mean: 3 }, 1],
  [{ kind: "lognormal", mean: 3, cv: 1.5 }, 1.5],
  [{ kind: "gamma", mean: 3, cv: 0.5 }, 0.5],
  [{ kind: "gamma", mean: 3, cv: 2 }, 2],
  [{ kind: "samples", values: [1, 3] }, 0.5],
  [
    {
      kind: "quantiles",
      points: [
        [0, 1],
        [1, 5],
      ],
    },
    Math.sqrt(16 / 12) / 3,
  ],
];

for (const [law, cv] of laws) {
  test(`samplerOf() draws ${JSON.stringify(law)} with its mean and coefficient of variation`, (t) => {
    const [draws, draw] = [new Draws(), samplerOf(law)];
    const count = 200_000;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const value = draw(draws.at(childKey(5, i), 0));
      sum += value;
      squares += value * value;
    }
    const mean = sum / count;
    t.true(Math.abs(mean / meanOf(law) - 1) < 0.02, `${mean}`);
    t.true(Math.abs(Math.sqrt(Math.max(0, squares / count - mean * mean)) / mean - cv) < 0.06 * Math.max(cv, 0.1));
  });
}

test("samplerOf() draws a bounded Pareto within its bounds, with its mean and its tail", (t) => {
  for (const shape of [0.8, 1, 1.5]) {
    const law: Law = { kind: "pareto", shape, least: 1, most: 100 };
    const [draws, draw] = [new Draws(), samplerOf(law)];
    let sum = 0;
    let above = 0;
    for (let i = 0; i < 200_000; i++) {
      const value = draw(draws.at(childKey(5, i), 0));
      t.true(value >= 1 && value <= 100);
      sum += value;
      if (value > 10) above++;
    }
    t.true(Math.abs(sum / 200_000 / meanOf(law) - 1) < 0.02, `${shape}`);
    const tail = (10 ** -shape - 100 ** -shape) / (1 - 100 ** -shape);
    t.true(Math.abs(above / 200_000 / tail - 1) < 0.04);
  }
});
