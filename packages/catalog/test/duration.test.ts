import test from "ava";
import fc from "fast-check";
import { formatDuration, longestMs, parseDuration } from "../src/duration.ts";

for (const [text, ms] of [
  ["250ms", 250],
  ["2s", 2000],
  ["1.5s", 1500],
  ["0.3s", 300],
  ["1m", 60_000],
  ["1h", 3_600_000],
  ["0s", 0],
  ["2147483647ms", undefined],
  ["596.5h", 2_147_400_000],
  ["597h", undefined],
  ["0.5ms", undefined],
  ["1 s", undefined],
  ["1S", undefined],
  ["1m30s", undefined],
  ["-1s", undefined],
  [".5s", undefined],
  ["1", undefined],
  ["s", undefined],
  ["1e3ms", undefined],
  ["", undefined],
] as const) {
  test(`parseDuration() takes ${JSON.stringify(text)} for ${ms}`, (t) => {
    t.is(parseDuration(text), ms);
  });
}

test("formatDuration() takes the largest unit that needs no fraction", (t) => {
  t.deepEqual([0, 1, 1500, 2000, 90_000, 60_000, 3_600_000].map(formatDuration), ["0s", "1ms", "1500ms", "2s", "90s", "1m", "1h"]);
});

test("parseDuration() gives back what formatDuration() wrote", (t) => {
  fc.assert(
    fc.property(fc.nat(999_999_999), (ms) => parseDuration(formatDuration(ms)) === ms),
    { seed: 11 },
  );
  t.true(longestMs > 999_999_999);
});
