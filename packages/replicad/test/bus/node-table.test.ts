import test from "ava";
import type { NodeState } from "../../src/bus/node-state.ts";
import { NodeTable } from "../../src/bus/node-table.ts";
import { StateEncoder } from "../../src/bus/state-message.ts";
import { plain, stateOf } from "./state-fixture.ts";

const boot = { bootSeconds: 1_800_000_000, bootRandom: 99 };

function bytesOf(state: NodeState, sequence: number, sentAtMs: number): Buffer {
  state.sequence = sequence;
  state.sentAtMs = sentAtMs;
  return Buffer.from(new StateEncoder().encode(state));
}

test("NodeTable.receive() refuses a message that was there before, or is older, and keeps the state", (t) => {
  const table = new NodeTable(boot);
  const a = stateOf("a", 2);
  const first = bytesOf(a, 1, 1000);
  t.is(table.receive("a", bytesOf(a, 5, 1010), false, 1011), null);
  const before = plain(table.nodes.get("a")!.state);
  t.is(table.receive("a", bytesOf(a, 5, 1010), false, 1012), "replayed");
  t.is(table.receive("a", first, false, 1013), "replayed");
  t.is(table.receive("a", first, true, 1013), "replayed");
  t.deepEqual(plain(table.nodes.get("a")!.state), before);
  t.is(table.refused.get("replayed"), 3);
  t.is(table.taken, 1);
  t.is(table.receive("a", bytesOf(a, 8, 1020), false, 1021), null);
  t.is(table.nodes.get("a")!.lost, 2);
});

test("NodeTable.receive() believes a newer boot at once, an older one only after silence", (t) => {
  const table = new NodeTable(boot);
  const old = stateOf("a", 1);
  const young = stateOf("a", 1);
  young.bootSeconds++;
  t.is(table.receive("a", bytesOf(old, 100, 1000), false, 1000), null);
  t.is(table.receive("a", bytesOf(young, 1, 1010), false, 1010), null);
  t.is(table.receive("a", bytesOf(old, 101, 1020), false, 1020), "old-boot");
  t.is(table.receive("a", bytesOf(old, 102, 12_000), false, 12_000), null);
});

test("NodeTable.receive() refuses a message from the future, by their clock's bounds or, without, by an hour", (t) => {
  const table = new NodeTable(boot);
  const a = stateOf("a", 1);
  t.is(table.receive("a", bytesOf(a, 1, 3_700_000 + 1000), false, 1000), "future");
  t.is(table.nodes.size, 0);
  // Their clock is 500 ahead; our message of 1000 was there at once.
  a.echoes.count = 1;
  a.echoes.bootSeconds[0] = boot.bootSeconds;
  a.echoes.bootRandom[0] = boot.bootRandom;
  a.echoes.sentAtMs[0] = 1000;
  a.echoes.heldMs[0] = 2;
  t.is(table.receive("a", bytesOf(a, 2, 1503), false, 1004), null);
  const entry = table.nodes.get("a")!;
  t.true(Math.abs(entry.clock.offsetMs(1004) - 500) < 1.01, String(entry.clock.offsetMs(1004)));
  t.true(Math.abs(entry.ageMs(1010) - 7) < 1.1);
  a.echoes.count = 0;
  t.is(table.receive("a", bytesOf(a, 3, 1600), false, 1010), "future");
  t.is(table.receive("a", bytesOf(a, 3, 1515), false, 1016), null);
  t.is(table.refused.get("future"), 2);
});

test("NodeTable learns a clock anew when all messages seem to come from the future: ours stood still", (t) => {
  const table = new NodeTable(boot);
  const a = stateOf("a", 1);
  a.echoes.count = 1;
  a.echoes.bootSeconds[0] = boot.bootSeconds;
  a.echoes.bootRandom[0] = boot.bootRandom;
  a.echoes.sentAtMs[0] = 1000;
  t.is(table.receive("a", bytesOf(a, 1, 1001), false, 1002), null);
  a.echoes.count = 0;
  let refused = 0;
  for (let step = 0; step < 20; step++) if (table.receive("a", bytesOf(a, 2 + step, 9000 + step), false, 1010 + step)) refused++;
  t.is(refused, 15);
  t.is(table.clockResets, 1);
});

test("NodeTable.receive() ignores an echo of what we cannot have sent yet", (t) => {
  const table = new NodeTable(boot);
  const a = stateOf("a", 1);
  a.echoes.count = 1;
  a.echoes.bootSeconds[0] = boot.bootSeconds;
  a.echoes.bootRandom[0] = boot.bootRandom;
  a.echoes.sentAtMs[0] = 5000;
  t.is(table.receive("a", bytesOf(a, 1, 1000), false, 1000), null);
  t.is(table.nodes.get("a")!.clock.mostMs(1000), Number.POSITIVE_INFINITY);
});

test("NodeTable bounds its nodes and refuses unknown ones, wrong topics and garbage", (t) => {
  const table = new NodeTable({ ...boot, maxNodes: 2, known: (node) => node !== "evil" });
  for (const name of ["a", "b"]) t.is(table.receive(name, bytesOf(stateOf(name, 1), 1, 1000), false, 1000), null);
  t.is(table.receive("c", bytesOf(stateOf("c", 1), 1, 1000), false, 1000), "too-many-nodes");
  t.is(table.receive("evil", bytesOf(stateOf("evil", 1), 1, 1000), false, 1000), "unknown-node");
  t.is(table.receive("a", bytesOf(stateOf("b", 1), 2, 1000), false, 1000), "topic");
  t.is(table.receive("a", Buffer.from("garbage"), false, 1000), "magic");
  t.is(table.nodes.size, 2);
  t.deepEqual([...table.refused].sort(), [
    ["magic", 1],
    ["too-many-nodes", 1],
    ["topic", 1],
    ["unknown-node", 1],
  ]);
});

test("NodeTable bounds the replicas of all nodes together, whose number follows what nodes tell", (t) => {
  const table = new NodeTable({ ...boot, maxReplicas: 10 });
  t.is(table.receive("a", bytesOf(stateOf("a", 6), 1, 1000), false, 1000), null);
  t.is(table.receive("b", bytesOf(stateOf("b", 5), 1, 1000), false, 1000), "too-many-replicas");
  t.is(table.receive("b", bytesOf(stateOf("b", 4), 2, 1000), false, 1000), null);
  t.is(table.replicas, 10);
  t.is(table.receive("a", bytesOf(stateOf("a", 1), 2, 1001), false, 1001), null);
  t.is(table.replicas, 5);
  table.receive("b", Buffer.alloc(0), false, 1001);
  t.is(table.replicas, 1);
  table.forgetSilent(10, 2000);
  t.is(table.replicas, 0);
});

test("NodeTable forgets a node at its good-bye, and one that is silent; ages grow until then", (t) => {
  const table = new NodeTable(boot);
  for (const name of ["a", "b"]) table.receive(name, bytesOf(stateOf(name, 1), 1, 1000), false, 1000);
  t.is(table.receive("a", Buffer.alloc(0), false, 1010), null);
  t.deepEqual([...table.nodes.keys()], ["b"]);
  t.is(Math.round(table.nodes.get("b")!.ageMs(3000)), 2000);
  table.forgetSilent(5000, 7000);
  t.is(table.nodes.size, 0);
});

test("NodeTable takes the age of a retained message from the wall clock, not from its arrival", (t) => {
  const table = new NodeTable(boot);
  table.receive("a", bytesOf(stateOf("a", 1), 1, 1000), true, 61_000);
  const entry = table.nodes.get("a")!;
  t.is(entry.ageMs(61_000), 60_000);
  t.is(entry.clock.offsetMs(61_000), Number.NaN);
});

/** A node that is quiet and heard every 100 ms, 1 ms after it sent. */
function quiet(table: NodeTable): { readonly lastMs: number; readonly send: (atMs: number, retained?: boolean) => void } {
  const a = stateOf("a", 1);
  a.intervalMs = 100;
  let sequence = 0;
  const send = (atMs: number, retained = false): void => void table.receive("a", bytesOf(a, ++sequence, atMs), retained, atMs + 1);
  for (let atMs = 1000; atMs <= 3000; atMs += 100) send(atMs);
  return { lastMs: 3001, send };
}

test("NodeEntry.reportedAtMs() is not the age of the last message while a quiet node is heard", (t) => {
  const table = new NodeTable(boot);
  const { lastMs } = quiet(table);
  const entry = table.nodes.get("a")!;
  t.true(entry.ageMs(lastMs + 90) > 89);
  const age = lastMs + 90 - entry.reportedAtMs(lastMs + 90);
  // The idle ticker's 10, and the way.
  t.true(age >= 10 && age < 12, String(age));
  t.true(lastMs + 1000 - entry.reportedAtMs(lastMs + 1000) >= 860);
});

test("NodeTable.linked(false): silence says nothing without a broker, nor do messages that come in before it is back", (t) => {
  const table = new NodeTable(boot);
  const { lastMs, send } = quiet(table);
  const entry = table.nodes.get("a")!;
  table.linked(false, lastMs + 20);
  const last = entry.reportedAtMs(lastMs + 90);
  t.true(last <= lastMs + 10);
  send(lastMs + 100);
  t.true(entry.reportedAtMs(lastMs + 190) < lastMs + 102);
  table.linked(true, lastMs + 200);
  t.true(entry.reportedAtMs(lastMs + 220) < lastMs + 102);
  send(lastMs + 250, true);
  t.true(entry.reportedAtMs(lastMs + 340) < lastMs + 260);
  send(lastMs + 400);
  t.true(entry.reportedAtMs(lastMs + 490) > lastMs + 470);
});

test("NodeEntry.reportedAtMs() never goes back over a restart of the node, or of its clock", (t) => {
  const table = new NodeTable(boot);
  const { lastMs } = quiet(table);
  const entry = table.nodes.get("a")!;
  const before = entry.reportedAtMs(lastMs + 100);
  const young = stateOf("a", 1);
  young.bootSeconds++;
  // Its clock was set back by two seconds.
  t.is(table.receive("a", bytesOf(young, 1, lastMs - 2000), false, lastMs + 101), null);
  const after = entry.reportedAtMs(lastMs + 101);
  t.true(after > before && after <= lastMs + 101);
});

test("NodeTable.writeEchoes() tells of every node within as many messages as it takes, 8 at a time", (t) => {
  const table = new NodeTable(boot);
  for (let index = 0; index < 20; index++) {
    const state = stateOf(`n${index}`, 1);
    state.bootRandom = index;
    table.receive(`n${index}`, bytesOf(state, 1, 1000 + index), false, 2000);
  }
  const own = stateOf("own", 0);
  const told = new Set<number>();
  for (let round = 0; round < 5; round++) {
    table.writeEchoes(own.echoes, 2005);
    t.true(own.echoes.count <= 8);
    for (let row = 0; row < own.echoes.count; row++) {
      told.add(own.echoes.bootRandom[row]!);
      t.is(own.echoes.sentAtMs[row], 1000 + own.echoes.bootRandom[row]!);
      t.is(own.echoes.heldMs[row], 5);
    }
  }
  t.is(told.size, 20);
});
