import { defaultTraffic, type RetryCondition } from "@mitsu/catalog";
import test from "ava";
import fc from "fast-check";
import { failure } from "../../src/cluster/outcome.ts";
import { RetryRule, type TriedRequest } from "../../src/cluster/retry.ts";
import { RetryBudget } from "../../src/cluster/retry-budget.ts";

const policy = { ...defaultTraffic().routes[0]!.retries, attempts: 2 };
const get: TriedRequest = { method: "GET", tries: 1, replayable: true, reached: true };
const ruleOn = (...on: RetryCondition[]) => new RetryRule({ ...policy, on });
const outcomes = { 200: 200, 404: 404, 409: 409, 500: 500, 502: 502, 503: 503, 504: 504, ...failure };

for (const [condition, retried] of Object.entries({
  "5xx": ["500", "502", "503", "504", "connect", "reset", "refused", "timeout", "protocol", "dead"],
  "gateway-error": ["502", "503", "504", "connect", "reset", "refused", "timeout", "protocol", "dead"],
  reset: ["connect", "reset", "refused", "timeout", "protocol", "dead"],
  "connect-failure": ["connect", "dead"],
  "refused-stream": ["refused"],
  "retriable-4xx": ["409"],
} satisfies Record<RetryCondition, string[]>)) {
  test(`RetryRule.allows() on ${condition} retries ${retried.join(", ")} and nothing else`, (t) => {
    const rule = ruleOn(condition as RetryCondition);
    const allowed = Object.entries(outcomes).filter(([, outcome]) => rule.allows(outcome, get));
    t.deepEqual(
      allowed.map(([name]) => name),
      retried,
    );
  });
}

test("RetryRule.allows() as many tries more as the policy says", (t) => {
  const rule = ruleOn("5xx");
  t.deepEqual(
    [1, 2, 3].map((tries) => rule.allows(503, { ...get, tries })),
    [true, true, false],
  );
  t.false(new RetryRule({ ...policy, attempts: 0 }).allows(503, get));
});

test("RetryRule.allows() nothing for a request whose body was not kept", (t) => {
  t.false(ruleOn("5xx").allows(503, { ...get, replayable: false }));
  t.false(ruleOn("connect-failure").allows(failure.connect, { ...get, replayable: false }));
});

for (const [method, repeats] of Object.entries({
  GET: true,
  HEAD: true,
  PUT: true,
  DELETE: true,
  OPTIONS: true,
  POST: false,
  PATCH: false,
  get: false,
})) {
  test(`RetryRule.allows() ${repeats ? "repeats" : "does not repeat"} ${method} when the replica may have acted on it`, (t) => {
    const rule = ruleOn("reset");
    for (const outcome of [failure.reset, failure.timeout, failure.protocol]) {
      t.is(rule.allows(outcome, { ...get, method }), repeats);
      t.true(rule.allows(outcome, { ...get, method, reached: false }));
    }
    t.true(rule.allows(failure.refused, { ...get, method }), "refused was not acted on");
    t.true(ruleOn("5xx").allows(503, { ...get, method }), "an answer is what the policy says");
  });
}

test("RetryRule.backOffMs() is random up to the base, doubled each time, at most ten times the base", (t) => {
  const rule = new RetryRule({ ...policy, backOffMs: 20 });
  t.deepEqual(
    [1, 2, 3, 4, 5, 10].map((retry) => rule.backOffMs(retry, 0.5)),
    [10, 20, 40, 80, 100, 100],
  );
  t.is(rule.backOffMs(3, 0), 0);
});

test("RetryBudget.take() keeps retries within the share of requests, or the least number", (t) => {
  const budget = new RetryBudget();
  const limits = { budget: 0.2, leastInFlight: 3 };
  t.deepEqual(
    [1, 2, 3, 4].map(() => budget.take(limits, 5)),
    [true, true, true, false],
  );
  t.true(budget.take(limits, 20));
  t.false(budget.take(limits, 20));
  t.is(budget.exhausted, 2);
  budget.give();
  t.true(budget.take(limits, 20));
});

test("RetryBudget.take() never lets more than the budget be in flight", (t) => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(5), fc.array(fc.option(fc.nat(100))), (share, leastInFlight, steps) => {
      const budget = new RetryBudget();
      for (const requests of steps) {
        if (requests === null) {
          if (budget.inFlight > 0) budget.give();
        } else if (budget.take({ budget: share, leastInFlight }, requests)) {
          t.true(budget.inFlight <= Math.max(leastInFlight, share * requests));
        }
      }
    }),
    { seed: 4, numRuns: 500 },
  );
  t.pass();
});
