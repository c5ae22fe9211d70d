/** Filters on devices: what is where, that nothing is lost on the way, and that all find what mqttnic's own tree finds. */

import { createLog, testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import { Placement, topicMatch } from "@mitsu/hal";
import { openTopicMatcherDevice, topicMatcherDevice } from "@mitsu/hdl-bindings/devices";
import test, { type ExecutionContext } from "ava";
import { TopicMatcher } from "../../../hdl-bindings/models/topic_matcher.ts";
import { FilterTree } from "../../src/matching/filter-tree.ts";
import { openMatching } from "../../src/matching/matching.ts";
import { PlacedFilters } from "../../src/matching/placed-filters.ts";
import { treeDevice } from "../../src/matching/tree-device.ts";
import { randomOf, until } from "../broker/rig.ts";

const seeds = process.env.MITSU_TEST_ALL === "1" ? 40 : 2;
const quiet = () => createLog(testEnv());

/** A device with the RTL's limits in levels, and so many entries; it ends with the test. */
async function hardware(t: ExecutionContext, entries?: number) {
  const { device, close } = await openTopicMatcherDevice();
  t.teardown(close);
  if (entries !== undefined) device.setEntries(topicMatch, entries);
  return device;
}

/** As much time as it takes. */
const atOnce = { installMs: Number.POSITIVE_INFINITY, everyMs: 1, nowMs: () => performance.now() };

const found = (filters: { match(topic: string, visit: (leaf: string) => void): void }, topic: string): string[] => {
  const leaves: string[] = [];
  filters.match(topic, (leaf) => void leaves.push(leaf));
  return leaves.sort();
};

const deep = (levels: number): string => Array.from({ length: levels }, (_, at) => `l${at}`).join("/");

test("PlacedFilters: a filter of too many levels goes to software, the others stay in hardware", async (t) => {
  const filters = new PlacedFilters<string>(new Placement([await hardware(t), treeDevice()]), 4096, atOnce);
  filters.add("l0/#", "open");
  filters.add(`${deep(14)}/#`, "fourteen");
  t.is(filters.places.placement.work.length, 1);
  filters.add(deep(15), "fifteen");
  filters.add(deep(1000), "thousand");
  t.like(filters.places, { filters: 4, placed: 2, beside: { levels: 2, full: 0, new: 0 } });
  t.deepEqual(
    filters.places.placement.work.map(({ work, device, policy }) => [work, device, policy]),
    [
      ["topic filters", "rtl-topic-matcher", "auto"],
      ["topic filters beside them", "mqttnic-tree", "software-only"],
    ],
  );
  t.deepEqual(found(filters, deep(15)), ["fifteen", "fourteen", "open"]);
  t.deepEqual(found(filters, deep(1000)), ["fourteen", "open", "thousand"]);
  filters.remove(deep(15));
  filters.remove(deep(1000));
  t.like(filters.places, { filters: 2, placed: 2, beside: { levels: 0, full: 0, new: 0 } });
  t.is(filters.places.placement.work.length, 1);
});

test("PlacedFilters: what finds no room waits in software, and moves in when a filter goes", async (t) => {
  const filters = new PlacedFilters<string>(new Placement([await hardware(t, 3), treeDevice()]), 3, atOnce);
  for (const name of ["a", "b", "c", "d", "e"]) filters.add(`${name}/+`, name);
  filters.add("c/x", "cx");
  t.like(filters.places, { filters: 6, placed: 3, beside: { levels: 0, full: 3, new: 0 } });
  t.is(filters.places.placement.work[0]!.moves, 0);
  for (const name of ["a", "b", "d", "e"]) t.deepEqual(found(filters, `${name}/x`), [name]);
  filters.remove("b/+");
  await until(() => filters.places.beside.full === 2, "one has moved in");
  t.is(filters.places.placed, 3);
  filters.remove("e/+");
  filters.remove("a/+");
  await until(() => filters.places.placed === 3, "another has moved in");
  t.like(filters.places, { filters: 3, beside: { levels: 0, full: 0, new: 0 } });
  t.deepEqual(found(filters, "c/x"), ["c", "cx"]);
  t.deepEqual(found(filters, "d/x"), ["d"]);
  for (const gone of ["a", "b", "e"]) t.deepEqual(found(filters, `${gone}/x`), []);
});

test("PlacedFilters: many that come at once wait in software, are found there, and go into hardware bit by bit", async (t) => {
  let now = 0;
  // A clock that goes on by a millisecond at each look: two look-ups a filter.
  const pace = { installMs: 2, everyMs: 10, nowMs: () => now++ };
  const filters = new PlacedFilters<string>(new Placement([await hardware(t), treeDevice()]), 4096, pace);
  for (let at = 0; at < 40; at++) filters.add(`a/${at}/+`, String(at));
  const { placed, beside } = filters.places;
  t.true(placed > 0 && placed < 40, `${placed} in hardware at once`);
  t.deepEqual(beside, { levels: 0, full: 0, new: 40 - placed });
  filters.remove("a/39/+");
  filters.remove("a/0/+");
  for (let at = 1; at < 39; at++) t.deepEqual(found(filters, `a/${at}/x`), [String(at)]);
  await until(() => filters.places.placed === 38, "all are in hardware");
  t.is(filters.places.placement.work.length, 1);
  for (let at = 1; at < 39; at++) t.deepEqual(found(filters, `a/${at}/x`), [String(at)]);
  t.deepEqual(found(filters, "a/39/x"), []);
  filters.close();
});

test("PlacedFilters: hardware that fails loses nothing, and what was beside it is still found", async (t) => {
  const device = await hardware(t);
  const filters = new PlacedFilters<string>(new Placement([device, treeDevice()]), 4096, atOnce);
  filters.add("l0/+", "two");
  filters.add(deep(20), "twenty");
  device.setGone(true);
  t.is(filters.device?.kind, "software");
  filters.add(`${deep(19)}/+`, "plus");
  t.deepEqual(found(filters, deep(20)), ["plus", "twenty"]);
  t.deepEqual(found(filters, deep(2)), ["two"]);
  filters.remove("l0/+");
  filters.remove(deep(20));
  t.deepEqual(found(filters, deep(2)), []);
  t.deepEqual(found(filters, deep(20)), ["plus"]);
});

test("PlacedFilters: a filter whose first level is $share is a filter like others [MQTT 5.0 §4.8.2]", async (t) => {
  const filters = new PlacedFilters<string>(new Placement([await hardware(t), treeDevice()]), 4096, atOnce);
  filters.add("$share/g/a", "odd");
  filters.add("a", "plain");
  t.deepEqual(found(filters, "$share/g/a"), ["odd"]);
  t.deepEqual(found(filters, "a"), ["plain"]);
  filters.remove("$share/g/a");
  t.deepEqual(found(filters, "$share/g/a"), []);
});

test(`PlacedFilters: random filters come and go as in mqttnic's own tree, with hardware of 12 entries; ${seeds} seeds`, async (t) => {
  const model = await TopicMatcher.open();
  t.teardown(() => model.close());
  for (let seed = 1; seed <= seeds; seed++) {
    const device = topicMatcherDevice(model);
    device.setEntries(topicMatch, 12);
    const filters = new PlacedFilters<string>(new Placement([device, treeDevice()]), 12, atOnce);
    const tree = new FilterTree<string>();
    const random = randomOf(seed);
    const path = (words: readonly string[]): string =>
      Array.from({ length: 1 + random(random(6) === 0 ? 18 : 4) }, () => words[random(words.length)]!).join("/") || "a";
    const held = new Set<string>();
    for (let step = 0; step < 150; step++) {
      const filter = random(4) === 0 ? `${path(["a", "b", "+"])}/#` : path(["a", "b", "", "$x", "+", "$share"]);
      if (held.has(filter)) {
        filters.remove(filter);
        tree.remove(filter);
        held.delete(filter);
      } else if (random(3) > 0) {
        filters.add(filter, filter);
        tree.add(filter, filter);
        held.add(filter);
      } else {
        const [first] = held;
        if (first !== undefined) {
          filters.remove(first);
          tree.remove(first);
          held.delete(first);
        }
      }
      t.is(filters.get(filter), tree.get(filter));
      const topic = path(["a", "b", "", "$x", "$share"]);
      t.deepEqual(found(filters, topic), found(tree, topic), `seed ${seed}, step ${step}: ${topic}`);
      if (step % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      if (step === 120) device.setGone(true);
    }
    t.is(filters.places.filters, held.size);
    filters.close();
  }
});

test("openMatching() without a model matches in software, and says so", async (t) => {
  const env = testEnv();
  const missing = () => Promise.reject(new MitsuError("no model of topic_matcher at /nowhere", { code: "ERR_HDL_MODEL" }));
  const matching = await openMatching<string>(createLog(env), missing);
  matching.filters.add("a/#", "a");
  t.deepEqual(found(matching.filters, "a/b"), ["a"]);
  t.deepEqual(matching.degraded(), ["topics are matched in software: no model of topic_matcher at /nowhere"]);
  t.like(matching.status(), { dataPlane: "rtl", filters: 1, placed: 1, retained: "software" });
  t.regex(env.err(), /topics are matched in software/);
  matching.close();
});

test("openMatching(): hardware that goes while it runs is degraded, and was said", async (t) => {
  const env = testEnv();
  const opened = await openTopicMatcherDevice();
  const matching = await openMatching<string>(createLog(env), () => Promise.resolve(opened));
  t.teardown(() => matching.close());
  t.deepEqual(matching.degraded(), []);
  opened.device.setGone(true);
  t.deepEqual(matching.degraded(), ["topics are matched in software: rtl-topic-matcher is gone; the only one that takes it"]);
  t.regex(env.err(), /topic filters moved from rtl-topic-matcher to mqttnic-tree/);
});

test("more filters than a broker's software part begins with make it grow", async (t) => {
  const matching = await openMatching<string>(quiet(), () => Promise.reject(new Error("none")));
  for (let at = 0; at < 3000; at++) matching.filters.add(`a/${at}`, String(at));
  t.deepEqual(found(matching.filters, "a/2999"), ["2999"]);
  t.is(matching.status().placement.work[0]!.entries, 4096);
});
