import test from "ava";
import fc from "fast-check";
import { Budget } from "../src/budget.ts";

test("Budget lets a burst through, then makes the rest be paid back at its share", (t) => {
  const budget = new Budget(0.05, 40);
  t.is(budget.waitMs(1000), 0);
  budget.spend(40, 1000);
  t.is(budget.waitMs(1000), 0);
  budget.spend(20, 1000);
  t.is(budget.waitMs(1000), 400);
  t.is(budget.waitMs(1100), 300);
  t.is(budget.waitMs(1400), 0);
});

test("Budget saves no more than its burst, however long nothing was done", (t) => {
  const budget = new Budget(0.05, 40);
  budget.spend(0, 1_000_000);
  budget.spend(50, 1_000_000);
  t.is(budget.waitMs(1_000_000), 200);
});

test("Budget keeps work within share × time + burst when every wait is kept", (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 100 }), (works) => {
      const [share, burstMs] = [0.04, 60];
      const budget = new Budget(share, burstMs);
      let nowMs = 0;
      let spentMs = 0;
      for (const workMs of works) {
        nowMs += budget.waitMs(nowMs);
        if (spentMs > share * nowMs + burstMs + 1e-6) throw new Error(`${spentMs} ms spent in ${nowMs} ms`);
        nowMs += workMs;
        spentMs += workMs;
        budget.spend(workMs, nowMs);
      }
    }),
    { seed: 4, numRuns: 300 },
  );
  t.pass();
});
