import test from "ava";
import fc from "fast-check";
import { failureFactor, futureToleranceMs, LiveCandidate } from "../src/live-candidate.ts";

const ok = (latencyMs: number) => ({ latencyMs, ok: true, report: null });
const failed = (latencyMs: number) => ({ latencyMs, ok: false, report: null });
const says = (inFlight: number, serviceMs = 4) => ({ inFlight, serviceMs, latencyMs: 0, workers: 0 });

test("LiveCandidate counts what is in flight, and an answer without a request as an oddity", (t) => {
  const one = new LiveCandidate("a");
  one.begin(1);
  const second = one.begin(2);
  one.end(5, ok(3), second);
  t.is(one.inFlight, 1);
  one.end(6, ok(5));
  one.end(7, ok(1));
  t.is(one.inFlight, 0);
  t.is(one.sentSince, 0);
  t.is(one.oddities, 1);
});

test("LiveCandidate.report() leaves in sentSince what was sent after the time it was true", (t) => {
  const one = new LiveCandidate("a");
  for (const at of [10, 20, 30, 40]) one.begin(at);
  t.is(one.sentSince, 4, "nothing was ever reported");
  t.true(one.report(25, says(7), 41));
  t.is(one.sentSince, 2);
  one.end(45, ok(15), 30);
  t.is(one.sentSince, 1);
  one.end(46, ok(36), 10);
  t.is(one.sentSince, 1, "the first was known of by the report");
  t.is(one.reportedInFlight, 7);
  t.is(one.reportedServiceMs, 4);
  t.true(one.report(46, says(1, 0), 46));
  t.is(one.sentSince, 0);
  t.is(one.reportedServiceMs, 4, "0 says nothing");
});

test("LiveCandidate.report() takes an answer's report as true now", (t) => {
  const one = new LiveCandidate("a");
  const sent = one.begin(1);
  one.begin(2);
  one.end(9, { latencyMs: 8, ok: true, report: says(3) }, sent);
  t.is(one.reportedAtMs, 9);
  t.is(one.reportedInFlight, 3);
  t.is(one.sentSince, 0);
});

test("LiveCandidate.report() refuses and counts what is out of order, repeated, from the future or garbled", (t) => {
  const one = new LiveCandidate("a");
  t.true(one.report(100, says(1), 100));
  t.false(one.report(99, says(2), 101), "out of order");
  t.false(one.report(100, says(2), 101), "repeated");
  t.false(one.report(101 + futureToleranceMs + 1, says(2), 101), "from the future");
  for (const bad of [says(-1), says(Number.NaN), says(1, -1), says(1, Number.POSITIVE_INFINITY), says(Number.POSITIVE_INFINITY)])
    t.false(one.report(102, bad, 103));
  t.false(one.report(Number.NaN, says(1), 103));
  t.is(one.refused, 9);
  t.is(one.reportedInFlight, 1);
  t.true(one.report(103, says(2), 102), "a little ahead, as clocks are compared by estimate");
  t.is(one.reportedAtMs, 102);
});

test("LiveCandidate.sentSince is exact to half a millisecond for reports up to 60 ms late", (t) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("begin" as const), afterMs: fc.double({ min: 0, max: 20, noNaN: true }) }),
    fc.record({ kind: fc.constant("end" as const), afterMs: fc.double({ min: 0, max: 20, noNaN: true }), nth: fc.nat() }),
    fc.record({ kind: fc.constant("report" as const), lateMs: fc.double({ min: 0, max: 60, noNaN: true }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const one = new LiveCandidate("a");
      const sent: number[] = [];
      let now = 1000;
      for (const step of steps) {
        if (step.kind === "begin") {
          now += step.afterMs;
          sent.push(one.begin(now));
        } else if (step.kind === "end") {
          now += step.afterMs;
          const [at] = sent.splice(sent.length === 0 ? 0 : step.nth % sent.length, 1);
          if (at !== undefined) one.end(now, ok(now - at), at);
        } else one.report(now - step.lateMs, says(0), now);
        const exact = sent.filter((at) => at > one.reportedAtMs).length;
        const wide = sent.filter((at) => at > one.reportedAtMs - 0.5).length;
        if (one.inFlight !== sent.length || one.sentSince < exact || one.sentSince > wide) return false;
      }
      return true;
    }),
    { seed: 1, numRuns: 500 },
  );
  t.pass();
});

test("LiveCandidate.sentSince never leaves 0 to inFlight, whatever clock and reports do", (t) => {
  const anything = fc.record({
    kind: fc.constantFrom("begin", "end", "report"),
    atMs: fc.double({ min: -1e5, max: 1e6 }),
    lateMs: fc.double(),
  });
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 80 }), (steps) => {
      const one = new LiveCandidate("a");
      for (const { kind, atMs, lateMs } of steps) {
        if (kind === "begin") one.begin(atMs);
        else if (kind === "end") one.end(atMs, ok(lateMs));
        else one.report(atMs - lateMs, says(1), atMs);
        if (!(one.sentSince >= 0 && one.sentSince <= one.inFlight && one.latencyMs >= 0)) return false;
      }
      return true;
    }),
    { seed: 1, numRuns: 500 },
  );
  t.pass();
});

test("LiveCandidate tolerates a clock that goes back: it stands still", (t) => {
  const one = new LiveCandidate("a");
  t.is(one.begin(100), 100);
  t.is(one.begin(50), 100);
  one.end(60, ok(5), 100);
  t.is(one.oddities, 2);
  t.is(one.inFlight, 1);
  t.is(one.begin(101), 101);
});

test("LiveCandidate.latencyMs follows with its time constant", (t) => {
  const one = new LiveCandidate("a", { smoothingMs: 100 });
  let now = 0;
  const answer = (latencyMs: number) => {
    one.begin(now);
    now += 10;
    one.end(now, ok(latencyMs), now - 10);
  };
  answer(10);
  t.is(one.latencyMs, 10, "the first in full");
  for (let i = 0; i < 10; i++) answer(20);
  t.true(Math.abs(one.latencyMs - (20 - 10 / Math.E)) < 0.1, `${one.latencyMs} after one time constant`);
});

test("LiveCandidate: a fast failure is not a fast replica", (t) => {
  const fast = new LiveCandidate("a");
  fast.begin(0);
  fast.end(0.1, failed(0.1), 0);
  t.is(fast.latencyMs, failureFactor * 30, "nothing is known yet");
  const known = new LiveCandidate("b");
  known.begin(0);
  known.end(4, ok(4), 0);
  for (let i = 1; i < 20; i++) {
    known.begin(i * 1000);
    known.end(i * 1000 + 1, failed(1), i * 1000);
  }
  t.true(Math.abs(known.latencyMs - failureFactor * 4) < 0.1, String(known.latencyMs));
  t.true(known.failures > 0.95);
  known.begin(20_000);
  known.end(20_500, failed(500), 20_000);
  t.true(known.latencyMs > 200, "a slow failure counts as what it took");
});

test("LiveCandidate.age() lets failures fade where nobody asks, and leaves what is asked alone", (t) => {
  const one = new LiveCandidate("a", { forgetMs: 1000 });
  one.begin(0);
  one.end(4, ok(4), 0);
  for (let i = 0; i < 10; i++) {
    one.begin(i + 5);
    one.end(i + 5, failed(1), i + 5);
  }
  const before = one.failures;
  one.age(500);
  t.is(one.failures, before, "asked a moment ago");
  for (let at = 1100; at <= 12_000; at += 100) one.age(at);
  t.true(one.failures < 0.01);
  t.true(one.latencyMs < 4.1, String(one.latencyMs));
});

test("LiveCandidate.report() takes over how many requests a replica works on at once, where it says so", (t) => {
  const one = new LiveCandidate("a:1", { workers: 2 });
  for (const [nth, [workers, expected]] of (
    [
      [0, 2],
      [8, 8],
      [0, 8],
    ] as const
  ).entries()) {
    t.true(one.report(nth, { inFlight: 0, latencyMs: 0, serviceMs: 1, workers }));
    t.is(one.workers, expected);
  }
  for (const workers of [-1, Number.NaN, 1e9]) t.false(one.report(10, { inFlight: 0, latencyMs: 0, serviceMs: 1, workers }));
});

test("LiveCandidate.cancel() takes a request out of what is in flight, and learns nothing from it", (t) => {
  const one = new LiveCandidate("a:1");
  one.report(10, { inFlight: 0, latencyMs: 0, serviceMs: 1, workers: 1 });
  const sentAtMs = one.begin(20);
  one.cancel(25, sentAtMs);
  t.deepEqual([one.inFlight, one.sentSince, one.latencyMs, one.failures, one.oddities], [0, 0, 0, 0, 0]);
  one.cancel(26, 25);
  t.is(one.oddities, 1, "of none that was begun");
});
