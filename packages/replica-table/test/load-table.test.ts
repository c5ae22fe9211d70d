import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { LoadReader, LoadWriter, noCounts } from "../src/mod.ts";
import { tablePath } from "./fixture.ts";

const key = "10.0.0.7:8080";

test("LoadReader.counts() reads what LoadWriter counted", (t) => {
  const path = tablePath(t);
  using loads = LoadWriter.create(path);
  const row = loads.row(key);
  loads.begin(row, 100);
  loads.begin(row, 101);
  loads.begin(row, 101);
  loads.begin(row, 102);
  loads.begin(row, 103);
  loads.end(row, 105, 5, "ok");
  loads.end(row, 106, 5, "failed");
  loads.end(row, 107, 1, "refused");
  loads.end(row, 108, 1, "cancelled");
  loads.connections(row, 7);
  loads.here(row, true);
  using reader = LoadReader.open(path);
  const counts = noCounts();
  t.true(reader.counts(row, counts));
  t.deepEqual(counts, {
    inFlight: 1,
    begun: 5,
    ended: 2,
    failed: 1,
    refused: 1,
    latencyMs: 10,
    busyMs: 0,
    busySinceMs: 100,
    connections: 7,
    here: true,
  });
  loads.end(row, 110, 7, "ok");
  reader.counts(row, counts);
  t.is(counts.busyMs, 10);
  t.is(counts.busySinceMs, 0);
  t.is(reader.pid, process.pid);
});

test("LoadReader.moves() is another number after each begin and each end", (t) => {
  const path = tablePath(t);
  using loads = LoadWriter.create(path);
  const row = loads.row(key);
  using reader = LoadReader.open(path);
  const seen = new Set([reader.moves(row)]);
  for (const outcome of ["ok", "failed", "refused", "cancelled"] as const) {
    loads.begin(row, 1);
    seen.add(reader.moves(row));
    loads.end(row, 2, 1, outcome);
    seen.add(reader.moves(row));
  }
  t.is(seen.size, 9);
});

test("LoadWriter ignores row −1, an end without a begin, and everything after close()", (t) => {
  const path = tablePath(t);
  const loads = LoadWriter.create(path);
  const row = loads.row(key);
  using reader = LoadReader.open(path);
  const counts = noCounts();
  loads.begin(-1, 1);
  loads.end(-1, 1, 1, "ok");
  loads.connections(-1, 1);
  loads.here(-1, true);
  loads.release(-1);
  loads.end(row, 1, 1, "ok");
  reader.counts(row, counts);
  t.deepEqual(counts, noCounts());
  loads.begin(row, 1);
  loads.close();
  loads.close();
  loads.begin(row, 1);
  loads.end(row, 1, 1, "ok");
  loads.beat(1);
  loads.release(row);
  t.is(loads.row("10.0.0.8:1"), -1);
});

test("LoadWriter.release() gives a row to another replica after its last use and its last request", (t) => {
  const path = tablePath(t);
  using loads = LoadWriter.create(path, { capacity: 1 });
  using reader = LoadReader.open(path);
  const row = loads.row(key);
  t.is(loads.row(key), row);
  loads.begin(row, 1);
  loads.release(row);
  loads.release(row);
  t.is(loads.row("10.0.0.8:1"), -1, "a request is there still");
  t.is(reader.key(row), key);
  const { generation } = reader;
  loads.end(row, 2, 1, "ok");
  t.not(reader.generation, generation);
  t.is(reader.key(row), null);
  t.is(loads.row("10.0.0.8:1"), row);
  t.is(reader.key(row), "10.0.0.8:1");
  const counts = noCounts();
  reader.counts(row, counts);
  t.deepEqual(counts, noCounts(), "nothing of the one before");
  loads.end(row, 3, 1, "ok");
  reader.counts(row, counts);
  t.deepEqual(counts, noCounts(), "a request of the one before is nothing of this one's");
});

test("LoadWriter.row() finds the row of a replica that is given up while requests are there", (t) => {
  using loads = LoadWriter.create(tablePath(t));
  const row = loads.row(key);
  loads.begin(row, 1);
  loads.release(row);
  t.is(loads.row(key), row);
  loads.end(row, 2, 1, "ok");
  t.is(loads.row("10.0.0.8:1"), row + 1, "the row is in use");
});

test("LoadWriter.row() says −1 when the table is full, and has room again when one is released", (t) => {
  using loads = LoadWriter.create(tablePath(t), { capacity: 2 });
  const rows = [1, 2, 3].map((port) => loads.row(`10.0.0.1:${port}`));
  t.deepEqual(rows, [0, 1, -1]);
  loads.release(0);
  t.is(loads.row("10.0.0.1:3"), 0);
});

test("LoadWriter keeps apart what requests of many replicas do, whatever their order", (t) => {
  const path = tablePath(t);
  const step = fc.record({
    replica: fc.nat(4),
    what: fc.constantFrom("begin", "ok", "failed", "refused", "cancelled", "row", "release"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      using loads = LoadWriter.create(path, { capacity: 3 });
      using reader = LoadReader.open(path);
      const model = new Map<number, { row: number; uses: number; inFlight: number; ended: number }>();
      for (const { replica, what } of steps) {
        const one = model.get(replica);
        if (what === "row") {
          const row = loads.row(`10.0.0.1:${replica + 1}`);
          if (row < 0) t.is(model.size, 3);
          else if (one) one.uses++;
          else model.set(replica, { row, uses: 1, inFlight: 0, ended: 0 });
        } else if (one) {
          if (what === "release") {
            loads.release(one.row);
            one.uses = Math.max(0, one.uses - 1);
          } else if (what === "begin") {
            loads.begin(one.row, 1);
            one.inFlight++;
          } else {
            loads.end(one.row, 2, 1, what);
            if (one.inFlight > 0 && (what === "ok" || what === "failed")) one.ended++;
            one.inFlight = Math.max(0, one.inFlight - 1);
          }
          if (one.uses === 0 && one.inFlight === 0) model.delete(replica);
        }
      }
      const counts = noCounts();
      const keys = [0, 1, 2].map((row) => reader.key(row)).filter((one) => one !== null);
      t.deepEqual(keys.sort(), [...model.keys()].map((replica) => `10.0.0.1:${replica + 1}`).sort());
      for (const [replica, { row, inFlight, ended }] of model) {
        t.is(reader.key(row), `10.0.0.1:${replica + 1}`);
        reader.counts(row, counts);
        t.is(counts.inFlight, inFlight);
        t.is(counts.ended, ended);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("LoadWriter.create() leaves one file of mode 0640 with the group of its folder, and puts it in place of another", (t) => {
  const path = tablePath(t);
  using first = LoadWriter.create(path);
  using reader = LoadReader.open(path);
  t.is(statSync(path).mode & 0o777, 0o640);
  t.is(statSync(path).gid, statSync(dirname(path)).gid);
  t.deepEqual(readdirSync(dirname(path)), ["table"]);
  t.false(reader.replaced(0));
  using second = LoadWriter.create(path);
  t.false(reader.replaced(99), "looked at 99 ms ago");
  t.true(reader.replaced(100));
  first.close();
  t.true(existsSync(path), "the file is the second one's");
  second.close();
  t.false(existsSync(path));
});

test("LoadReader.replaced() is true when the file is gone, and open() says ENOENT", (t) => {
  const path = tablePath(t);
  const loads = LoadWriter.create(path);
  using reader = LoadReader.open(path);
  loads.close();
  t.true(reader.replaced());
  t.throws(() => LoadReader.open(path), { code: "ENOENT" });
});

test("LoadReader.alive() lasts a second from the last beat, ends with close(), and never begins in the future", (t) => {
  const path = tablePath(t);
  const loads = LoadWriter.create(path);
  using reader = LoadReader.open(path);
  loads.beat(5000);
  t.true(reader.alive(5999));
  t.false(reader.alive(6000));
  t.false(reader.alive(3000));
  loads.close();
  t.false(reader.alive(5000));
});

test("LoadReader reads nothing after close()", (t) => {
  const path = tablePath(t);
  using loads = LoadWriter.create(path);
  const row = loads.row(key);
  loads.begin(row, 1);
  const reader = LoadReader.open(path);
  reader.close();
  reader.close();
  const counts = noCounts();
  t.false(reader.counts(row, counts));
  t.deepEqual(counts, noCounts());
  t.is(reader.rows, 0);
  t.is(reader.key(row), null);
  t.false(reader.alive(0));
});

test("LoadWriter.create() leaves nothing behind when it cannot put its file in place", (t) => {
  const path = tablePath(t);
  mkdirSync(join(path, "in-the-way"), { recursive: true });
  t.throws(() => LoadWriter.create(path), { code: "EISDIR" });
  t.deepEqual(readdirSync(dirname(path)), ["table"]);
  t.throws(() => LoadWriter.create(`${path}-2`, { capacity: 0 }), { instanceOf: RangeError });
  t.throws(() => LoadWriter.create(`${path}-2`, { capacity: 65_537 }), { instanceOf: RangeError });
});
