import test from "ava";
import { mix, Random } from "../src/random.ts";

test("Random repeats with its seed, which plans rely on: the first numbers of seed 1 never change", (t) => {
  const random = new Random(1);
  t.deepEqual(
    Array.from({ length: 4 }, () => random.bits()),
    [909274362, 1311799249, 1224002957, 3973411159],
  );
  t.not(new Random(2).bits(), new Random(1).bits());
});

test("Random draws evenly: below() and fraction() by chi square and mean, none out of its range", (t) => {
  const random = new Random(7);
  const counts = new Array<number>(10).fill(0);
  let sum = 0;
  for (let i = 0; i < 100_000; i++) {
    counts[random.below(10)]!++;
    const fraction = random.fraction();
    if (!(fraction > 0 && fraction <= 1)) t.fail(String(fraction));
    sum += fraction;
  }
  // 27.9 is the 0.999 quantile for nine degrees of freedom.
  t.true(counts.reduce((total, count) => total + (count - 10_000) ** 2 / 10_000, 0) < 27.9, counts.join());
  t.true(Math.abs(sum / 100_000 - 0.5) < 0.005);
  t.is(counts.length, 10);
});

test("mix() changes about half of the bits when one changes", (t) => {
  let flipped = 0;
  for (let value = 0; value < 1000; value++)
    for (let bit = 0; bit < 32; bit++) for (let left = mix(value) ^ mix(value ^ (1 << bit)); left !== 0; left &= left - 1) flipped++;
  t.true(Math.abs(flipped / 32_000 - 16) < 0.1, String(flipped / 32_000));
});
