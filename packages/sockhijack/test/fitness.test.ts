import test from "ava";
import { type FitnessRules, unfit } from "../src/coupling/fitness.ts";
import type { Reason } from "../src/coupling/reason.ts";
import { fact, type SockRecord, stateFlag } from "../src/kernel/layout.ts";
import { ends } from "./scan-lines.ts";

const rules: FitnessRules = { usable: true, redirect: () => "auto", splices: () => false };
const judge = (over: { client?: Partial<SockRecord>; server?: Partial<SockRecord> }, more: Partial<FitnessRules> = {}) =>
  unfit({ id: 1n, ...ends(0, over) }, { ...rules, ...more });

test("unfit() finds nothing against two non-blocking, established ends", (t) => t.is(judge({}), undefined));

const against: readonly [Reason, Partial<SockRecord>][] = [
  ["not-established", { state: 8 }],
  ["not-accepted", { facts: fact.nonblock | fact.noFile }],
  ["opted-out", { flags: stateFlag.optedOut }],
  ["urgent", { facts: fact.nonblock | fact.urgent }],
  ["lowat", { facts: fact.nonblock | fact.lowat }],
  ["zerocopy", { facts: fact.nonblock | fact.zerocopy }],
  ["ulp", { facts: fact.nonblock | fact.ulp }],
  ["mptcp", { facts: fact.nonblock | fact.mptcp }],
  ["foreign", { facts: fact.nonblock | fact.foreign }],
  ["bulk", { bytes_sent: 64n << 20n, segments_sent: 1024 }],
  ["bulk", { facts: fact.nonblock | fact.enrolled, mean_bytes: 64 << 10 }],
];
for (const [reason, end] of against) {
  test(`unfit() says ${reason} for ${Object.keys(end).join(" and ")} at either end`, (t) => {
    t.is(judge({ client: end }), reason);
    t.is(judge({ server: end }), reason);
  });
}

test("unfit() says which side blocks", (t) => {
  t.is(judge({ client: { facts: 0 } }), "client-blocking");
  t.is(judge({ server: { facts: 0 } }), "server-blocking");
});

test("unfit() does not mind unread bytes: they are waited for", (t) => {
  t.is(judge({ server: { facts: fact.nonblock | fact.unread } }), undefined);
});

test("unfit() says other-end while only one end is known", (t) => {
  const { client, server } = ends(0);
  t.is(unfit({ id: 1n, client, server: undefined }, rules), "other-end");
  t.is(unfit({ id: 1n, client: undefined, server }, rules), "other-end");
});

test("unfit() says self-test before all else where the self-test refused", (t) => {
  t.is(judge({ client: { facts: 0 } }, { usable: false }), "self-test");
});

test("unfit() says off when either service's redirect is off", (t) => {
  for (const off of [1, 2]) t.is(judge({}, { redirect: (service) => (service === off ? "off" : "on") }), "off");
});

test("unfit() says splice when the program at either end splices", (t) => {
  for (const cookie of [1n, 2n]) t.is(judge({}, { splices: (end) => end.cookie === cookie }), "splice");
});

test("unfit() judges bulk on a network that cuts: full segments, and much for each segment that came back", (t) => {
  const answers = (requests: number, segments: number) =>
    judge({ client: { segments_sent: requests }, server: { bytes_sent: 100n << 20n, segments_sent: segments } });
  t.is(answers(400, 72_416), "bulk"); // 256 KiB answers in segments of 1448 bytes
  t.is(answers(25_600, 72_416), undefined); // 4 KiB answers
  t.is(answers(1, 1_000_000), undefined); // a stream of small messages
});

test("unfit() judges bulk by 24 KiB a message, and only after 128 KiB", (t) => {
  const sent = (bytes: number, segments: number) => judge({ server: { bytes_sent: BigInt(bytes), segments_sent: segments } });
  t.is(sent(128 << 10, 1), undefined);
  t.is(sent((128 << 10) + 1, 1), "bulk");
  t.is(sent(24 << 20, 1024), undefined);
  t.is(sent((24 << 20) + 1024, 1024), "bulk");
  t.is(
    judge({ server: { facts: fact.nonblock | fact.enrolled, mean_bytes: 24 << 10, bytes_sent: 1n << 40n, segments_sent: 1 } }),
    undefined,
  );
});

test("unfit() lets redirect: on overrule bulk, for the service that said so, and nothing else", (t) => {
  const on = { redirect: (service: number) => (service === 2 ? "on" : "auto") } as const;
  const bulk = { bytes_sent: 64n << 20n, segments_sent: 1024 };
  t.is(judge({ server: bulk }, on), undefined);
  t.is(judge({ client: bulk }, on), "bulk");
  t.is(judge({ server: { facts: 0 } }, on), "server-blocking");
});
