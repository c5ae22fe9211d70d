import test from "ava";
import { shareOf } from "../src/share.ts";
import { candidateDouble } from "./candidate-double.ts";

for (const { weight, ramp, share } of [
  { weight: 100, ramp: 1, share: 100 },
  { weight: 4, ramp: 0.25, share: 1 },
  { weight: 1, ramp: 0, share: 2 ** -40 },
  { weight: -1, ramp: 1, share: 2 ** -40 },
  { weight: Number.NaN, ramp: 1, share: 2 ** -40 },
  { weight: 1e300, ramp: 1, share: 2 ** 40 },
  { weight: Number.POSITIVE_INFINITY, ramp: 1, share: 2 ** 40 },
]) {
  test(`shareOf() is ${share} of weight ${weight} with ramp ${ramp}`, (t) => {
    t.is(shareOf(candidateDouble(1, { weight, ramp })), share);
  });
}
