/** The `topic-match` device over the RTL: hal's suite, its limits, what it refuses, and what happens when the model fails. */
import { Placement, type TopicMatch, topicMatch } from "@mitsu/hal";
import { conformance, topicMatchCase } from "@mitsu/hal/conformance";
import test from "ava";
import { TopicMatcher } from "../../models/topic_matcher.ts";
import {
  openTopicMatcherDevice,
  type TopicMatcherModel,
  topicMatcherCycles,
  topicMatcherDevice,
  topicMatcherLimits,
} from "../../src/devices/topic-match.ts";
import { parseTopicFilter } from "../../src/devices/topic-match-filter.ts";

/** Two are enough: a check has two devices at most, and a device resets its model. */
const models = [await TopicMatcher.open(), await TopicMatcher.open()] as const;
let opened = 0;
const open = () => topicMatcherDevice(models[opened++ % 2]!);

// A filter takes the simulation a millisecond: of 25 runs of a hundred steps, one in eight unless all is asked for.
const some: typeof topicMatchCase = {
  ...topicMatchCase,
  use: (operations, spec, seed) => (seed % 8 === 0 ? topicMatchCase.use(operations, spec, seed) : undefined),
};
conformance("rtl-topic-matcher", open, [process.env.MITSU_TEST_ALL === "1" ? topicMatchCase : some]);

const work = (entries: number) => ({ capability: topicMatch, spec: { entries } }) as const;
const open1 = (entries = 16): TopicMatch => open().install(work(entries)).operations;

test("add() throws ERR_HAL_LIMIT beyond 14 levels, # not counted, and nothing changes", (t) => {
  const device = open();
  const installed = device.install(work(4));
  const { operations } = installed;
  const deep = Array.from({ length: 14 }, (_, at) => `l${at}`).join("/");
  operations.add(`${deep}/#`, 1);
  operations.add(deep, 2);
  t.throws(() => operations.add(`${deep}/x`, 3), { code: "ERR_HAL_LIMIT", message: /15 levels.*takes 14/ });
  t.deepEqual(operations.match(`${deep}/x/y`), [1]);
  t.deepEqual(operations.match(deep), [1, 2]);
  t.is(installed.export().length, 2);
  t.deepEqual(device.validate(work(4), [{ filter: `${deep}/x`, id: 1 }]), {
    ok: false,
    code: "limit",
    reason: `filter ${`${deep}/x`.slice(0, 60)} has 15 levels, and the matcher takes 14 without #`,
  });
});

test("add() of the same filter for several ids takes one slot, of the same filter in two pieces of work one each", (t) => {
  const device = open();
  const [one, other] = [device.install(work(8)), device.install(work(8))];
  for (const id of [4, 0, 2 ** 32 - 1]) one.operations.add("a/+", id);
  other.operations.add("a/+", 9);
  t.is(device.counters()["topic-match.installs"], 2);
  t.deepEqual(one.operations.match("a/b"), [0, 4, 2 ** 32 - 1]);
  t.deepEqual(other.operations.match("a/b"), [9]);
  device.uninstall(one);
  t.deepEqual(other.operations.match("a/b"), [9]);
});

test("filters, topics and ids that are none are refused before the hardware sees them", (t) => {
  const operations = open1();
  for (const filter of ["", "a#", "#/a", "a+/b", "$share/g", "$share//a", "$share/g/", "$share/+/a", "a\0b"])
    t.throws(() => operations.add(filter, 1), { instanceOf: RangeError, message: /is not a topic filter/ }, filter);
  for (const id of [-1, 1.5, 2 ** 32, Number.NaN]) t.throws(() => operations.add("a", id), { instanceOf: RangeError });
  for (const topic of ["", "a/+", "#", "a\0"]) t.throws(() => operations.match(topic), { instanceOf: RangeError });
  t.throws(() => topicMatcherDevice(models[0], { clockMhz: 0 }), { instanceOf: RangeError });
  t.deepEqual(parseTopicFilter("$share/g/a/#"), { plain: "a/#", shared: true, levels: 1 });
  t.is(open().validate(work(1), [{ filter: "a#", id: 1 }]).ok, false);
});

test("costs are what the model takes", (t) => {
  const device = open();
  const { operations } = device.install(work(16));
  const cycles = (): number => device.counters()["topic-match.lookupCycles"]!;
  for (let id = 0; id < 3; id++) operations.add(`a/+/${"+/".repeat(id)}#`, id);
  for (const [topic, levels, matches] of [
    ["none", 1, 0],
    ["a/b", 2, 1],
    ["a/b/c/d/e", 5, 3],
  ] as const) {
    const before = cycles();
    t.is(operations.match(topic).length, matches, topic);
    t.is(cycles() - before, topicMatcherCycles(levels, matches), topic);
  }
  t.deepEqual(device.offers()[0]!.limits, { filters: 4096, levels: topicMatcherLimits.levels });
  t.deepEqual(device.offers()[0]!.cost, { ns: 90, cycles: 9 });
});

test("a model that fails: the device is gone, work goes on elsewhere with all it had", (t) => {
  let broken = false;
  // The model, until its clock stands: like a card that has fallen off the bus.
  const failing: TopicMatcherModel = new Proxy(models[0], {
    get: (model, port) => {
      if (port === "step" && broken) throw new Error("no clock");
      const value = Reflect.get(model, port, model);
      return typeof value === "function" ? value.bind(model) : value;
    },
    set: (model, port, value) => Reflect.set(model, port, value, model),
  });
  const device = topicMatcherDevice(failing);
  const told: string[] = [];
  const placement = new Placement([device, topicMatcherDevice(models[1], { name: "second", clockMhz: 50 })], {
    notice: (text) => void told.push(text),
  });
  const placed = placement.place("filters", work(8));
  placed.operations.add("a/+", 1);
  placed.operations.add("a/b", 2);
  t.is(placed.device, device);
  broken = true;
  t.deepEqual(placed.operations.match("a/b"), [1, 2]);
  t.is(placed.device?.identity.name, "second");
  t.true(placed.operations.remove("a/b", 2));
  t.deepEqual(placed.operations.match("a/b"), [1]);
  t.deepEqual(device.offers(), []);
  t.true(told.some((text) => /filters moved from rtl-topic-matcher to second/.test(text)));
});

test("openTopicMatcherDevice() brings a model of its own", async (t) => {
  const { device, close } = await openTopicMatcherDevice({ name: "own" });
  const { operations } = device.install(work(1));
  operations.add("#", 5);
  t.deepEqual(operations.match("a"), [5]);
  t.deepEqual(operations.match("$SYS/a"), []);
  close();
  t.deepEqual(device.offers(), []);
});
