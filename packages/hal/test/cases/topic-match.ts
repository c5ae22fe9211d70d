/** How `topic-match` is tried: the examples of MQTT 5.0 §4.7, and a matcher that goes by the text. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type TopicEntry, type TopicMatch, type TopicMatchSpec, topicMatch } from "../../src/capabilities/topic-match.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededNumbers } from "./seeded-bytes.ts";

/** Filter, topic, whether it matches. */
const clauses = [
  // MQTT 5.0 §4.7.1.2
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/#", "sport", true],
  ["#", "sport/tennis", true],
  // §4.7.1.3
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  // §4.7.2
  ["#", "$SYS/monitor", false],
  ["+/monitor/Clients", "$SYS/monitor/Clients", false],
  ["$SYS/#", "$SYS/monitor", true],
  ["$SYS/monitor/+", "$SYS/monitor/Clients", true],
  // §4.7.3
  ["ACCOUNTS", "Accounts", false],
  ["/finance", "finance", false],
  ["a//b", "a//b", true],
  ["a/+/b", "a//b", true],
] as const;

const levels = ["a", "b", "", "$x", "é"];

/** Filters and ids. */
export const topicMatchCase: ConformanceCase<TopicMatchSpec, TopicMatch, readonly TopicEntry[]> = {
  capability: topicMatch,
  specs: fc.record({ entries: fc.integer({ min: 1, max: 32 }) }),
  use(operations, { entries }, seed) {
    for (const [filter, topic, matches] of clauses) {
      operations.add(filter, 7);
      assert.deepEqual(operations.match(topic), matches ? [7] : [], `${filter} and ${topic}`);
      assert.equal(operations.remove(filter, 7), true);
    }
    random(operations, entries, seed);
    groups(operations, entries);
  },
  fill(operations, _spec, entries) {
    for (let at = 0; at < entries; at++) operations.add(`a/${at}/+`, at % 5);
  },
  filled(operations, _spec, entries) {
    for (let at = 0; at <= entries; at++) assert.deepEqual(operations.match(`a/${at}/x`), at < entries ? [at % 5] : []);
  },
};

function random(operations: TopicMatch, entries: number, seed: number): void {
  const next = seededNumbers(seed);
  const path = (words: readonly string[]): string => {
    const text = Array.from({ length: 1 + (next() % 4) }, () => words[next() % words.length]!).join("/");
    return text === "" ? "a" : text;
  };
  const held = new Map<string, { filter: string; id: number }>();
  for (let step = 0; step < 100; step++) {
    const filter = next() % 3 === 0 ? `${path([...levels, "+"])}/#` : path([...levels, "+", "+"]);
    const id = next() % 6;
    const key = `${id} ${filter}`;
    if (next() % 3 === 0) assert.equal(operations.remove(filter, id), held.delete(key), `remove of ${filter}`);
    else if (held.size < entries || held.has(key)) {
      operations.add(filter, id);
      held.set(key, { filter, id });
    } else assert.throws(() => operations.add(filter, id), { code: "ERR_HAL_FULL" });
    const topic = path(levels);
    const wanted = new Set([...held.values()].filter((one) => topicMatches(one.filter, topic)).map((one) => one.id));
    assert.deepEqual(
      operations.match(topic),
      [...wanted].sort((one, other) => one - other),
      `match of ${topic}`,
    );
  }
  for (const { filter, id } of held.values()) assert.equal(operations.remove(filter, id), true);
}

/** §4.8.2: one member each time, and each as often as the others. */
function groups(operations: TopicMatch, entries: number): void {
  if (entries < 3) return;
  for (const id of [1, 2]) operations.add("$share/g/a/+", id);
  operations.add("a/b", 9);
  const taken = Array.from({ length: 10 }, () => operations.match("a/b"));
  for (const one of taken) assert.equal(one.length, 2);
  for (const id of [1, 2]) assert.equal(taken.filter((one) => one.includes(id)).length, 5, `member ${id}`);
  for (const id of [1, 2]) assert.equal(operations.remove("$share/g/a/+", id), true);
  assert.equal(operations.remove("a/b", 9), true);
}

/** Level by level. [MQTT 5.0 §4.7] */
export function topicMatches(filter: string, topic: string): boolean {
  const [wanted, given] = [filter.split("/"), topic.split("/")];
  if (topic.startsWith("$") && (wanted[0] === "#" || wanted[0] === "+")) return false;
  for (const [at, level] of wanted.entries()) {
    if (level === "#") return true;
    if (at >= given.length || (level !== "+" && level !== given[at])) return false;
  }
  return wanted.length === given.length;
}
