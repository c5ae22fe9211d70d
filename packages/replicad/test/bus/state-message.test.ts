import { crc32 } from "node:zlib";
import test from "ava";
import fc from "fast-check";
import { NodeState } from "../../src/bus/node-state.ts";
import { maxMessageBytes, StateDecoder, StateEncoder } from "../../src/bus/state-message.ts";
import { anyState, plain, stateOf } from "./state-fixture.ts";

const encoded = (state: NodeState): Buffer => Buffer.from(new StateEncoder().encode(state));

function message(): Buffer {
  const state = stateOf("a", 3);
  state.sequence = 9;
  state.sentAtMs = 1.8e12;
  state.intervalMs = 100;
  state.echoes.count = 1;
  return encoded(state);
}

/** Makes length and checksum right again after a change. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt16LE(bytes.length, 2);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

test("StateDecoder gives back any state that StateEncoder wrote, also into one that held another", (t) => {
  const encoder = new StateEncoder();
  const decoder = new StateDecoder();
  const into = new NodeState("");
  fc.assert(
    fc.property(anyState, (state) => {
      t.is(decoder.decode(encoder.encode(state), into), null);
      t.deepEqual(plain(into), plain(state));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("StateEncoder writes the bytes that the header of state-message.ts tells", (t) => {
  const state = new NodeState("b");
  state.bootSeconds = 0x01020304;
  state.bootRandom = 0x05060708;
  state.sequence = 2;
  state.sentAtMs = 3;
  state.cpus = 4;
  state.intervalMs = 0x102;
  const row = state.replicas.add("1.2.3.4:258");
  state.replicas.inFlight[row] = 1;
  state.replicas.workers[row] = 5;
  state.replicas.flags[row] = 1;
  const bytes = encoded(state);
  t.is(bytes.length, 88 + 1 + 32);
  t.is(bytes.subarray(0, 4).toString("hex"), "4d017900");
  t.is(bytes.subarray(8, 16).toString("hex"), "0403020108070605");
  t.is(bytes.readDoubleLE(16), 2);
  t.is(bytes.readDoubleLE(24), 3);
  t.is(bytes.subarray(32, 40).toString("hex"), "0100000104000201");
  t.is(bytes.subarray(88).toString("hex"), `62010002010000803f${"00000000".repeat(3)}0000803f0500000001020304`);
});

test("StateEncoder needs 3.3 kB for 100 replicas, and the most replicas and echoes fit", (t) => {
  t.is(encoded(stateOf("node-1", 100)).length, 88 + 6 + 3200);
  const most = new NodeState("x".repeat(63));
  for (let index = 0; index < 1024; index++) most.replicas.add(`[fd00::1]:${index + 1}`);
  most.sequence = 1;
  most.echoes.count = 8;
  t.true(encoded(most).length < maxMessageBytes);
  t.is(new StateDecoder().decode(encoded(most), new NodeState("")), null);
});

test("StateEncoder refuses a name that does not fit", (t) => {
  for (const name of ["", "x".repeat(64), "é".repeat(32)]) t.throws(() => encoded(new NodeState(name)), { instanceOf: RangeError });
});

test("StateDecoder refuses each kind of bad message with its reason, and the state stays", (t) => {
  const decoder = new StateDecoder();
  const into = stateOf("kept", 2);
  const before = plain(into);
  const bent = (at: number, ...bytes: number[]): Buffer => {
    const copy = message();
    copy.set(bytes, at);
    return sealed(copy);
  };
  const bentFloat = (at: number, value: number): Buffer => {
    const copy = message();
    copy.writeFloatLE(value, at);
    return sealed(copy);
  };
  const rows = 88 + 1 + 20;
  const twice = message();
  twice.copy(twice, rows + 32, rows, rows + 32);
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ["empty", new Uint8Array(0)],
    ["too-large", new Uint8Array(maxMessageBytes + 1).fill(0x4d)],
    ["magic", Buffer.from("hello")],
    ["truncated", Buffer.from([0x4d])],
    ["version", bent(1, 2)],
    ["truncated", message().subarray(0, 50)],
    ["truncated", message().subarray(0, -1)],
    ["length", Buffer.concat([message(), Buffer.from([0])])],
    ["checksum", Buffer.from(message().fill(0xaa, 95, 96))],
    ["count", bent(32, 0xff, 0xff)],
    ["count", bent(32, 2)],
    ["count", bent(32, 4)],
    ["count", bent(34, 9)],
    ["count", bent(34, 8)],
    ["name", bent(35, 0)],
    ["name", bent(35, 64)],
    ["name", bent(88, 0xff)],
    ["value", bent(16, 0, 0, 0, 0, 0, 0, 0, 0)],
    ["value", bent(22, 0xf8, 0x7f)],
    ["value", bentFloat(40, -1)],
    ["value", bentFloat(40, Number.POSITIVE_INFINITY)],
    ["value", bentFloat(88 + 1 + 16, Number.NaN)],
    ["value", bent(rows, 8)],
    ["value", bent(rows + 1, 1)],
    ["value", bent(rows + 2, 0, 0)],
    ["value", bentFloat(rows + 4, Number.NaN)],
    ["value", bentFloat(rows + 8, -1)],
    ["value", bentFloat(rows + 16, 1.5)],
    ["value", bentFloat(rows + 20, -0.5)],
    ["duplicate-key", sealed(twice)],
  ];
  for (const [reason, bytes] of bad) t.is(decoder.decode(bytes, into), reason as never);
  t.deepEqual(plain(into), before);
});

test("StateDecoder refuses one address in two forms", (t) => {
  const state = new NodeState("a");
  state.sequence = 1;
  state.replicas.add("[fd00::1]:80");
  const bytes = encoded(state);
  Buffer.from("00000000000000000000ffff0a000001", "hex").copy(bytes, 89 + 28);
  t.is(new StateDecoder().decode(sealed(bytes), new NodeState("")), "value");
});

test("StateDecoder leaves the state to a judge's objection", (t) => {
  const into = stateOf("kept", 2);
  const before = plain(into);
  t.is(
    new StateDecoder().decode(message(), into, ({ name, sequence }) => (name === "a" && sequence === 9 ? "no" : null)),
    "no",
  );
  t.deepEqual(plain(into), before);
});

test("StateDecoder survives garbled, cut, joined and sealed garbage: it refuses or gives a state that can be sent again", (t) => {
  const decoder = new StateDecoder();
  const encoder = new StateEncoder();
  const corpus = [message(), encoded(stateOf("node-1", 100)), encoded(stateOf("b", 0))];
  const into = new NodeState("");
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(
      fc.nat(2),
      fc.array(change, { maxLength: 6 }),
      fc.nat(200),
      fc.uint8Array({ maxLength: 40 }),
      fc.boolean(),
      (which, changes, cut, tail, seal) => {
        const whole = corpus[which]!;
        const bytes = Buffer.concat([
          whole.subarray(0, Math.max(8, whole.length - (cut > 100 ? 0 : cut))),
          cut % 2 ? tail : Buffer.alloc(0),
        ]);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const before = plain(into);
        const refusal = decoder.decode(seal && bytes.length > 8 ? sealed(bytes) : bytes, into);
        if (refusal === null) t.deepEqual(encoder.encode(into).length, bytes.length);
        else t.deepEqual(plain(into), before);
      },
    ),
    { seed: 1, numRuns: 2000 },
  );
});
