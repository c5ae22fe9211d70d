import test from "ava";
import { ReportReader, ReportWriter } from "../src/mod.ts";
import { report, tablePath } from "./fixture.ts";

const key = "[fd00::7]:8080";

test("ReportReader.read() reads what ReportWriter wrote, by any spelling of the key", (t) => {
  const path = tablePath(t);
  using writer = ReportWriter.create(path);
  const row = writer.row(key);
  const told = { atMs: 5, inFlight: 1, serviceMs: 2, latencyMs: 3, failures: 0.5, workers: 4, weight: 6, flags: 7 };
  writer.write(row, told);
  writer.commit(100, 9);
  using reader = ReportReader.open(path);
  const into = report();
  t.is(reader.rowOf("[fd00:0::7]:8080"), row);
  t.true(reader.read(reader.rowOf(key), into));
  t.deepEqual(into, told);
  t.is(reader.clients, 9);
  t.is(reader.pid, process.pid);
  t.true(reader.alive(1000));
  t.false(reader.alive(1100));
});

test("ReportWriter.row() has nothing to tell of a replica at first, and its weight is not overridden", (t) => {
  const path = tablePath(t);
  using writer = ReportWriter.create(path, { capacity: 1 });
  using reader = ReportReader.open(path);
  const into = report({ atMs: 1 });
  for (const one of [key, "10.0.0.1:80"]) {
    const row = writer.row(one);
    t.is(writer.row(one), row);
    reader.read(row, into);
    t.deepEqual(into, report());
    writer.write(row, report({ atMs: 2, weight: 3, flags: 4 }));
    writer.remove(one);
  }
});

test("ReportReader.version changes with each commit, generation with each key", (t) => {
  const path = tablePath(t);
  using writer = ReportWriter.create(path);
  using reader = ReportReader.open(path);
  const { version, generation } = reader;
  t.is(reader.rowOf(key), -1);
  const row = writer.row(key);
  t.not(reader.generation, generation);
  t.is(reader.version, version);
  t.is(reader.rowOf(key), row);
  writer.write(row, report({ atMs: 1 }));
  writer.commit(1, 1);
  t.not(reader.version, version);
  writer.remove(key);
  t.is(reader.rowOf(key), -1);
  writer.remove(key);
  writer.write(-1, report());
  t.is(writer.row("10.0.0.1:80"), row, "the row is used again");
  t.is(reader.rowOf("10.0.0.1:80"), row);
});

test("ReportReader.read() says that there is no such row", (t) => {
  const path = tablePath(t);
  using writer = ReportWriter.create(path, { capacity: 2 });
  const reader = ReportReader.open(path);
  const into = report({ atMs: 42 });
  for (const row of [-1, 2, Number.NaN]) t.is(reader.read(row, into), false, String(row));
  t.is(into.atMs, 42);
  t.is(writer.row("10.0.0.1:1"), 0);
  t.is(writer.row("10.0.0.1:2"), 1);
  t.is(writer.row("10.0.0.1:3"), -1);
  reader.close();
  t.false(reader.read(0, into));
  t.is(reader.rowOf("10.0.0.1:1"), -1);
});
