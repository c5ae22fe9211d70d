import test from "ava";
import fc from "fast-check";
import { Freshness } from "../../src/bus/freshness.ts";

/** A message each 100 ms that is 2 ms on its way. */
function quietNode(messages = 40): { readonly freshness: Freshness; readonly lastMs: number } {
  const freshness = new Freshness();
  let lastMs = 1000;
  for (let index = 0; index < messages; index++) {
    lastMs = 1000 + 100 * index;
    freshness.heard(lastMs - 2, lastMs, 100);
  }
  return { freshness, lastMs };
}

test("Freshness: silence within the announced interval is no age, beyond the way and the sender's ticker", (t) => {
  const { freshness, lastMs } = quietNode();
  t.true(freshness.transitMs < 2.1, String(freshness.transitMs));
  t.true(Math.abs(freshness.trueAtMs(lastMs + 1) - (lastMs - 2)) < 1e-6);
  for (const laterMs of [50, 100, 150]) {
    const age = lastMs + laterMs - freshness.trueAtMs(lastMs + laterMs);
    t.true(age >= 12 && age < 12.2, `${age} after ${laterMs}`);
  }
});

test("Freshness: while something changes the margin is that of the fast ticker", (t) => {
  const freshness = new Freshness();
  for (let ms = 0; ms < 100; ms++) freshness.heard(1000 + ms - 0.5, 1000 + ms, 1);
  const age = 1100.4 - freshness.trueAtMs(1100.4);
  t.true(age > 1.4 && age < 1.9, String(age));
});

test("Freshness: a node that is silent for half longer than it said ages from then on, up to what was known by then", (t) => {
  const { freshness, lastMs } = quietNode();
  const last = freshness.trueAtMs(lastMs + 150);
  t.is(freshness.trueAtMs(lastMs + 151), last);
  t.is(freshness.trueAtMs(lastMs + 5000), last);
});

test("Freshness: without the broker silence says nothing from that moment, until the node is heard again", (t) => {
  const { freshness, lastMs } = quietNode();
  freshness.cut(lastMs + 30);
  const last = freshness.trueAtMs(lastMs + 40);
  t.true(last <= lastMs + 30 - 12 && last >= lastMs - 2);
  t.is(freshness.trueAtMs(lastMs + 90), last);
  freshness.heard(lastMs + 198, lastMs + 200, 100);
  t.true(freshness.trueAtMs(lastMs + 280) > lastMs + 260);
});

test("Freshness: a retained message is as old as it says, whatever interval it announces", (t) => {
  const freshness = new Freshness();
  freshness.retained(1000, 61_000);
  t.is(freshness.trueAtMs(61_100), 1000);
  // From a clock that is ahead.
  const ahead = new Freshness();
  ahead.retained(70_000, 61_000);
  t.is(ahead.trueAtMs(61_000), 61_000);
});

test("Freshness: without an announcement, or with a boastful one, silence does not count for longer than is sane", (t) => {
  const untold = new Freshness();
  untold.heard(998, 1000, 0);
  t.is(untold.trueAtMs(1100), 998);
  const boast = new Freshness();
  boast.heard(998, 1000, 65_535);
  t.true(boast.trueAtMs(100_000) <= 16_000);
});

test("Freshness: a later message is later, even one that took longer than silence allowed for", (t) => {
  const { freshness, lastMs } = quietNode();
  const before = freshness.trueAtMs(lastMs + 80);
  freshness.heard(lastMs + 10, lastMs + 81, 100);
  t.true(freshness.trueAtMs(lastMs + 81) > before);
});

const delay = fc.double({ min: 0, max: 30, noNaN: true });

test("Freshness never goes back and is never later than now less the shortest way, over any silence, delay, loss and cut", (t) => {
  const step = fc.record({
    gap: fc.double({ min: 0.01, max: 400, noNaN: true }),
    delay,
    look: fc.double({ min: 0, max: 300, noNaN: true }),
    kind: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.double({ min: 0, max: 5, noNaN: true }), fc.array(step, { maxLength: 60 }), (leastMs, steps) => {
      const freshness = new Freshness();
      let nowMs = 1e6;
      let sentMs = nowMs - 100;
      let before = Number.NEGATIVE_INFINITY;
      const look = (): void => {
        const at = freshness.trueAtMs(nowMs);
        t.true(at >= before);
        t.true(at <= nowMs - leastMs + 1e-2);
        before = at;
      };
      for (const { gap, delay: extra, look: after, kind } of steps) {
        sentMs = Math.max(sentMs + gap, nowMs - leastMs - extra);
        nowMs = Math.max(nowMs + 1e-3, sentMs + leastMs + extra);
        if (kind === 0) freshness.cut(nowMs);
        else if (kind === 1) freshness.retained(sentMs, nowMs);
        else freshness.heard(sentMs, nowMs, [0, 1, 16, 100, 100, 65_535][kind % 6]!);
        look();
        nowMs += after;
        look();
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("Freshness never calls true what had changed by then, for a sender that tells changes as the ticker finds them", (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 20, noNaN: true }),
      fc.array(fc.tuple(fc.double({ min: 0.5, max: 700, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })), {
        minLength: 1,
        maxLength: 20,
      }),
      (wayMs, changes) => {
        const freshness = new Freshness();
        let intervalMs = 1;
        let sentMs = 1000;
        const send = (atMs: number): void => {
          sentMs = atMs;
          freshness.heard(atMs, atMs + wayMs, intervalMs);
        };
        send(1000);
        for (const [quietMs, part] of changes) {
          const changedMs = sentMs + quietMs;
          // Messages of a quiet time, each up to a tick late.
          for (;;) {
            const dueMs = sentMs + intervalMs + part * Math.min(10, Math.max(1, intervalMs / 4));
            if (dueMs >= changedMs) break;
            intervalMs = Math.min(100, intervalMs * 2);
            send(dueMs);
          }
          const tickMs = Math.min(10, Math.max(1, intervalMs / 4));
          const toldMs = changedMs + part * tickMs;
          // Just before the news comes, what is said must not be later than the change.
          const at = freshness.trueAtMs(toldMs + wayMs - 1e-6);
          t.true(at <= changedMs + 1e-3, `${at} is after ${changedMs}`);
          intervalMs = 1;
          send(toldMs);
        }
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});
