import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import test from "ava";
import { clockMs, LoadReader, noCounts, ReportWriter } from "../src/mod.ts";
import { report, tablePath } from "./fixture.ts";

test("clockMs() is CLOCK_MONOTONIC, and never goes back", (t) => {
  const [seconds, nanoseconds] = process.hrtime();
  let before = clockMs();
  const hrtimeMs = seconds * 1000 + nanoseconds / 1e6;
  t.true(before > hrtimeMs - 0.1 && before < hrtimeMs + 50, `${before - hrtimeMs}`);
  for (let look = 0; look < 10_000; look++) {
    const now = clockMs();
    if (now < before) t.fail(`${now} after ${before}`);
    before = now;
  }
});

test("two processes see each other's figures at once, by one clock, and that the other one is killed", async (t) => {
  const path = tablePath(t);
  using reports = ReportWriter.create(`${path}-reports`);
  const told = reports.row("10.0.0.7:8080");
  const child = fork(join(import.meta.dirname, "other-process.ts"), [path, `${path}-reports`]);
  t.teardown(() => child.kill("SIGKILL"));
  await once(child, "message");
  using loads = LoadReader.open(path);
  t.is(loads.pid, child.pid!);
  t.is(loads.key(0), "10.0.0.7:8080");
  const counts = noCounts();
  for (let round = 1; round <= 3; round++) {
    reports.write(told, report({ inFlight: round }));
    reports.commit(clockMs(), 1);
    const beforeMs = clockMs();
    child.send(1000);
    const [said] = (await once(child, "message")) as [{ clockMs: number; inFlight: number; alive: boolean }];
    t.is(said.inFlight, round);
    t.true(said.alive);
    t.true(said.clockMs > beforeMs - 0.1 && said.clockMs < clockMs() + 0.1);
    loads.counts(0, counts);
    t.is(counts.begun, 1001 * round);
    t.is(counts.ended, 1000 * round);
    t.is(counts.inFlight, round);
    t.true(loads.alive(clockMs()));
  }
  child.kill("SIGKILL");
  await once(child, "exit");
  t.true(loads.alive(clockMs() + 500));
  t.false(loads.alive(clockMs() + 1000));
  t.false(loads.replaced(), "nobody unlinked it");
  loads.counts(0, counts);
  t.is(counts.ended, 3000);
});
