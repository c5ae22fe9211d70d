import test from "ava";
import { figure, NodeState, replicaFlags } from "../../src/bus/node-state.ts";
import { Publisher, type Sink } from "../../src/bus/publisher.ts";
import { StateDecoder } from "../../src/bus/state-message.ts";
import { stateOf } from "./state-fixture.ts";

function setting(options: ConstructorParameters<typeof Publisher>[2] = {}) {
  const state = stateOf("a", 3);
  const sent: { readonly atMs: number; readonly retain: boolean; readonly state: NodeState }[] = [];
  const broker = { room: "open" as ReturnType<Sink["room"]> };
  let nowMs = 1000;
  const sink: Sink = {
    room: () => broker.room,
    send(bytes, retain) {
      const copy = new NodeState("");
      new StateDecoder().decode(bytes, copy);
      sent.push({ atMs: nowMs, retain, state: copy });
    },
  };
  const publisher = new Publisher(state, sink, options);
  const run = (untilMs: number, stepMs = 1): void => {
    for (; nowMs < untilMs; nowMs += stepMs) publisher.tick(nowMs);
  };
  return { state, sent, broker, publisher, run };
}

test("Publisher sends every millisecond while in flight changes, with sequence numbers without gaps", (t) => {
  const { state, sent, run } = setting();
  for (let ms = 1000; ms < 1100; ms++) {
    state.replicas.inFlight[1] = ms % 2;
    run(ms + 1);
  }
  t.is(sent.length, 100);
  t.deepEqual(
    sent.map(({ state: { sequence } }) => sequence),
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
});

test("Publisher doubles its interval to slowMs while nothing changes, and is back at once", (t) => {
  const { state, sent, run, publisher } = setting({ snapshotMs: 1e9 });
  run(2000);
  const gaps = sent.slice(1).map(({ atMs }, index) => atMs - sent[index]!.atMs);
  t.deepEqual(gaps.slice(0, 9), [1, 2, 4, 8, 16, 32, 64, 100, 100]);
  // Each message announces the next one.
  t.deepEqual(
    sent.slice(0, -1).map((one) => one.state.intervalMs),
    gaps,
  );
  t.is(publisher.intervalMs, 100);
  const before = sent.length;
  state.replicas.inFlight[2]! += 1;
  run(2001);
  t.is(sent.length, before + 1);
  t.is(publisher.intervalMs, 1);
});

test("Publisher takes small changes for none and those of every column for one", (t) => {
  const { state, sent, run } = setting({ slowMs: 1e6, snapshotMs: 1e9 });
  state.replicas.inFlight[0] = 100;
  state.figures[figure.runQueue] = 5;
  let ms = 1000;
  const counts = (change: () => void): number => {
    // The doubled intervals end at 4095 and 8191 after the last change.
    ms += 5000;
    run(ms);
    const before = sent.length;
    change();
    ms++;
    run(ms);
    return sent.length - before;
  };
  const { replicas, figures } = state;
  const set = (column: Float64Array | Uint8Array, index: number, value: number) => (): void => {
    column[index] = value;
  };
  const small = [set(replicas.inFlight, 0, 109), set(figures, figure.runQueue, 5.4), set(replicas.failures, 0, 0.01)];
  const large = [
    set(replicas.inFlight, 0, 130),
    set(replicas.serviceMs, 0, 1),
    set(replicas.latencyMs, 0, 1),
    set(replicas.failures, 0, 0.08),
    set(replicas.weight, 0, 2),
    set(replicas.flags, 0, 1),
    set(figures, figure.runQueue, 8),
    set(figures, figure.cpuSome, 0.5),
    () => replicas.remove("10.0.0.2:80"),
    () => void replicas.add("10.9.9.9:1"),
  ];
  t.is(
    counts(() => {}),
    0,
  );
  for (const change of small) t.is(counts(change), 0);
  for (const [index, change] of large.entries()) t.is(counts(change), 1, `change ${index}`);
});

test("Publisher sends a replica's death a millisecond after the last message, whatever else moved too little to count", (t) => {
  const { state, sent, run } = setting({ snapshotMs: 1e9 });
  state.replicas.inFlight[0] = 100;
  run(1900);
  state.replicas.inFlight[0] = 130;
  run(1901);
  const before = sent.length;
  state.replicas.inFlight[0] = 135;
  state.replicas.flags[1] = replicaFlags.down;
  run(1902);
  t.is(sent.length, before + 1);
  t.is(sent.at(-1)!.state.replicas.flags[1], replicaFlags.down);
  state.replicas.flags[1] = 0;
  run(1903);
  t.is(sent.length, before + 2);
});

test("Publisher keeps nothing for a slow broker: it drops, counts, and sends the latest state when there is room", (t) => {
  const { state, sent, broker, publisher, run } = setting();
  run(1001);
  broker.room = "full";
  for (let ms = 1001; ms < 1051; ms++) {
    state.replicas.inFlight[1]! += 1;
    run(ms + 1);
  }
  t.is(sent.length, 1);
  t.is(publisher.dropped, 50);
  broker.room = "open";
  run(1052);
  t.is(sent.length, 2);
  t.is(sent[1]!.state.replicas.inFlight[1], 51);
  t.is(sent[1]!.state.sequence, 2);
});

test("Publisher counts what it could not send without a broker, and resync() makes the next one a snapshot", (t) => {
  const { sent, broker, publisher, run } = setting();
  run(1010);
  t.deepEqual(
    sent.map(({ retain }) => retain),
    [true, false, false, false],
  );
  broker.room = "down";
  run(1400);
  t.true(publisher.unsent > 0);
  t.is(publisher.dropped, 0);
  broker.room = "open";
  publisher.resync();
  run(1401);
  t.true(sent.at(-1)!.retain);
});

test("Publisher retains one message in snapshotMs", (t) => {
  const { sent, publisher, run } = setting({ snapshotMs: 500 });
  run(5000);
  t.is(publisher.snapshots, 8);
  t.is(sent.filter(({ retain }) => retain).length, 8);
});
