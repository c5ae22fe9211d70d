import test from "ava";
import { busPace } from "../../src/bus/bus-pace.ts";

test("busPace() takes what others can judge silence by, and refuses the rest with the option's name", (t) => {
  t.deepEqual(busPace(1, 100), { fastMs: 1, slowMs: 100 });
  t.deepEqual(busPace(100, 100), { fastMs: 100, slowMs: 100 });
  for (const [interval, quiet, option] of [
    [0, 100, "interval"],
    [-1, 100, "interval"],
    [Number.NaN, 100, "interval"],
    [1001, 5000, "interval"],
    [10, 9, "quiet"],
    [1, 10_001, "quiet"],
    [1, Number.NaN, "quiet"],
  ] as const) {
    t.throws(() => busPace(interval, quiet), { code: "ERR_BUS_PACE", message: new RegExp(`^--${option} cannot be`) });
  }
});
