import test from "ava";
import type { Target } from "../report/judge.ts";
import { judgeCapacity, parseCapacity, renderCapacity, slopePerMinute } from "../report/mqtt-capacity.ts";

const line = (result: Readonly<Record<string, unknown>>, broker = "mqttnic", exit = 0): string => JSON.stringify({ broker, exit, result });

const idle = {
  mode: "idle",
  count: 20_000,
  subscribed: false,
  openSeconds: 3,
  baseKib: 60_000,
  heldKib: 160_000,
  kibEach: 5,
  asked: 200,
  unanswered: 0,
};
const retain = {
  mode: "retain",
  count: 1_000_000,
  payloadBytes: 64,
  seconds: 9,
  baseKib: 6e4,
  heldKib: 5e5,
  bytesEach: 450,
  asked: 1000,
  returned: 1000,
  unacknowledged: 0,
};
const subscriptions = {
  mode: "subscriptions",
  count: 100_000,
  subscribeSeconds: 1,
  bytesEach: 300,
  same: { brokerUsEach: 3 },
  new: { brokerUsEach: 9 },
};
const resume = { mode: "resume", seconds: 1.5, sessionPresent: true, matched: true };
const match = { mode: "match", count: 100_000, cachedUs: 0.4, coldUs: 8 };
const soak = {
  mode: "soak",
  seconds: 600,
  qos: 1,
  perSecond: 100_000,
  lost: 0,
  gaps: 0,
  repeated: 0,
  unacknowledged: 0,
  bad: 0,
  latency: { p99Us: 900 },
  residentKib: Array.from({ length: 600 }, (_, i) => 100_000 + (i % 2)),
  brokerUsPerOperation: 3,
  saturated: false,
};

const judged = (lines: readonly string[], kind = "mqtt-capacity"): readonly Target[] =>
  judgeCapacity(parseCapacity(lines.join("\n")), kind);
const stateOf = (targets: readonly Target[], name: RegExp): string | undefined => targets.find((t) => name.test(t.name))?.state;

test("slopePerMinute() is the growth of what is left when the beginning is out of it", (t) => {
  t.is(slopePerMinute(Array.from({ length: 50 }, (_, i) => (i < 10 ? 0 : 1000 + i))), 60);
  t.is(slopePerMinute([5]), 0);
});

test("judgeCapacity() takes an empty run for no data, never for met", (t) => {
  for (const kind of ["mqtt-capacity", "mqtt-soak"]) t.deepEqual(new Set(judged([], kind).map(({ state }) => state)), new Set(["no data"]));
});

test("judgeCapacity() meets good figures and looks only at mqttnic's", (t) => {
  const bad = line({ ...idle, kibEach: 30 }, "aedes");
  const targets = judged([
    bad,
    line({ ...idle, subscribed: true, kibEach: 12 }),
    ...[idle, retain, subscriptions, resume, match].map((r) => line(r)),
  ]);
  t.deepEqual(
    targets.map(({ state }) => state),
    ["met", "met", "met", "met", "met"],
  );
  t.true(judged([line(soak)], "mqtt-soak").every(({ state }) => state === "met"));
});

for (const [what, name, result] of [
  ["8.1 KiB a connection", /idle/, { ...idle, kibEach: 8.1 }],
  ["an idle connection that is dead", /idle/, { ...idle, unanswered: 1 }],
  ["601 MB of retained messages", /retained/, { ...retain, heldKib: 601e6 / 1024 }],
  ["a retained message that does not come back", /retained/, { ...retain, returned: 999 }],
  ["a match of 21 µs", /cold/, { ...match, coldUs: 21 }],
  ["a start of 3.1 s", /start/, { ...resume, seconds: 3.1 }],
  ["a session that is gone after a start", /start/, { ...resume, sessionPresent: false }],
] as const)
  test(`judgeCapacity() misses the target on ${what}`, (t) => {
    t.is(stateOf(judged([line(subscriptions), line(result)]), name), "missed");
  });

for (const [what, name, result] of [
  ["a lost message", /lost/, { ...soak, lost: 1 }],
  ["a repeated message", /lost/, { ...soak, repeated: 1 }],
  ["a publish that is never acknowledged", /lost/, { ...soak, unacknowledged: 1 }],
  ["memory that grows by a KiB each second", /memory/, { ...soak, residentKib: soak.residentKib.map((_, i) => 50_000 + i) }],
  ["90 000 messages a second", /carried/, { ...soak, perSecond: 90_000 }],
] as const)
  test(`judgeCapacity() misses the soak's target on ${what}`, (t) => {
    t.is(stateOf(judged([line({ ...result, residentKib: result.residentKib })], "mqtt-soak"), name), "missed");
  });

test("judgeCapacity() does not take fewer or shorter for the target, but a miss for a miss", (t) => {
  t.is(stateOf(judged([line({ ...idle, count: 2000 })]), /idle/), "no data");
  t.is(stateOf(judged([line({ ...idle, count: 2000, kibEach: 9 })]), /idle/), "missed");
  t.is(stateOf(judged([line({ ...soak, seconds: 5 })], "mqtt-soak"), /lost/), "no data");
});

test("judgeCapacity() says why a load failed", (t) => {
  const targets = judged([line({ mode: "retain", error: "the broker closed the connection" }, "mqttnic", 1)]);
  const target = targets.find(({ name }) => name.includes("retained"));
  t.is(target?.state, "missed");
  t.regex(target?.measured ?? "", /closed the connection/);
});

test("renderCapacity() has a line for each broker and says what is wrong", (t) => {
  const text = renderCapacity(
    parseCapacity(
      [line({ ...idle, unanswered: 3 }), line(idle, "mosquitto"), line({ mode: "retain", error: "gone" }, "aedes", 1)].join("\n"),
    ),
  );
  t.regex(text, /mqttnic +5\.00 KiB for each of 20,000.*3 of 200 asked are DEAD/);
  t.regex(text, /mosquitto +5\.00 KiB/);
  t.regex(text, /aedes +FAILED: gone/);
});
