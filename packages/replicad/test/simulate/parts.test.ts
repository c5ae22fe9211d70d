/** The parts: arrivals, the history of states, what a server says of latency. */
import test from "ava";
import { arrivalTimes } from "../../src/simulate/arrivals.ts";
import { LatencyNear } from "../../src/simulate/latency-near.ts";
import { quantileOrSamples } from "../../src/simulate/law-file.ts";
import { medianOutcome } from "../../src/simulate/outcome.ts";
import { SeededDraws } from "../../src/simulate/seeded-draws.ts";
import { usualSetting } from "../../src/simulate/setting.ts";
import { simulate } from "../../src/simulate/simulate.ts";
import { StateHistory } from "../../src/simulate/state-history.ts";

test("arrivalTimes() of bursts rise, and have the rate in the long run and its bursts", (t) => {
  const next = arrivalTimes({ kind: "bursty", onMs: 10, offMs: 40 }, 2, new SeededDraws(3));
  let before = 0;
  let gaps = 0;
  for (let i = 0; i < 200_000; i++) {
    const now = next();
    t.true(now >= before);
    if (now - before > 5) gaps++;
    before = now;
  }
  t.true(Math.abs(200_000 / before / 2 - 1) < 0.05, `${200_000 / before}`);
  // A Poisson process of this rate has none of 5 ms but one in 22 000.
  t.true(gaps > 1000);
});

test("StateHistory keeps what was to be had when the broker was lost, however long ago that is", (t) => {
  const history = new StateHistory(10, 50);
  for (let ms = 0; ms <= 1000; ms++) history.push(ms, ms, 0, 0);
  t.is(history.inFlight(history.at(41)), 41);
  t.is(history.inFlight(history.at(50)), 50);
});

test("StateHistory tells the state at any time within its horizon, also after it grew", (t) => {
  const history = new StateHistory(100);
  for (let at = 0; at < 1000; at++) {
    history.push(at, at * 2, at / 2, at);
    for (const back of [0, 0.5, 37.25, 99]) {
      const place = history.at(at - back);
      t.is(history.inFlight(place), at - back < 0 ? 0 : Math.floor(at - back) * 2);
    }
  }
});

test("LatencyNear tells the median at the number in flight, or at the nearest one seen, lower first", (t) => {
  const near = new LatencyNear();
  t.is(near.median(3), 0);
  for (const latency of [5, 1, 9]) near.add(3, latency);
  near.add(7, 70);
  t.is(near.median(3), 5);
  t.is(near.median(5), 5);
  t.is(near.median(6), 70);
  t.is(near.median(500), 70);
  for (let i = 0; i < 100; i++) near.add(3, 40);
  t.is(near.median(3), 40, "old ones are gone");
});

test("quantileOrSamples() reads both forms, and names the line that is wrong", (t) => {
  t.deepEqual(quantileOrSamples("# search\n0.5 4ms\n0.99 18ms # tail\n", "f"), {
    kind: "quantiles",
    points: [
      [0.5, 4],
      [0.99, 18],
    ],
  });
  t.deepEqual(quantileOrSamples("1ms\n\n250us\n", "f"), { kind: "samples", values: [1, 0.25] });
  for (const [text, message] of [
    ["0.5 4ms\n0.4 5ms", /^f:2: probabilities and durations have to ascend/],
    ["0.5 4", /^f:1: '4' is no duration/],
    ["1.5 4ms", /^f:1: '1.5' is no probability/],
    ["1ms\n0.5 4ms", /^f:2: quantiles and values are mixed/],
    ["", /^f:1: there is no duration above 0/],
  ] as const) {
    t.throws(() => quantileOrSamples(text, "f"), { code: "ERR_LAW_FILE", message }, text);
  }
});

test("medianOutcome() takes the middle of each figure", (t) => {
  const runs = [1, 2, 3].map((seed) => simulate({ ...usualSetting, selector: "p2c", durationMs: 2000, warmUpMs: 0, seed }));
  const p99s = runs.map(({ responseMs }) => responseMs!.p99).toSorted((a, b) => a - b);
  t.is(medianOutcome(runs).responseMs!.p99, p99s[1]!);
  t.is(medianOutcome([{ ...runs[0]!, responseMs: null }, runs[1]!]).responseMs, null);
});
