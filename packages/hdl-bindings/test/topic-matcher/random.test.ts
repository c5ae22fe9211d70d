/** topic_matcher, its twin and mqttnic's two matchers on random and adversarial pairs. MITSU_TEST_ALL=1 makes them some millions. */

import test, { type ExecutionContext } from "ava";
import type { Session } from "../../../mqttnic/src/broker/session.ts";
import { type Matches, SubscriptionTree } from "../../../mqttnic/src/broker/subscription-tree.ts";
import type { SubscriptionOptions } from "../../../mqttnic/src/message.ts";
import { checkFilter, matches } from "../../../mqttnic/src/protocol/topic.ts";
import { TopicMatcherTwin } from "../../src/twins/topic-matcher.ts";
import { LevelDictionary } from "../../src/twins/topic-matcher-levels.ts";
import { openMatcher, randomFilter, randomTopic, rtlTest, subscriber } from "./matcher-bench.ts";
import { numbers } from "./numbers.ts";

const all = process.env.MITSU_TEST_ALL === "1";

/** mqttnic's tree with a number for each session. */
class Tree {
  readonly #tree = new SubscriptionTree();
  add(id: number, filter: string): void {
    this.#tree.subscribe(filter, { id } as unknown as Session, {} as SubscriptionOptions);
  }
  match(topic: string): number[] {
    const found: number[] = [];
    this.#tree.match(topic, {
      session: (session: Session) => void found.push((session as unknown as { id: number }).id),
    } as unknown as Matches);
    return found.sort((one, other) => one - other);
  }
}

/** @returns Pairs that were compared, and how many of them matched. */
async function compare(
  t: ExecutionContext,
  seed: number,
  filterCount: number,
  topicCount: number,
  names: number,
): Promise<[pairs: number, matched: number]> {
  const random = numbers(seed);
  const { host, model } = await openMatcher(t);
  const twin = new TopicMatcherTwin();
  const tree = new Tree();
  const topics = Array.from({ length: topicCount }, () => randomTopic(random, names));
  const slots = Array.from({ length: 4096 }, (_, slot) => slot);
  const filters: [slot: number, filter: string][] = [];
  for (let at = 0; at < filterCount; at++) {
    const near = random(3) ? topics[random(topics.length)]! : randomTopic(random, names);
    const filter = randomFilter(random, near, names);
    const slot = slots.splice(random(slots.length), 1)[0]!;
    t.is(checkFilter(filter), undefined, filter);
    filters.push([slot, filter]);
    host.install(slot, filter, subscriber(slot));
    twin.install(slot, filter, subscriber(slot));
    tree.add(slot, filter);
  }
  host.run();
  t.is(model.installed, filterCount);
  const lookups = topics.map((topic) => host.match(topic));
  host.run();
  let matched = 0;
  for (const { topic, entries } of lookups) {
    const ids = entries.map(({ id }) => id);
    matched += ids.length;
    // One assertion a topic: a million would take longer than the RTL.
    t.deepEqual(entries, twin.match(topic), `the RTL and its twin at ${topic}`);
    t.deepEqual(ids, tree.match(topic), `the RTL and mqttnic's tree at ${topic}`);
    const byText = filters.filter(([, filter]) => matches(filter, topic)).map(([slot]) => slot);
    t.deepEqual(
      ids,
      byText.sort((one, other) => one - other),
      `the RTL and mqttnic's matches() at ${topic}`,
    );
  }
  return [filterCount * topicCount, matched];
}

rtlTest("topic_matcher, twin and mqttnic agree on 24 000 adversarial pairs", async (t) => {
  const [pairs, matched] = await compare(t, 1, 400, 60, 5);
  t.true(matched > pairs / 100, `${matched} of ${pairs} match`);
});

rtlTest("topic_matcher, twin and mqttnic agree on filters with ids that differ in any chunk", async (t) => {
  const [, matched] = await compare(t, 2, 500, 60, 3000);
  t.true(matched > 60, String(matched));
});

rtlTest("topic_matcher tells ids apart that differ in any one bit", async (t) => {
  const { model } = await openMatcher(t);
  const id = 0xa5c3;
  Object.assign(model, { c_valid: 1, c_install: 1, c_slot: 77, c_kind: 0, c_data: id, c_entry: 5, c_last: 1 });
  model.step();
  model.c_valid = 0;
  model.step(600);
  t.is(model.installed, 1);
  const matchesId = (data: number): boolean => {
    Object.assign(model, { m_ready: 1, s_valid: 1, s_data: data, s_dollar: 0, s_last: 1 });
    model.step();
    model.s_valid = 0;
    while (!model.m_valid) model.step();
    const found = model.m_none === 0;
    model.step();
    return found;
  };
  t.true(matchesId(id));
  for (let bit = 0; bit < 16; bit++) t.false(matchesId(id ^ (1 << bit)), `bit ${bit}`);
});

(all ? rtlTest : test.skip)("topic_matcher, twin and mqttnic agree on millions of pairs, all 4096 slots in use", async (t) => {
  let [pairs, matched] = [0, 0];
  for (const [seed, names] of [
    [11, 3],
    [12, 20],
    [13, 500],
    [14, 20_000],
  ] as const) {
    const [more, yes] = await compare(t, seed, 4096, 400, names);
    pairs += more;
    matched += yes;
  }
  t.log(`${pairs} pairs, ${matched} match`);
  t.true(pairs > 1_000_000);
});

(all ? rtlTest : test.skip)("topic_matcher puts out all 4096 entries when every filter matches", async (t) => {
  const { host } = await openMatcher(t);
  for (let slot = 0; slot < 4096; slot++) host.install(slot, ["#", "a/#", "+/+", "a/b"][slot % 4]!, subscriber(slot));
  host.run();
  const lookup = host.match("a/b");
  host.run();
  t.deepEqual(
    lookup.entries.map(({ id }) => id),
    Array.from({ length: 4096 }, (_, at) => at),
  );
  t.is(lookup.done! - lookup.last!, 4 + 4095, "4 cycles to the first, then one a cycle");
});

test("LevelDictionary gives equal levels one id, unknown ones 0, and free ids again", (t) => {
  const levels = new LevelDictionary(2);
  t.deepEqual(
    levels.filter("a/+/b/#").map(({ id }) => id),
    [1, 0, 2, 0],
  );
  t.deepEqual(levels.topic("b/a/c"), { ids: [2, 1, 0], dollar: false });
  t.deepEqual(levels.topic("$a//"), { ids: [0, 0, 0], dollar: true });
  levels.filter("a/c");
  t.throws(() => levels.filter("b/d"), { code: "ERR_RTL_LEVELS", message: /no id left for a level of b\/d/ });
  levels.release("a/+/b/#");
  t.deepEqual(levels.topic("a/b/c").ids, [1, 0, 3]);
  t.deepEqual(
    levels.filter("d").map(({ id }) => id),
    [2],
  );
  t.is(levels.size, 3);
});
