/** topic_matcher in time: throughput, back-pressure, and changes while topics pass. */
import { TopicMatcherTwin, topicPattern } from "../../src/twins/topic-matcher.ts";
import { openMatcher, randomFilter, randomTopic, rtlTest, subscriber } from "./matcher-bench.ts";
import { numbers } from "./numbers.ts";

rtlTest("topic_matcher takes one level a cycle and puts out one entry a cycle", async (t) => {
  const { host } = await openMatcher(t);
  const random = numbers(3);
  for (let slot = 0; slot < 40; slot++) host.install(slot * 100, slot < 3 ? "x/#" : slot < 30 ? "y/+" : "z", subscriber(slot));
  host.run();
  // Fewer matches than levels: the levels decide.
  const deep = Array.from({ length: 300 }, () => host.match(`x${"/l".repeat(2 + random(20))}`));
  host.run();
  const levels = deep.reduce((sum, { topic }) => sum + topic.split("/").length, 0);
  t.is(deep.at(-1)!.last! - deep[0]!.first! + 1, levels);
  t.is(deep[0]!.done! - deep[0]!.last!, 4 + 2);
  t.true(deep.every(({ entries }) => entries.length === 3));
  // More: the entries do. Every topic has 27 or 10 of them, in as many words.
  const wide = Array.from({ length: 100 }, (_, at) => host.match(at % 2 ? "y/l" : "z"));
  host.run();
  t.is(wide.at(-1)!.done! - wide[0]!.last! - 4 + 1, 50 * 27 + 50 * 10);
  // Topics of one level without a match, one each cycle.
  const none = Array.from({ length: 100 }, () => host.match("none"));
  host.run();
  t.is(none.at(-1)!.done! - none[0]!.first!, 99 + 4);
});

rtlTest("topic_matcher gives the same under pauses and back-pressure", async (t) => {
  const { host } = await openMatcher(t);
  const random = numbers(4);
  const twin = new TopicMatcherTwin();
  for (let at = 0; at < 60; at++) {
    const slot = at * 67;
    const filter = randomFilter(random, randomTopic(random, 4), 4);
    host.install(slot, filter, subscriber(slot));
    twin.install(slot, filter, subscriber(slot));
  }
  host.run();
  for (const [pause, stall] of [
    [0, 50],
    [50, 0],
    [50, 50],
    [10, 90],
    [90, 10],
  ] as const) {
    const lookups = Array.from({ length: 60 }, () => host.match(randomTopic(random, 4)));
    host.run(
      () => random(100) < pause,
      () => random(100) < stall,
    );
    for (const { topic, entries } of lookups) t.deepEqual(entries, twin.match(topic), topic);
  }
});

rtlTest("topic_matcher never reports a wrong filter while filters come and go", async (t) => {
  const { host, model } = await openMatcher(t);
  const random = numbers(5);
  // Few names, gone and come again: their ids go round.
  const changes = Array.from({ length: 50 }, (_, id) => {
    const slot = 64 * random(3) + random(8);
    return random(4)
      ? { id, ...wrap(host.install(slot, randomFilter(random, randomTopic(random, 6), 6), subscriber(id))) }
      : { id, ...wrap(host.remove(slot)) };
  });
  const lookups: ReturnType<typeof host.match>[] = [];
  for (let cycle = 0; changes.some(({ change }) => change.done === undefined); cycle++) {
    if (cycle % 2 === 0) lookups.push(host.match(randomTopic(random, 6)));
    const busy = (cycle >> 9) % 3; // times of much, little and no back-pressure
    host.tick(random(10) === 0, random(4) < busy);
  }
  host.run();
  const versions = changes.flatMap(({ id, change }, at) => {
    if (change.filter === undefined) return [];
    const end = changes.slice(at + 1).find((other) => other.change.slot === change.slot)?.change.taken ?? Number.POSITIVE_INFINITY;
    return [{ id, pattern: topicPattern(change.filter), taken: change.taken!, done: change.done!, end }];
  });
  let [may, must, reports] = [0, 0, 0];
  for (const lookup of lookups) {
    const reported = new Set(lookup.entries.map(({ id }) => id));
    t.is(reported.size, lookup.entries.length);
    reports += reported.size;
    for (const { id, pattern, taken, done, end } of versions) {
      if (lookup.first! <= taken || lookup.first! > end) {
        if (reported.has(id)) t.fail(`${pattern}, there from ${taken} to ${end}, is in ${JSON.stringify(lookup)}`);
        continue;
      }
      const mayBe = pattern.test(lookup.topic);
      const mustBe = mayBe && lookup.first! >= done && lookup.done! <= end;
      may += mayBe ? 1 : 0;
      must += mustBe ? 1 : 0;
      if ((reported.has(id) && !mayBe) || (!reported.has(id) && mustBe))
        t.fail(`${pattern}, there from ${taken} or ${done} to ${end}, and ${JSON.stringify(lookup)}`);
    }
  }
  t.true(must > 1000 && may > must && reports >= must, `${must} must, ${may} may, ${reports} reports`);
  const left = new Map(changes.map(({ change }) => [change.slot, change.filter]));
  t.is(model.installed, [...left.values()].filter((filter) => filter !== undefined).length);
  t.log(`${lookups.length} topics, ${changes.length} changes, ${reports} reports; ${must} had to be, ${may} could`);
});

rtlTest("topic_matcher leaves out what is removed before it is put out, and ends the topic", async (t) => {
  const { host, model } = await openMatcher(t);
  for (const slot of [1, 2, 70, 4000]) host.install(slot, "a/#", subscriber(slot));
  host.run();
  const lookup = host.match("a/b");
  for (let cycle = 0; cycle < 12; cycle++) host.tick(false, true);
  t.is(model.m_valid, 1);
  for (const slot of [1, 2, 70, 4000]) host.remove(slot);
  for (let cycle = 0; cycle < 12; cycle++) host.tick(false, true);
  host.run();
  t.deepEqual(lookup.entries, [subscriber(1)], "the beat that was at m_data already");
  t.is(model.installed, 0);
  const next = host.match("a/b");
  host.run();
  t.deepEqual(next.entries, []);
});

rtlTest("topic_matcher drops what is removed at any moment of a topic's way, and nothing else", async (t) => {
  const { host, model } = await openMatcher(t);
  const slots = [1, 2, 63, 64, 65, 4000];
  for (const gone of slots) {
    for (let moment = 0; moment < 16; moment++) {
      for (const slot of slots) host.install(slot, "a/b", subscriber(slot));
      host.run();
      const lookup = host.match("a/b");
      for (let cycle = 0; cycle < moment; cycle++) host.tick(cycle % 2 === 1);
      const removal = host.remove(gone);
      let late = false;
      while (!host.idle) {
        // In the cycle after the removal a beat may be at m_data already.
        late ||=
          model.m_valid === 1 &&
          model.m_none === 0 &&
          model.m_data === gone &&
          removal.taken !== undefined &&
          model.cycle > removal.taken + 1;
        host.tick();
      }
      t.false(late, `slot ${gone} removed at ${moment}`);
      t.deepEqual(
        lookup.entries.map(({ id }) => id).filter((id) => id !== gone),
        slots.filter((slot) => slot !== gone),
      );
    }
  }
});

rtlTest("topic_matcher does not mix two filters of one slot in a topic that pauses between its levels", async (t) => {
  const { host } = await openMatcher(t);
  host.install(5, "a/b/c", subscriber(1));
  host.run();
  const lookup = host.match("a/x/y");
  const other = host.match("a/b/c");
  host.tick(); // takes `a`, which both filters accept
  const change = host.install(5, "+/x/y", subscriber(2));
  while (change.done === undefined) host.tick(true);
  host.run();
  t.deepEqual([lookup.entries, other.entries], [[], []]);
  const later = host.match("a/x/y");
  host.run();
  t.deepEqual(later.entries, [subscriber(2)]);
});

rtlTest("topic_matcher installs while m_ready is low, but not into a topic that is held up", async (t) => {
  const { host } = await openMatcher(t);
  host.install(5, "a/+", subscriber(5));
  host.install(6, "a/b", subscriber(6));
  host.run();
  const lookups = ["a/b", "a/c", "a/b", "a/b", "a/b"].map((topic) => host.match(topic));
  for (let cycle = 0; cycle < 20; cycle++) host.tick(false, true);
  const change = host.install(7, "a/b", subscriber(7));
  for (let cycle = 0; cycle < 600; cycle++) host.tick(false, true);
  t.is(change.done, undefined, "it waits");
  host.run();
  t.true(change.done! > 0);
  t.deepEqual(
    lookups.map(({ entries }) => entries.map(({ id }) => id)).slice(0, 3), // the third is held up
    [[5, 6], [5], [5, 6]],
  );
});

rtlTest("topic_matcher refuses 15 levels and # before the end, and empties the slot", async (t) => {
  const { host, model } = await openMatcher(t);
  const most = Array.from({ length: 14 }, (_, at) => `l${at}`).join("/");
  for (const bad of [`${most}/x`, `${most}/+`, `${most}/x/#`, "a/#/b", "#/#"]) {
    host.install(9, "a", subscriber(9));
    const change = host.install(9, bad, subscriber(9));
    host.run();
    t.true(change.bad, bad);
    t.is(model.installed, 0);
  }
  host.install(9, most, subscriber(9));
  host.install(10, `${most}/#`, subscriber(10));
  host.install(11, `${"+/".repeat(14)}#`, subscriber(11));
  host.run();
  const topics = [most, `${most}/x`, `${most}/x/y/z/0/1/2/3/4/5/6`, most.slice(0, -4), `$${most}`];
  const lookups = topics.map((topic) => host.match(topic));
  host.run();
  t.deepEqual(
    lookups.map(({ entries }) => entries.map(({ id }) => id)),
    [[9, 10, 11], [10, 11], [10, 11], [], []],
  );
});

rtlTest("topic_matcher refuses the id 0, which stands for every unknown level", async (t) => {
  const { model } = await openMatcher(t);
  Object.assign(model, { c_valid: 1, c_install: 1, c_slot: 1, c_kind: 0, c_data: 0, c_last: 1 });
  model.step();
  model.c_valid = 0;
  model.step();
  t.deepEqual([model.d_valid, model.d_bad, model.installed], [1, 1, 0]);
});

function wrap<T>(change: T): { change: T } {
  return { change };
}
