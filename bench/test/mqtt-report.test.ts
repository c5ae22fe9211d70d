import test from "ava";
import type { Target } from "../report/judge.ts";
import { renderMqttChart } from "../report/mqtt-chart.ts";
import { renderFeedbackChart } from "../report/mqtt-feedback-chart.ts";
import { parsePoint, pointTitle } from "../report/mqtt-names.ts";
import { brokerRatio, isUnredirected, sortedTimes, toMqttPoints } from "../report/mqtt-points.ts";
import { parseMqtt } from "../report/mqtt-samples.ts";
import { renderMqttTable, renderTargets } from "../report/mqtt-table.ts";
import { judgeMqtt, mqttRemarks } from "../report/mqtt-targets.ts";

const times = (
  p50Us: number,
  p99Us: number,
  sorted: readonly (readonly [number, number])[] = [
    [p50Us, 99],
    [p99Us, 1],
  ],
) => ({
  count: 100,
  p50Us,
  p99Us,
  p999Us: p99Us,
  maxUs: p99Us,
  sorted,
});
const never = { count: 0, sorted: [] };

interface Given {
  readonly rep?: number;
  readonly exit?: number;
  readonly counters?: Readonly<Record<string, number>>;
  readonly output?: Readonly<Record<string, unknown>>;
}

/** One raw line of mqtt.sh: a second with `operations` of them. */
function line(point: string, mode: string, operations: number, { rep = 1, exit = 0, counters = {}, output = {} }: Given = {}): string {
  const base = {
    seconds: 1,
    operations,
    inAll: operations,
    perSecond: operations,
    brokerCpuSeconds: 0.9,
    brokerUsPerOperation: 9e5 / operations,
    generatorBusy: 0.5,
    saturated: false,
    latency: times(100, 200),
    bad: 0,
  };
  return JSON.stringify({
    point,
    mode,
    rep,
    exit,
    wallSeconds: 2,
    foreignCpuSeconds: 0.1,
    stealSeconds: 0.1,
    counters,
    output: JSON.stringify({ ...base, ...output }),
  });
}

const rounds = (point: string, mode: string, collectToDistribute: object, given: Given = {}): string =>
  line(point, mode, 64_000, { ...given, output: { collectToDistribute, round: collectToDistribute, ...given.output } });

const judged = (lines: readonly string[], skipped: readonly string[] = []): readonly Target[] =>
  judgeMqtt(parseMqtt(lines.join("\n")).samples, skipped);
const stateOf = (targets: readonly Target[], name: RegExp): string | undefined => targets.find((t) => name.test(t.name))?.state;
const pointsOf = (lines: readonly string[]) => toMqttPoints(parseMqtt(lines.join("\n")).samples);

test("parsePoint() takes every kind of point apart and refuses what is none", (t) => {
  t.deepEqual(parsePoint("fanout-mixed-w16-full"), { kind: "fan", shape: "fanout", qos: "mixed", window: 16, full: true });
  t.deepEqual(parsePoint("feedback-1024-100"), { kind: "feedback", nodes: 1024, rate: 100 });
  t.throws(() => parsePoint("fanout-q3-w1"), { instanceOf: RangeError, message: /fanout-q3-w1/ });
  t.is(pointTitle("fanin-q0-w1"), "100 → 1, QoS 0, one at a time");
});

test("parseMqtt() counts as lost what never came, was wrong, or was not finished", (t) => {
  const lines = [
    line("fanout-q0-w1", "floor", 10, { output: { lost: 2, bad: 1 } }),
    rounds("feedback-64-100", "floor", times(1, 2), { output: { unstarted: 3, unfinished: 4 } }),
  ];
  t.deepEqual(
    parseMqtt(lines.join("\n")).samples.map((s) => s.lost),
    [3, 7],
  );
});

test("parseMqtt() names what failed and reads no figures of it", (t) => {
  const { samples, failed } = parseMqtt(line("fanout-q0-w1", "mqttnic", 10, { exit: 1 }));
  t.deepEqual([samples.length, failed], [0, ["fanout-q0-w1 mqttnic"]]);
});

test("brokerRatio() compares within a repetition and never across", (t) => {
  const lines = [
    line("fanout-q0-w1", "mosquitto", 100, { rep: 1 }),
    line("fanout-q0-w1", "mqttnic", 200, { rep: 1 }),
    line("fanout-q0-w1", "mosquitto", 400, { rep: 2 }),
    line("fanout-q0-w1", "mqttnic", 400, { rep: 2 }),
    line("fanout-q0-w1", "mqttnic", 9999, { rep: 3 }),
  ];
  t.deepEqual(
    brokerRatio(parseMqtt(lines.join("\n")).samples, "mqttnic", "mosquitto", (s) => s.perSecond),
    { median: 1.5, min: 1, max: 2 },
  );
});

test("judgeMqtt() takes an empty run for no data, never for met", (t) => {
  t.deepEqual(new Set(judged([]).map(({ state }) => state)), new Set(["no data"]));
});

test("judgeMqtt() judges rates by issue 5's bounds, the full broker by the same", (t) => {
  for (const [point, name, least] of [
    ["fanout-q0-w16", /^1 → 100, QoS 0, 16 outstanding: /, 12],
    ["fanout-q1-w16", /^1 → 100, QoS 1, 16 outstanding: /, 8],
    ["fanin-q0-w16", /^100 → 1, QoS 0, 16 outstanding: /, 12],
    ["fanout-q0-w16-full", /^1 → 100, QoS 0, 16 outstanding, full broker: /, 12],
    ["fanout-q0-w1", /^1 → 100, QoS 0, one at a time: /, 1.15],
  ] as const) {
    const at = (ratio: number): string | undefined =>
      stateOf(judged([line(point, "mosquitto", 100_000), line(point, "mqttnic", 100_000 * ratio)]), name);
    t.deepEqual([at(least + 0.001), at(least - 0.001)], ["met", "missed"], point);
  }
});

test("judgeMqtt() compares what is behind the redirect with mosquitto on TCP, when it was redirected", (t) => {
  const name = /^1 → 100, QoS 0, one at a time, redirected: /;
  const at = (redirected: number): string | undefined =>
    stateOf(
      judged([
        line("fanout-q0-w1", "mosquitto", 100_000),
        line("fanout-q0-w1", "mosquitto-redirect", 900_000),
        line("fanout-q0-w1", "mqttnic-redirect", 210_000, { counters: { redirected } }),
      ]),
      name,
    );
  t.deepEqual([at(210_000), at(0)], ["met", "no data"]);
});

test("judgeMqtt() judges p50, p99 and their ratio of feedback, each way by its own bounds", (t) => {
  const targets = judged([
    rounds("feedback-64-500", "mosquitto", times(600, 900)),
    rounds("feedback-64-500", "mqttnic", times(380, 700)),
    rounds("feedback-64-500", "mqttnic-redirect", times(280, 580), { counters: { redirected: 64_000 } }),
  ]);
  const state = (name: string): string | undefined => targets.find((t) => t.name === `feedback, 64 nodes, 500 rounds/s${name}`)?.state;
  t.deepEqual([": p50", ": p99", ": p99 over p50", ", redirected: p50", ", redirected: p99", ", redirected: p99 over p50"].map(state), [
    "met",
    "missed",
    "met",
    "missed",
    "met",
    "met",
  ]);
});

test("judgeMqtt() takes a round that mosquitto never ends for longer than any, and one that mqttnic never ends for missed", (t) => {
  const p50 = /^feedback, 64 nodes, 3000 rounds\/s: p50/;
  const fine = times(100, 150);
  const both = (theirs: object, ours: object): string | undefined =>
    stateOf(judged([rounds("feedback-64-3000", "mosquitto", theirs), rounds("feedback-64-3000", "mqttnic", ours)]), p50);
  t.deepEqual([both(never, fine), both(fine, never), both(never, never)], ["met", "missed", "no data"]);
});

test("judgeMqtt() says of points that were left out why there is no data", (t) => {
  const target = judged([], ["feedback-1024-3000"]).find((t) => t.name.includes("1024 nodes, 3000"));
  t.like(target, { state: "no data", measured: "no generator on one CPU sends so much" });
});

test("judgeMqtt() misses a target on one lost message of mqttnic's, and on none of another's", (t) => {
  const lost = { output: { lost: 1 } };
  t.is(stateOf(judged([line("fanout-q0-w1", "mqttnic", 10, lost)]), /lost/), "missed");
  t.is(stateOf(judged([line("fanout-q0-w1", "mqttnic", 10), line("fanout-q0-w1", "mosquitto", 10, lost)]), /lost/), "met");
});

test("isUnredirected() wants a write for each message only where one is outstanding", (t) => {
  t.false(isUnredirected({ point: "fanout-q0-w16", redirected: 0.01 }));
  t.true(isUnredirected({ point: "fanout-q0-w16", redirected: 0 }));
  t.true(isUnredirected({ point: "fanout-q0-w1", redirected: 0.01 }));
  t.true(isUnredirected({ point: "feedback-64-500", redirected: 0.6 }));
  t.false(isUnredirected({ point: "fanout-q0-w1", redirected: undefined }));
});

test("mqttRemarks() names who was not redirected, who had the generator at its limit, and who lost what", (t) => {
  const remarks = mqttRemarks(
    pointsOf([
      line("fanout-q0-w1", "mqttnic-redirect", 10),
      line("fanout-q0-w1", "floor", 10, { output: { saturated: true } }),
      rounds("feedback-64-3000", "mosquitto", never, { output: { unfinished: 5 } }),
    ]),
  );
  t.is(remarks.length, 3);
  t.regex(remarks.join("\n"), /NOT REDIRECTED.*mqttnic, redirected.*limit.*floor.*5 rounds.*mosquitto/s);
});

test("sortedTimes() puts the times of all repetitions into one ascending curve, from the least to the most", (t) => {
  const lines = [
    rounds(
      "feedback-64-500",
      "mqttnic",
      times(100, 300, [
        [100, 50],
        [300, 1],
      ]),
      { rep: 1 },
    ),
    rounds("feedback-64-500", "mqttnic", times(100, 300, [[200, 49]]), { rep: 2 }),
  ];
  const curve = sortedTimes(parseMqtt(lines.join("\n")).samples, "feedback-64-500", "mqttnic", 100);
  t.deepEqual(
    [curve[0], curve.at(-1)],
    [
      [0, 100],
      [1, 300],
    ],
  );
  t.is(curve.find(([share]) => share > 0.6)?.[1], 200);
  t.true(curve.every(([, us], i) => i === 0 || us >= curve[i - 1]![1]));
  t.deepEqual(sortedTimes([], "feedback-64-500", "mqttnic", 100), []);
});

test("renderMqttTable() shows ratios over mosquitto, and never where nothing arrived", (t) => {
  const text = renderMqttTable(
    pointsOf([line("fanout-q0-w1", "mosquitto", 100_000), line("fanout-q0-w1", "mqttnic", 250_000, { output: { latency: never } })]),
  );
  t.regex(text, /mqttnic +250,000 +2\.50 × +3\.60 +0\.40 × +never/);
});

test("renderTargets() counts met, missed and without data", (t) => {
  t.regex(renderTargets(judged([line("fanout-q0-w1", "mqttnic", 10)]), false), /1 of \d+ targets met, 0 MISSED, \d+ without data/);
});

test("renderMqttChart() draws bars as long as their ratios", (t) => {
  const svg = renderMqttChart(
    pointsOf([line("fanout-q0-w16", "mosquitto", 100), line("fanout-q0-w16", "mqttnic", 1200), line("fanout-q0-w16", "floor", 1800)]),
    "a < b",
  );
  const width = (mode: string): number => Number(new RegExp(`class="bar ${mode} tcp"[^>]* width="([0-9.]+)"`).exec(svg)?.[1]);
  t.true(Math.abs(width("floor") / width("mqttnic") - 1.5) < 0.01);
  t.true(svg.includes("a &lt; b"));
  t.false(svg.includes("NaN"));
});

test("renderFeedbackChart() draws a line for each broker that has times, and a run without any", (t) => {
  const lines = [
    rounds("feedback-64-500", "mosquitto", times(600, 900)),
    rounds("feedback-64-500", "mqttnic", times(300, 500)),
    rounds("feedback-64-500", "floor", never),
  ];
  const svg = renderFeedbackChart(pointsOf(lines), parseMqtt(lines.join("\n")).samples, "here");
  t.is([...svg.matchAll(/class="curve \w+ tcp" d="M[\d.]+ [\d.]+L/g)].length, 2);
  t.regex(svg, /over mosquitto's: on TCP 0\.50, 0\.56 ×/);
  t.false(`${svg}${renderFeedbackChart([], [], "")}`.includes("NaN"));
});
