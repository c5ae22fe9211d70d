import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import fc from "fast-check";
import { maxReplicas, ReplicaRows } from "../../src/bus/node-state.ts";
import { readKey, replicaKey, writeKey } from "../../src/bus/replica-key.ts";

test("writeKey() and readKey() give the key back, of v4 and v6, in its canonical form", (t) => {
  const bytes = new Uint8Array(20);
  for (const [key, back] of [
    ["10.1.2.3:80", "10.1.2.3:80"],
    ["[fd00::1]:65535", "[fd00::1]:65535"],
    ["fd00:0:0::1:443", "[fd00::1]:443"],
    ["[::ffff:10.0.0.1]:1", "10.0.0.1:1"],
  ]) {
    writeKey(key!, bytes, 1);
    t.is(readKey(bytes, 1), back!);
  }
  t.is(replicaKey("::1", 8), "[::1]:8");
});

test("writeKey() refuses what is no address and port", (t) => {
  for (const key of ["", "web", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.256:1", "[::1]", "host:80", "10.0.0.1:8a"]) {
    const error = t.throws(() => writeKey(key, new Uint8Array(18), 0), { instanceOf: MitsuError }, key);
    t.is(error?.code, "ERR_REPLICA_KEY");
  }
});

test("ReplicaRows keeps rows and keys together over any adds and removes", (t) => {
  const key = fc.nat(30).map((number) => `10.0.0.${number}:80`);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), key), { maxLength: 100 }), (steps) => {
      const rows = new ReplicaRows();
      const model = new Map<string, number>();
      steps.forEach(([adds, one], index) => {
        if (adds) {
          const row = rows.add(one);
          rows.inFlight[row] = index;
          model.set(one, index);
        } else {
          rows.remove(one);
          model.delete(one);
        }
      });
      t.is(rows.count, model.size);
      for (const [one, value] of model) {
        const row = rows.rowOf(one);
        t.is(rows.key(row), one);
        t.is(readKey(rows.keys, row * 18), one);
        t.is(rows.inFlight[row], value);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("ReplicaRows.add() refuses one more than the most", (t) => {
  const rows = new ReplicaRows();
  for (let index = 0; index < maxReplicas; index++) rows.add(`10.0.0.1:${index + 1}`);
  t.throws(() => rows.add("10.0.0.2:1"), { code: "ERR_TOO_MANY_REPLICAS" });
  t.is(rows.add("10.0.0.1:1"), 0);
});
