/** The specification's own examples. [MQTT 5.0 §4.7, §4.8.2] */
import test from "ava";
import { matches, parseShared } from "../../../mqttnic/src/protocol/topic.ts";
import { topicPattern } from "../../src/twins/topic-matcher.ts";
import { openMatcher, rtlTest, subscriber } from "./matcher-bench.ts";

/** Clause, filter, topics that match, topics that do not. */
const clauses: readonly (readonly [clause: string, filter: string, yes: readonly string[], no: readonly string[]])[] = [
  [
    "§4.7.1.2 # matches the level above and any number below",
    "sport/tennis/player1/#",
    ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"],
    ["sport/tennis/player2", "sport/tennis", "sport/tennis/player1x", "sport/tennis/player12/ranking"],
  ],
  ["§4.7.1.2 sport/# matches sport", "sport/#", ["sport", "sport/", "sport/tennis"], ["sports", "Sport", "/sport"]],
  ["§4.7.1.2 # gets every topic", "#", ["sport", "/", "/finance", "a/b/c/d", "//"], ["$SYS", "$SYS/x"]],
  ["§4.7.1.2 sport/tennis/# is valid", "sport/tennis/#", ["sport/tennis", "sport/tennis/", "sport/tennis/a/b"], ["sport", "sport/tennis1"]],
  ["§4.7.1.3 + matches one level", "sport/tennis/+", ["sport/tennis/player1", "sport/tennis/player2"], ["sport/tennis/player1/ranking"]],
  ["§4.7.1.3 sport/+ matches sport/ but not sport", "sport/+", ["sport/", "sport/x"], ["sport", "sport//"]],
  ["§4.7.1.3 + is valid", "+", ["finance", "x"], ["/finance", "a/b", "$SYS"]],
  ["§4.7.1.3 +/tennis/# is valid", "+/tennis/#", ["a/tennis", "/tennis", "a/tennis/b/c"], ["tennis", "a/b/tennis", "$a/tennis"]],
  [
    "§4.7.1.3 sport/+/player1 is valid",
    "sport/+/player1",
    ["sport/tennis/player1", "sport//player1"],
    ["sport/player1", "sport/a/b/player1"],
  ],
  ["§4.7.1.3 /finance matches +/+", "+/+", ["/finance", "a/b", "/"], ["finance", "a/b/c", "$a/b"]],
  ["§4.7.1.3 /finance matches /+", "/+", ["/finance", "/"], ["a/b", "finance"]],
  ["[MQTT-4.7.2-1] # does not match what begins with $", "#", ["SYS/a", "a$", "a/$SYS"], ["$SYS/a", "$", "$share"]],
  [
    "[MQTT-4.7.2-1] +/monitor/Clients does not match $SYS/monitor/Clients",
    "+/monitor/Clients",
    ["x/monitor/Clients"],
    ["$SYS/monitor/Clients"],
  ],
  ["§4.7.2 $SYS/# gets what begins with $SYS/", "$SYS/#", ["$SYS", "$SYS/", "$SYS/a/b"], ["SYS/a", "$SYSX/a", "a/$SYS"]],
  ["§4.7.2 $SYS/monitor/+ gets $SYS/monitor/Clients", "$SYS/monitor/+", ["$SYS/monitor/Clients"], ["$SYS/monitor", "$SYS/monitor/a/b"]],
  ["§4.7.2 a $ further on is no rule", "a/+/#", ["a/$x", "a/$x/y"], ["$a/x"]],
  ["§4.7.3 topics are case sensitive", "ACCOUNTS", ["ACCOUNTS"], ["Accounts", "accounts"]],
  ["§4.7.3 topics can have spaces", "Accounts payable", ["Accounts payable"], ["Accounts", "Accounts  payable", "payable"]],
  ["§4.7.3 a leading / makes another topic", "/finance", ["/finance"], ["finance", "//finance"]],
  ["§4.7.3 a trailing / makes another topic", "finance/", ["finance/"], ["finance", "finance//"]],
  ["§4.7.3 a topic of / alone is valid", "/", ["/"], ["//", "a/", "/a", "x"]],
  ["§4.7.3 no normalisation", "caf\u00e9", ["caf\u00e9"], ["cafe\u0301", "cafe"]],
  ["§4.7.3 no regular expressions", "a.c/[x]*", ["a.c/[x]*"], ["abc/x", "abc/[x]*"]],
  ["§4.7.1 empty levels count", "a//+", ["a//b", "a//"], ["a/b", "a/x/b", "a/"]],
];

/** Filters of shared subscriptions. */
const shares: readonly (readonly [filter: string, plain: string, yes: string, no: string])[] = [
  ["$share/consumer1/sport/tennis/+", "sport/tennis/+", "sport/tennis/a", "sport/tennis"],
  ["$share/consumer1//finance", "/finance", "/finance", "finance"],
  ["$share/consumer1/sport/tennis/#", "sport/tennis/#", "sport/tennis", "sport"],
  ["$share/g/#", "#", "a", "$share/g/a"],
  ["$share/g/$SYS/#", "$SYS/#", "$SYS/a", "SYS/a"],
];

for (const [clause, filter, yes, no] of clauses) {
  test(`topicPattern() and mqttnic's matches(): ${clause}`, (t) => {
    for (const topic of [...yes, ...no]) {
      t.is(topicPattern(filter).test(topic), yes.includes(topic), topic);
      t.is(matches(filter, topic), yes.includes(topic), topic);
    }
  });
}

rtlTest("topic_matcher agrees with every clause, all filters at once and each alone", async (t) => {
  const { host } = await openMatcher(t);
  const topics = [...new Set(clauses.flatMap(([, , yes, no]) => [...yes, ...no]))];
  // Each in the same slot: what was there must be gone.
  for (const [at, [clause, filter, yes, no]] of clauses.entries()) {
    host.install(17, filter, subscriber(at));
    host.run();
    for (const topic of [...yes, ...no]) {
      const { entries } = host.match(topic);
      host.run();
      t.deepEqual(entries, yes.includes(topic) ? [subscriber(at)] : [], `${clause}: ${topic}`);
    }
  }
  host.remove(17);
  for (const [at, [, filter]] of clauses.entries()) host.install(at * 61, filter, subscriber(at));
  host.run();
  const lookups = topics.map((topic) => host.match(topic));
  host.run();
  for (const { topic, entries } of lookups) {
    const wanted = clauses.flatMap(([, filter], at) => (topicPattern(filter).test(topic) ? [subscriber(at)] : []));
    t.deepEqual(entries, wanted, topic);
  }
});

rtlTest("topic_matcher puts out a shared group once for each of its filters [MQTT 5.0 §4.8.2]", async (t) => {
  const { host } = await openMatcher(t);
  for (const [at, [filter, plain]] of shares.entries()) {
    const shared = parseShared(filter)!;
    t.is(shared.filter, plain);
    host.install(at, shared.filter, { id: 100 + at, shared: true });
    host.install(1000 + at, shared.filter, subscriber(at));
  }
  host.run();
  for (const [at, [filter, , yes, no]] of shares.entries()) {
    const match = host.match(yes);
    const other = host.match(no);
    host.run();
    const of = (entries: typeof match.entries) => entries.filter(({ id, shared }) => id === (shared ? 100 + at : at));
    t.deepEqual(of(match.entries), [{ id: 100 + at, shared: true }, subscriber(at)], filter);
    t.deepEqual(of(other.entries), [], filter);
  }
});
