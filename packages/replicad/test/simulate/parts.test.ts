/** The parts: distributions, arrivals, the heap, the history of states, what a server says of latency. */
import test from "ava";
import { arrivalTimes } from "../../src/simulate/arrivals.ts";
import { EventHeap } from "../../src/simulate/event-heap.ts";
import { LatencyNear } from "../../src/simulate/latency-near.ts";
import { type Law, meanOf, samplerOf } from "../../src/simulate/law.ts";
import { quantileOrSamples } from "../../src/simulate/law-file.ts";
import { medianOutcome } from "../../src/simulate/outcome.ts";
import { Draws, place } from "../../src/simulate/random.ts";
import { usualSetting } from "../../src/simulate/setting.ts";
import { simulate } from "../../src/simulate/simulate.ts";
import { StateHistory } from "../../src/simulate/state-history.ts";

const laws: readonly (readonly [Law, cv: number])[] = [
  [{ kind: "deterministic", meanMs: 3 }, 0],
  [{ kind: "exponential", meanMs: 3 }, 1],
  [{ kind: "log-normal", meanMs: 3, cv: 1.5 }, 1.5],
  [{ kind: "gamma", meanMs: 3, cv: 0.5 }, 0.5],
  [{ kind: "gamma", meanMs: 3, cv: 2 }, 2],
  [{ kind: "samples", valuesMs: [1, 3] }, 0.5],
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
    const [draws, draw] = [new Draws(5), samplerOf(law)];
    const count = 200_000;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < count; i++) {
      const value = draw(draws.at(i, place.demand));
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
    const law: Law = { kind: "pareto", shape, leastMs: 1, mostMs: 100 };
    const [draws, draw] = [new Draws(1), samplerOf(law)];
    let sum = 0;
    let above = 0;
    for (let i = 0; i < 200_000; i++) {
      const value = draw(draws.at(i, place.demand));
      t.true(value >= 1 && value <= 100);
      sum += value;
      if (value > 10) above++;
    }
    t.true(Math.abs(sum / 200_000 / meanOf(law) - 1) < 0.02, `${shape}`);
    const tail = (10 ** -shape - 100 ** -shape) / (1 - 100 ** -shape);
    t.true(Math.abs(above / 200_000 / tail - 1) < 0.04);
  }
});

test("arrivalTimes() of bursts rise, and have the rate in the long run and its bursts", (t) => {
  const next = arrivalTimes({ kind: "bursty", onMs: 10, offMs: 40 }, 2, new Draws(3));
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

test("EventHeap gives events in the order of their times, past its first size", (t) => {
  const [heap, draws] = [new EventHeap(), new Draws(2)];
  for (let i = 0; i < 5000; i++) heap.push(draws.uniform(), i);
  let before = 0;
  while (heap.size > 0) {
    t.true(heap.time >= before);
    before = heap.time;
    heap.pop();
  }
  t.is(heap.time, Number.POSITIVE_INFINITY);
});

test("StateHistory tells the state at any time within its horizon, also after it grew", (t) => {
  const history = new StateHistory(100);
  for (let at = 0; at < 1000; at++) {
    history.push(at, at * 2, at / 2);
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
  t.deepEqual(quantileOrSamples("1ms\n\n250us\n", "f"), { kind: "samples", valuesMs: [1, 0.25] });
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
