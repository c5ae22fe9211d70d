/** The RTL, its twin and mqttnic's matcher, for the tests of this folder. @module */
import { existsSync } from "node:fs";
import test, { type ExecutionContext, type TestFn } from "ava";
import { TopicMatcher } from "../../models/topic_matcher.ts";
import type { TopicEntry } from "../../src/twins/topic-matcher.ts";
import { TopicMatcherHost } from "../../src/twins/topic-matcher-host.ts";

/** `ID_W` of the committed model. */
export const idBits = 16;

/** `test`, or `test.skip` where scripts/build-rtl has not made the model. */
export const rtlTest: TestFn | TestFn["skip"] = existsSync(new URL("../../models/topic_matcher.wasm", import.meta.url)) ? test : test.skip;

/** A matcher after its reset, with its host; closed with the test. */
export async function openMatcher(t: ExecutionContext): Promise<{ model: TopicMatcher; host: TopicMatcherHost }> {
  const model = await TopicMatcher.open();
  t.teardown(() => model.close());
  model.reset(2);
  return { model, host: new TopicMatcherHost(model, idBits) };
}

/** An entry that is not a group's. */
export const subscriber = (id: number): TopicEntry => ({ id, shared: false });

const plain = ["", "a", "b", "c", "aa", "$", "$SYS", "$share", "A", " ", "é", "0"];

/** A topic of up to 20 levels; `names` is how many other levels there are. */
export function randomTopic(random: (below: number) => number, names: number): string {
  const count = random(8) === 0 ? 1 + random(20) : 1 + random(5);
  const levels = Array.from({ length: count }, () => (random(3) ? plain[random(plain.length)]! : `n${random(names)}`));
  return levels.join("/") || "a"; // a topic has one character at least [MQTT-4.7.3-1]
}

/** A valid filter of at most 14 levels and `#`, near a topic: some levels made `+`, some left out or changed, perhaps `#` at its end. */
export function randomFilter(random: (below: number) => number, topic: string, names: number): string {
  const levels = topic.split("/").slice(0, 14);
  for (let at = 0; at < levels.length; at++) {
    const change = random(10);
    if (change < 3) levels[at] = "+";
    else if (change === 3) levels[at] = random(2) ? `n${random(names)}` : plain[random(plain.length)]!;
  }
  const end = random(6);
  if (end === 0) levels.length = random(levels.length + 1);
  if (end === 1 && levels.length > 1) levels.pop();
  if (end === 2 && levels.length < 14) levels.push("+");
  if (end < 1 || random(5) === 0) levels.push("#");
  if (levels[0] === "$share") levels[0] = "$SYS"; // else it is a shared subscription
  return levels.join("/") || "+";
}
