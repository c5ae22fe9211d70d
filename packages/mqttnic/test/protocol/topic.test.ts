import test from "ava";
import fc from "fast-check";
import type { PacketError } from "../../src/protocol/packet.ts";
import { checkFilter, checkTopicName, levels, matches, parseShared } from "../../src/protocol/topic.ts";

for (const [filter, clause] of [
  ["", "[MQTT-4.7.3-1]"],
  ["sport/tennis#", "[MQTT-4.7.1-1]"],
  ["sport/tennis/#/ranking", "[MQTT-4.7.1-1]"],
  ["##", "[MQTT-4.7.1-1]"],
  ["#/", "[MQTT-4.7.1-1]"],
  ["+#", "[MQTT-4.7.1-2]"],
  ["sport+", "[MQTT-4.7.1-2]"],
  ["+sport", "[MQTT-4.7.1-2]"],
  ["a/+b/c", "[MQTT-4.7.1-2]"],
  ["a/b+/c", "[MQTT-4.7.1-2]"],
  ["++", "[MQTT-4.7.1-2]"],
  ["$share/", "[MQTT-4.8.2-2]"],
  ["$share/g", "[MQTT-4.8.2-2]"],
  ["$share//a", "[MQTT-4.8.2-1]"],
  ["$share/+/a", "[MQTT-4.8.2-2]"],
  ["$share/g#/a", "[MQTT-4.8.2-2]"],
  ["$share/g/", "[MQTT-4.7.3-1]"],
  ["$share/g/a#", "[MQTT-4.7.1-1]"],
] as const) {
  test(`checkFilter() finds "${filter}" wrong ${clause}`, (t) => {
    t.true(checkFilter(filter)?.includes(clause), checkFilter(filter));
    t.is(parseShared(filter), undefined);
  });
}

for (const filter of [
  "#",
  "+",
  "/",
  "//",
  "/#",
  "+/+",
  "/+",
  "a/+/b/#",
  "a b",
  "$SYS/#",
  "$share",
  "$shared/g",
  "$share/g/#",
  "$share/g//",
  "é/😀",
]) {
  test(`checkFilter() finds "${filter}" right [MQTT 5.0 §4.7.1]`, (t) => {
    t.is(checkFilter(filter), undefined);
  });
}

test("parseShared() takes group and filter apart [MQTT-4.8.2-1] [MQTT-4.8.2-2]", (t) => {
  t.deepEqual(parseShared("$share/g/a/b"), { group: "g", filter: "a/b" });
  t.deepEqual(parseShared("$share/consumer 1//finance"), { group: "consumer 1", filter: "/finance" });
  t.deepEqual(parseShared("$share/g/#"), { group: "g", filter: "#" });
  t.is(parseShared("a/b"), undefined);
  t.is(parseShared("$shared/g/a"), undefined);
});

for (const [filter, yes, no] of [
  [
    "sport/tennis/player1/#",
    ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon", "sport/tennis/player1/"],
    ["sport/tennis/player", "sport/tennis/player12"],
  ],
  ["sport/#", ["sport", "sport/", "sport/a"], ["sports", "spor"]],
  ["#", ["a", "/", "a/b/c"], ["$SYS", "$SYS/a"]],
  ["sport/tennis/+", ["sport/tennis/player1", "sport/tennis/"], ["sport/tennis/player1/ranking", "sport/tennis"]],
  ["sport/+", ["sport/"], ["sport"]],
  ["+", ["finance", "a"], ["/finance", "a/", "$SYS"]],
  ["+/+", ["/finance", "/", "a/b"], ["finance", "a/b/c", "$SYS/a"]],
  ["/+", ["/finance", "/"], ["finance", "/a/b"]],
  ["+/tennis/#", ["sport/tennis", "/tennis/a"], ["$x/tennis"]],
  ["+/monitor/Clients", ["a/monitor/Clients"], ["$SYS/monitor/Clients"]],
  ["$SYS/#", ["$SYS", "$SYS/", "$SYS/monitor"], ["SYS", "a/$SYS"]],
  ["$SYS/monitor/+", ["$SYS/monitor/Clients"], ["$SYS/monitor"]],
  ["a/+/c", ["a/b/c", "a//c"], ["a/b/d", "a/c", "a/b/c/d"]],
  ["a/+/#", ["a/b", "a/b/c", "a/"], ["a"]],
  ["/#", ["/", "/a", ""], ["a"]],
  ["a", ["a"], ["A", "a/", "/a", "aa", ""]],
  ["ACCOUNTS", ["ACCOUNTS"], ["Accounts"]],
  ["+/a$/#", ["b/a$"], ["b/a"]],
] as const) {
  test(`matches() of "${filter}" keeps to [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1] [MQTT-4.7.3-4]`, (t) => {
    for (const topic of yes) t.true(matches(filter, topic), topic);
    for (const topic of no) t.false(matches(filter, topic), topic);
  });
}

/** §4.7 level by level. */
const matchesByLevels = (filter: string[], topic: string[]): boolean =>
  filter[0] === "#" ||
  (filter.length === 0
    ? topic.length === 0
    : topic.length > 0 && (filter[0] === "+" || filter[0] === topic[0]) && matchesByLevels(filter.slice(1), topic.slice(1)));

test("matches() agrees with a walk level by level", (t) => {
  const level = fc.constantFrom("", "a", "b", "ab", "$a", "é");
  const topic = fc.array(level, { minLength: 1, maxLength: 4 });
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([some, all]) => (all ? [...some, "#"] : some));
  fc.assert(
    fc.property(filter, topic, (filterLevels, topicLevels) => {
      const expected = matchesByLevels(filterLevels, topicLevels) && !(topicLevels[0]!.startsWith("$") && /^[+#]/.test(filterLevels[0]!));
      return matches(filterLevels.join("/"), topicLevels.join("/")) === expected && levels(topicLevels.join("/")) === topicLevels.length;
    }),
    { seed: 1, numRuns: 5000 },
  );
  t.pass();
});

test("checkTopicName() refuses wildcards with 0x90 and bad text with 0x81 [MQTT-3.3.2-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]", (t) => {
  const check = (topic: Buffer | string): number => {
    const bytes = Buffer.concat([Buffer.from("+\0"), Buffer.from(topic), Buffer.from("#\xff")]);
    try {
      checkTopicName(bytes, 2, bytes.length - 3);
      return 0;
    } catch (error) {
      return (error as PacketError).reasonCode;
    }
  };
  for (const topic of ["a", "/", "$SYS/a", "a b", "é", "\ufeff", "x".repeat(65_535)]) t.is(check(topic), 0, topic);
  for (const topic of ["", "+", "a/#", "é+"]) t.is(check(topic), 0x90, topic);
  for (const topic of ["a\0", "é\0", Buffer.of(0x80), Buffer.of(0xc3), Buffer.of(0xed, 0xa0, 0x80)]) t.is(check(topic), 0x81);
});
