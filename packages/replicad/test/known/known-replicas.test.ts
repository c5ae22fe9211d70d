import test from "ava";
import { NodeState, replicaFlags } from "../../src/bus/node-state.ts";
import { NodeEntry } from "../../src/bus/node-table.ts";
import { KnownReplicas, type Overriding } from "../../src/known/known-replicas.ts";

/** A node that tells of one replica. */
function entryOf(name: string, key: string, inFlight: number): NodeEntry {
  const entry = new NodeEntry(name);
  says(entry.state, key, inFlight);
  return entry;
}

function says({ replicas }: NodeState, key: string, inFlight: number): void {
  const row = replicas.add(key);
  replicas.inFlight[row] = inFlight;
}

test("KnownReplicas: own rows and what others told, each with its time", (t) => {
  const known = new KnownReplicas(() => undefined);
  const state = new NodeState("a");
  says(state, "10.0.0.1:80", 3);
  known.own(state, 100);
  known.told(entryOf("b", "10.0.0.2:80", 5), 90);
  t.is(known.size, 2);
  t.like(known.get("10.0.0.1:80"), { node: "a", inFlight: 3, atMs: 100 });
  t.like(known.get("10.0.0.2:80"), { node: "b", inFlight: 5, atMs: 90 });
});

test("KnownReplicas: a row that is taken away keeps what was last said, a new one in its place is another replica", (t) => {
  const known = new KnownReplicas(() => undefined);
  const state = new NodeState("a");
  says(state, "10.0.0.1:80", 1);
  known.own(state, 1);
  state.replicas.remove("10.0.0.1:80");
  says(state, "10.0.0.9:80", 9);
  known.own(state, 2);
  t.like(known.get("10.0.0.1:80"), { inFlight: 1, atMs: 1 });
  t.like(known.get("10.0.0.9:80"), { inFlight: 9, atMs: 2 });
});

test("KnownReplicas: of two nodes that claim one replica the younger word holds", (t) => {
  const known = new KnownReplicas(() => undefined);
  known.told(entryOf("b", "10.0.0.2:80", 5), 90);
  known.told(entryOf("c", "10.0.0.2:80", 7), 80);
  t.like(known.get("10.0.0.2:80"), { node: "b", inFlight: 5 });
  known.told(entryOf("c", "10.0.0.2:80", 7), 91);
  t.like(known.get("10.0.0.2:80"), { node: "c", inFlight: 7 });
});

test("KnownReplicas: an operator's word stays over what nodes say, and goes when it is taken back", (t) => {
  const said = new Map<string, Overriding>();
  const known = new KnownReplicas((key) => said.get(key));
  const entry = entryOf("b", "10.0.0.2:80", 5);
  known.told(entry, 1);
  t.is(known.get("10.0.0.2:80")!.weight, Number.NaN);
  said.set("10.0.0.2:80", { draining: true, weight: 2 });
  known.overridden("10.0.0.2:80");
  t.like(known.get("10.0.0.2:80"), { flags: replicaFlags.draining, weight: 2, drained: true });
  entry.state.replicas.flags[0] = replicaFlags.down;
  known.told(entry, 2);
  t.is(known.get("10.0.0.2:80")!.flags, replicaFlags.draining | replicaFlags.down);
  said.delete("10.0.0.2:80");
  known.overridden("10.0.0.2:80");
  t.is(known.get("10.0.0.2:80")!.flags, replicaFlags.down);
});

test("KnownReplicas: a pruned replica that is told of again is known again", (t) => {
  const known = new KnownReplicas(() => undefined);
  const entry = entryOf("b", "10.0.0.2:80", 5);
  known.told(entry, 1);
  const { version } = known;
  known.prune(() => false);
  t.is(known.size, 0);
  t.true(known.version > version);
  known.told(entry, 2);
  t.like(known.get("10.0.0.2:80"), { inFlight: 5, atMs: 2 });
});
