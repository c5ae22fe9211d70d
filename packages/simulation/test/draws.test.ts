import test from "ava";
import { childKey, Draws } from "../src/draws.ts";

const first = (draws: Draws): number[] => Array.from({ length: 3 }, () => draws.uniform());

test("Draws gives the same numbers for the same key and purpose, whatever was drawn before, and others for others", (t) => {
  const draws = new Draws();
  const numbers = first(draws.at(7, 1));
  draws.at(8, 0).normal();
  t.deepEqual(first(draws.at(7, 1)), numbers);
  t.notDeepEqual(first(draws.at(7, 2)), numbers);
  t.notDeepEqual(first(draws.at(childKey(7, 0), 1)), numbers);
});

test("Draws never changes what a key gives, which figures of simulations rely on", (t) => {
  t.deepEqual(first(new Draws().at(childKey(7, 5), 0)), [0.36149038386065513, 0.5926198536762968, 0.4705500489799306]);
});

test("Draws gives even, exponential and normal numbers with their means and variances over neighbouring keys", (t) => {
  const draws = new Draws();
  const count = 100_000;
  for (const [name, draw, mean, variance] of [
    ["uniform", () => draws.uniform(), 1 / 2, 1 / 12],
    ["exponential", () => draws.exponential(), 1, 1],
    ["normal", () => draws.normal(), 0, 1],
  ] as const) {
    let sum = 0;
    let squares = 0;
    for (let key = 0; key < count; key++) {
      draws.at(key, 0);
      const value = draw();
      sum += value;
      squares += value * value;
    }
    t.true(Math.abs(sum / count - mean) < 0.01, `${name} ${sum / count}`);
    t.true(Math.abs(squares / count - (sum / count) ** 2 - variance) < 0.03, `${name} ${squares / count}`);
  }
});
