import test from "ava";
import { Coupler, type Step } from "../src/coupling/coupler.ts";
import type { FitnessRules } from "../src/coupling/fitness.ts";
import { flowsOf } from "../src/coupling/flow.ts";
import { applied, fact, type Plan, planAction, type SockRecord, stateFlag } from "../src/kernel/layout.ts";
import { ends } from "./scan-lines.ts";

const rules: FitnessRules = { usable: true, redirect: () => "auto", splices: () => false };
const inMap = { facts: fact.nonblock | fact.enrolled, redirected_messages: 5n, slot: 1 } satisfies Partial<SockRecord>;
const clientInMap = { ...inMap, flags: stateFlag.client, peer: 2n };
const serverInMap = { ...inMap, peer: 1n };
const quiet = (end: Partial<SockRecord>) => ({ ...end, flags: (end.flags ?? 0) | stateFlag.quiet });

/** A coupler, and a step of it over connection 0 in a given state. */
function bench(pairs = 8) {
  const coupler = new Coupler(pairs);
  let nowMs = 1000;
  const look = (records: readonly SockRecord[], more: Partial<FitnessRules> = {}): Step =>
    coupler.step(flowsOf(records), { ...rules, ...more }, nowMs);
  const step = (client: Partial<SockRecord> = {}, server: Partial<SockRecord> = {}, more: Partial<FitnessRules> = {}): Step => {
    const both = ends(0, { client, server });
    return look([both.client, both.server], more);
  };
  /** Brings connection 0 to where it is coupled. */
  const couple = (): Step => {
    for (let n = 0; n < 2; n++) step();
    return step(clientInMap, serverInMap);
  };
  return { coupler, look, step, couple, wait: (ms: number) => (nowMs += ms) };
}
const told = ({ flows }: Step) => flows.map(({ state, reason }) => `${state} ${reason}`);
const actions = ({ plans }: Step) => Object.fromEntries([...plans].map(([cookie, { action }]) => [String(cookie), action]));
const both = (action: number) => ({ 1: action, 2: action });

test("Coupler leaves a connection alone at first sight and enrols both ends at the second", (t) => {
  const { step, coupler } = bench();
  const first = step();
  t.deepEqual([told(first), first.plans.size, first.unsettled], [["tcp young"], 0, true]);
  const second = step();
  t.deepEqual(told(second), ["tcp enrolling"]);
  const { client, server } = ends(0);
  const plan: Plan = { action: planAction.enrol, slot: 1, peer: 0n, peer_sk: 0n, peer_service: 0, flags: 0 };
  t.deepEqual(
    [...second.plans],
    [
      [client.cookie, { ...plan, peer: server.cookie, peer_sk: server.sk, peer_service: 2, flags: stateFlag.client }],
      [server.cookie, { ...plan, peer: client.cookie, peer_sk: client.sk, peer_service: 1 }],
    ],
  );
  t.is(coupler.coupled, 1);
});

test("Coupler wants two fit looks in a row", (t) => {
  const { step } = bench();
  const blocking = { facts: 0 };
  t.deepEqual(
    [step(), step(blocking), step(), step()].map((s) => s.plans.size),
    [0, 0, 0, 2],
  );
});

test("Coupler calls a flow redirected once both ends are in the map and a message was redirected", (t) => {
  const { step } = bench();
  step();
  step();
  t.deepEqual(told(step(clientInMap)), ["tcp enrolling"]);
  const fresh = { redirected_messages: 0n };
  t.deepEqual(told(step({ ...clientInMap, ...fresh }, { ...serverInMap, ...fresh })), ["redirected draining"]);
  const last = step(clientInMap, { ...serverInMap, ...fresh });
  t.deepEqual([told(last), last.unsettled, last.plans.size], [["redirected redirected"], false, 0]);
});

test("Coupler opens a pair once, when both ends are in the map", (t) => {
  const { step } = bench();
  t.deepEqual(
    [step(), step(), step(clientInMap), step(clientInMap, serverInMap), step(clientInMap, serverInMap)].map((s) => s.open),
    [[], [], [], [1], []],
  );
});

test("Coupler tries ten times to enrol, then says unread, brings the end that is in the map back, and tries again after 5 s", (t) => {
  const { step, wait, coupler } = bench();
  step();
  step();
  const halfIn = (): Step => step(clientInMap, { applied: applied.later });
  for (let n = 0; n < 10; n++) {
    const later = halfIn();
    t.deepEqual([told(later), actions(later)], [["tcp enrolling"], { 2: planAction.enrol }], "asked again at every look");
  }
  const given = halfIn();
  t.deepEqual([told(given), actions(given)], [["tcp leaving"], both(planAction.quiesce)]);
  step(quiet(clientInMap));
  step();
  t.deepEqual([told(step()), coupler.coupled], [["tcp unread"], 0]);
  wait(5_000);
  t.deepEqual([told(step()), told(step())], [["tcp young"], ["tcp enrolling"]]);
});

test("Coupler has bytes moved that stay in TCP's queue of a coupled socket for two looks, and looks on until they are", (t) => {
  const { step, couple } = bench();
  couple();
  const left = { ...serverInMap, facts: inMap.facts | fact.unread };
  const [first, second, third, last] = [
    step(clientInMap, left),
    step(clientInMap, left),
    step(clientInMap, left),
    step(clientInMap, serverInMap),
  ];
  t.deepEqual(
    [first, second, third, last].map((s) => [told(s), actions(s), s.unsettled]),
    [
      [["redirected redirected"], {}, true],
      [["redirected redirected"], { 2: planAction.take }, true],
      [["redirected redirected"], { 2: planAction.take }, true],
      [["redirected redirected"], {}, false],
    ],
  );
});

test("Coupler takes an unfit flow out in two steps: both quiet first, then released, then plain TCP", (t) => {
  const { step, couple, coupler } = bench();
  couple();
  const urgent = { facts: inMap.facts | fact.urgent };
  const start = step({ ...clientInMap, ...urgent }, serverInMap);
  t.deepEqual([told(start), actions(start)], [["tcp leaving"], both(planAction.quiesce)]);
  const half = step(quiet({ ...clientInMap, ...urgent }), serverInMap);
  t.deepEqual([actions(half), half.unsettled], [both(planAction.quiesce), true]);
  t.deepEqual(actions(step(quiet({ ...clientInMap, ...urgent }), quiet(serverInMap))), both(planAction.release));
  t.is(coupler.coupled, 1, "the slot stays taken while a socket may carry it");
  const one = step({ facts: fact.nonblock | fact.urgent }, quiet(serverInMap));
  // Asked again, for the kernel looks for plans only when there are some; the end that is out is told to be quiet, which it is.
  t.deepEqual(actions(one), { 1: planAction.quiesce, 2: planAction.release });
  const out = step({ facts: fact.nonblock | fact.urgent });
  t.deepEqual([out.plans.size, out.unsettled ? step({ facts: fact.urgent | fact.nonblock }).unsettled : false], [0, false]);
  t.is(coupler.coupled, 0);
});

test("Coupler couples a flow again once what spoke against it is gone", (t) => {
  const { step, couple } = bench();
  couple();
  const off: Partial<FitnessRules> = { redirect: () => "off" };
  step(clientInMap, serverInMap, off);
  step(quiet(clientInMap), quiet(serverInMap), off);
  step({}, {}, off);
  t.deepEqual(
    [step(), step(), step()].map((s) => s.plans.size),
    [0, 2, 2],
  );
});

test("Coupler lets a closing connection take its sockets with it", (t) => {
  const { step, couple } = bench();
  couple();
  const closing = step({ ...clientInMap, state: 4 }, { ...serverInMap, state: 8 });
  t.deepEqual([told(closing), closing.plans.size], [["redirected redirected"], 0]);
});

test("Coupler holds a bulk endpoint 5 s, then twice as long each time, at most 10 minutes", (t) => {
  const { step, couple, wait } = bench();
  const bulk = { mean_bytes: 64 << 10 };
  const holds: number[] = [];
  for (let round = 0; round < 9; round++) {
    couple();
    t.deepEqual(told(step(clientInMap, { ...serverInMap, ...bulk })), ["tcp leaving"]);
    step(quiet(clientInMap), quiet(serverInMap));
    step();
    step();
    let held = 0;
    for (; told(step())[0] === "tcp bulk"; held += 2500) wait(2500);
    holds.push(held);
    wait(1);
  }
  t.deepEqual(
    holds,
    [5, 10, 20, 40, 80, 160, 320, 600, 600].map((s) => s * 1000),
  );
});

test("Coupler holds the next connections of a bulk endpoint too, and no other endpoint's", (t) => {
  const { look, couple, step, wait } = bench();
  couple();
  step(clientInMap, { ...serverInMap, mean_bytes: 64 << 10 });
  const next = ends(1);
  const elsewhere = ends(2, { client: { remote_port: 81 }, server: { local_port: 81 } });
  const all = [next.client, next.server, elsewhere.client, elsewhere.server];
  t.deepEqual(told(look(all)), ["tcp bulk", "tcp young"]);
  wait(5001);
  t.deepEqual(told(look(all)), ["tcp young", "tcp enrolling"]);
});

for (const [outcome, reason] of [
  [applied.full, "full"],
  [applied.refused, "refused"],
] as const) {
  test(`Coupler takes both ends back and waits 5 s when the kernel says ${reason}`, (t) => {
    const { step, wait, coupler } = bench();
    step();
    step();
    const failed = step(clientInMap, { applied: outcome });
    t.deepEqual([told(failed), actions(failed)], [["tcp leaving"], both(planAction.quiesce)]);
    t.deepEqual(actions(step(quiet(clientInMap))), { 1: planAction.release, 2: planAction.quiesce });
    step();
    t.is(coupler.coupled, 0);
    t.deepEqual(told(step({ facts: fact.nonblock | fact.urgent })), ["tcp urgent"]);
    t.deepEqual(told(step()), [`tcp ${reason}`], "what holds it is said again once the other reason is gone");
    wait(5001);
    step();
    t.deepEqual(actions(step()), both(planAction.enrol));
  });
}

test("Coupler says full when all slots are taken, and goes on when one is free", (t) => {
  const { look, coupler } = bench(2);
  const [a, b] = [ends(0), ends(1)];
  look([a.client, a.server, b.client, b.server]);
  const second = look([a.client, a.server, b.client, b.server]);
  t.deepEqual(told(second), ["tcp enrolling", "tcp full"]);
  t.deepEqual([second.plans.size, coupler.coupled], [2, 1]);
  look([b.client, b.server]);
  look([b.client, b.server]);
  t.deepEqual(told(look([b.client, b.server])), ["tcp enrolling"]);
});

test("Coupler frees the slot of a flow that two looks in a row did not show", (t) => {
  const { look, couple, coupler } = bench();
  couple();
  look([]);
  t.is(coupler.coupled, 1);
  look([]);
  t.is(coupler.coupled, 0);
});

test("Coupler plans nothing for one look that misses an end of a coupled flow", (t) => {
  for (const missing of ["client", "server"] as const) {
    const { look, couple, coupler } = bench();
    couple();
    const pair = ends(0, { client: clientInMap, server: serverInMap });
    const seen = missing === "client" ? pair.server : pair.client;
    t.deepEqual([...look([seen]).plans], [], missing);
    const after = look([pair.client, pair.server]);
    t.deepEqual([told(after), after.plans.size, coupler.coupled], [["redirected redirected"], 0, 1], missing);
  }
});

test("Coupler releases no end while a look misses the other, which may still be sending", (t) => {
  const { look, couple, step } = bench();
  couple();
  step(clientInMap, serverInMap, { redirect: () => "off" });
  const { client, server } = ends(0, { client: quiet(clientInMap), server: serverInMap });
  t.false(Object.values(actions(look([client]))).includes(planAction.release));
  t.deepEqual(actions(look([client, server])), both(planAction.quiesce));
});

test("Coupler takes an end out whose other end is gone, so that a detach can finish", (t) => {
  for (const gone of ["client", "server"] as const) {
    const { look, couple, coupler } = bench();
    couple();
    const left =
      gone === "client"
        ? { ...ends(0, { server: { ...serverInMap, state: 8 } }).server }
        : ends(0, { client: { ...clientInMap, state: 8 } }).client;
    const planned = Array.from({ length: 3 }, () => actions(look([left])));
    t.true(
      planned.some((p) => p[String(left.cookie)] === planAction.quiesce),
      `${gone}: ${JSON.stringify(planned)}`,
    );
    const calm = { ...left, flags: left.flags | stateFlag.quiet };
    t.is(actions(look([calm]))[String(left.cookie)], planAction.release, gone);
    look([{ ...left, facts: fact.nonblock }]);
    look([{ ...left, facts: fact.nonblock }]);
    t.is(coupler.coupled, 0, gone);
  }
});

test("Coupler finds what an earlier daemon coupled, and its slots are taken", (t) => {
  const { look, coupler } = bench(4);
  const old = ends(0, { client: { ...clientInMap, slot: 1 }, server: { ...serverInMap, slot: 1 } });
  const fresh = ends(1);
  const first = look([old.client, old.server, fresh.client, fresh.server]);
  t.deepEqual([told(first), first.plans.size], [["redirected redirected", "tcp young"], 0]);
  const second = look([old.client, old.server, fresh.client, fresh.server]);
  t.deepEqual(
    [...second.plans.values()].map(({ slot }) => slot),
    [2, 2],
  );
  t.is(coupler.coupled, 2);
});

test("Coupler takes out what an earlier daemon left half enrolled", (t) => {
  const { step, coupler } = bench();
  t.deepEqual(actions(step(clientInMap)), both(planAction.quiesce));
  t.is(coupler.coupled, 1, "its slot is taken");
  t.deepEqual(actions(step(quiet(clientInMap))), { 1: planAction.release, 2: planAction.quiesce });
  step();
  t.is(coupler.coupled, 0);
});

test("Coupler enrols nothing where the self-test refused", (t) => {
  const { step } = bench();
  const steps = [1, 2, 3].map(() => step({}, {}, { usable: false }));
  t.deepEqual(steps.flatMap(told), Array(3).fill("tcp self-test"));
  t.true(steps.every(({ plans }) => plans.size === 0));
});

test("Coupler gives no slot away that a later line of the same look shows in use", (t) => {
  const { look } = bench(4);
  const fresh = ends(1);
  look([fresh.client, fresh.server]);
  const old = ends(0, { client: clientInMap, server: serverInMap });
  const { plans } = look([fresh.client, fresh.server, old.client, old.server]);
  t.deepEqual(
    [...plans.values()].map(({ slot }) => slot),
    [2, 2],
  );
});

test("Coupler takes out what a plan enrolled that it did not make", (t) => {
  const { step } = bench();
  step({ facts: fact.nonblock | fact.urgent });
  const found = step(clientInMap, serverInMap);
  t.deepEqual([told(found), actions(found)], [["tcp leaving"], both(planAction.quiesce)]);
});
