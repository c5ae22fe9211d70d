import test, { type ExecutionContext } from "ava";
import { deploy } from "../../src/simulate/deployment.ts";
import { simulate } from "../../src/simulate/engine.ts";
import type { ModelLaw } from "../../src/simulate/model.ts";
import { offeredLoad } from "../../src/simulate/offered-load.ts";
import type { Outcome } from "../../src/simulate/outcome.ts";
import { parseModel } from "../../src/simulate/parse-model.ts";
import { problemOf, type QueueParts, queue } from "./small-deployment.ts";

const exponential = (mean: number): ModelLaw => ({ kind: "exponential", mean });
const run = (parts: QueueParts, rate: number, seconds = 2000, seed = 1): Outcome =>
  simulate(queue(parts), { rate, seconds: seconds + 50, warmUp: 50, seed });

/** The mean, and that the interval that the simulation gives around it, a little widened, holds the true one. */
function holds(t: ExecutionContext, outcome: Outcome, mean: number, within = 0.05): void {
  const { response } = outcome;
  t.not(response, null, outcome.saturated ?? "");
  t.true(
    Math.abs(response!.mean - mean) <= Math.max(2 * response!.meanError, 0.01 * mean),
    `${response!.mean} ± ${response!.meanError}, not ${mean}`,
  );
  t.true(Math.abs(response!.mean / mean - 1) <= within, `${response!.mean} is not within ${within} of ${mean}`);
}

/** Mean response time of M/M/c. [Erlang C] */
function erlang(rate: number, service: number, servers: number): number {
  const offered = rate * service;
  let term = 1;
  let sum = 1;
  for (let k = 1; k < servers; k++) sum += term *= offered / k;
  const last = (term * offered) / servers / (1 - offered / servers);
  return service + ((last / (sum + last)) * service) / (servers - offered);
}

for (const load of [0.3, 0.7, 0.85]) {
  test(`simulate() meets M/M/1 with processor sharing at a load of ${load}`, (t) =>
    holds(t, run({ cpu: exponential(0.01) }, load * 100), 0.01 / (1 - load)));
  test(`simulate() meets M/M/1, first come first served, at a load of ${load}`, (t) => {
    const one = run({ cpu: exponential(0.01), workers: 1 }, load * 100);
    holds(t, one, 0.01 / (1 - load));
    // The sojourn time of this queue is exponential, so its quantiles are known too.
    for (const [p, seconds] of [
      [0.5, one.response!.p50],
      [0.95, one.response!.p95],
      [0.99, one.response!.p99],
    ] as const)
      t.true(Math.abs(seconds / ((-Math.log(1 - p) * 0.01) / (1 - load)) - 1) < 0.08, `p${p} ${seconds}`);
  });
}

for (const servers of [2, 5]) {
  const rate = (0.8 * servers) / 0.01;
  const seconds = 3000 / servers;
  test(`simulate() meets M/M/${servers} with ${servers} cores, with so many workers, and first come first served`, (t) => {
    const mean = erlang(rate, 0.01, servers);
    holds(t, run({ cpu: exponential(0.01), cores: servers }, rate, seconds), mean);
    holds(t, run({ cpu: exponential(0.01), cores: 100, workers: servers }, rate, seconds), mean);
    holds(t, run({ cpu: exponential(0.01), cores: servers, scheduler: "fifo" }, rate, seconds), mean);
  });
}

const laws: readonly ModelLaw[] = [
  { kind: "deterministic", mean: 0.01 },
  { kind: "lognormal", mean: 0.01, cv: 1.5 },
  { kind: "gamma", mean: 0.01, cv: 0.5 },
  { kind: "gamma", mean: 0.01, cv: 2 },
  { kind: "samples", values: [0.002, 0.006, 0.022] },
  {
    kind: "quantiles",
    points: [
      [0, 0],
      [0.5, 0.005],
      [1, 0.0275],
    ],
  }, // mean 0.00125 + 0.008125 = 0.009375
];
for (const law of laws) {
  const mean = law.kind === "quantiles" ? 0.009375 : 0.01;
  const name = `${law.kind}${"cv" in law ? ` of cv ${law.cv}` : ""}`;
  test(`simulate() with processor sharing does not care how service times are distributed: ${name}`, (t) =>
    holds(t, run({ cpu: law }, 70, 4000), mean / (1 - 70 * mean), 0.06));
}

test("simulate() meets M/D/1 and, by Pollaczek and Khinchine, M/G/1, first come first served", (t) => {
  const waiting = (cv: number): number => 0.01 + (0.7 * 0.01 * (1 + cv * cv)) / (2 * 0.3);
  holds(t, run({ cpu: laws[0]!, workers: 1 }, 70), waiting(0));
  holds(t, run({ cpu: laws[2]!, workers: 1 }, 70), waiting(0.5));
  holds(t, run({ cpu: laws[1]!, scheduler: "fifo" }, 70, 6000), waiting(1.5), 0.08);
});

test("simulate() makes no queue of requests that come one at a time and find it idle", (t) => {
  const one = simulate(queue({ cpu: laws[0]! }), { rate: 50, seconds: 20, warmUp: 2, seed: 1, arrivals: "deterministic" });
  for (const seconds of [one.response!.mean, one.response!.p50, one.response!.p99]) t.true(Math.abs(seconds - 0.01) < 1e-9);
});

/** a → b → c, a node each, every operation exponential; a holds no worker while it waits. */
const tandem = `{version: 1,
  services: {a: {workers: 100000, waits: free}, b: {workers: 100000, waits: free}, c: {workers: 100000}},
  operations: {
    a: {service: a, cpu: {exponential: 4ms}, steps: []}, b: {service: b, cpu: {exponential: 6ms}}, c: {service: c, cpu: {exponential: 8ms}},
    chain: {service: a, cpu: {deterministic: 0s}, steps: [[{call: a}], [{call: b}], [{call: c}]]}},
  requests: {r: {share: 1, call: chain}},
  costs: {local: {message: 0s, byte: 0s}, remote: {message: 0s, byte: 0s}}}`;

test("simulate() meets a tandem of three queues, and Little's law", (t) => {
  const deployment = deploy(parseModel(tandem, "m"), problemOf(["n1", "n2", "n3"], { a: 1, b: 1, c: 1 }), {
    "a-0": "n1",
    "b-0": "n2",
    "c-0": "n3",
  });
  const one = simulate(deployment, { rate: 100, seconds: 1000, warmUp: 20, seed: 3 });
  holds(t, one, 0.004 / 0.6 + 0.006 / 0.4 + 0.008 / 0.2, 0.06);
  t.true(Math.abs(one.inFlight / (one.throughput * one.response!.mean) - 1) < 0.02, `${one.inFlight}`);
  for (const [n, share] of [0.4, 0.6, 0.8].entries()) t.true(Math.abs(one.utilisation[n]!.share - share) < 0.02);
});

test("simulate() pays for waking when a core is idle: utilisation is rate × (work + wake) / (1 + rate × wake)", (t) => {
  const deployment = { ...queue({ cpu: exponential(0.01) }), wake: 0.005 };
  for (const rate of [10, 40, 80]) {
    const one = simulate(deployment, { rate, seconds: 1000, warmUp: 10, seed: 1 });
    const share = (rate * 0.015) / (1 + rate * 0.005);
    t.true(Math.abs(one.utilisation[0]!.share / share - 1) < 0.03, `${rate}/s: ${one.utilisation[0]!.share}, not ${share}`);
  }
});

test("simulate() wakes a core for a message from another node only: what follows on its node finds the core as it was left", (t) => {
  const model = parseModel(
    `{version: 1, wake: 1ms, services: {a: {workers: 9}, b: {workers: 9}}, requests: {r: {share: 1, call: a}},
    operations: {a: {service: a, cpu: {deterministic: 2ms}, steps: [[{call: b}]]}, b: {service: b, cpu: {deterministic: 1ms}}},
    costs: {local: {message: 0s, byte: 0s}, remote: {message: 0s, byte: 0s}}}`,
    "m",
  );
  const problem = problemOf(["n1", "n2"], { a: 1, b: 1 });
  const used = (assignment: Readonly<Record<string, string>>): readonly number[] =>
    simulate(deploy(model, problem, assignment), { rate: 10, seconds: 50, warmUp: 1, seed: 1, arrivals: "deterministic" }).utilisation.map(
      ({ share }) => Math.round(share * 1e4) / 1e4,
    );
  // Ten requests a second that never meet: a wakes for the request, and on two nodes b for the call, and a again for the answer.
  t.deepEqual(used({ "a-0": "n1", "b-0": "n1" }), [0.04, 0]);
  t.deepEqual(used({ "a-0": "n1", "b-0": "n2" }), [0.04, 0.02]);
  const roused = (assignment: Readonly<Record<string, string>>): readonly number[] => [
    ...offeredLoad(deploy(model, problem, assignment)).roused,
  ];
  t.deepEqual(roused({ "a-0": "n1", "b-0": "n1" }), [1, 0, 0, 0]);
  t.deepEqual(roused({ "a-0": "n1", "b-0": "n2" }), [2, 0, 0, 1]);
});

test("simulate() says what is saturated in place of response times", (t) => {
  const asked = run({ cpu: exponential(0.01) }, 120, 20);
  t.is(asked.response, null);
  t.regex(asked.saturated!, /^node n1 is asked for 1\.2/);
  // Three workers of 10 ms each carry 300/s, however many cores there are.
  const workers = run({ cpu: laws[0]!, cores: 10, workers: 3 }, 330, 20);
  t.is(workers.response, null);
  t.regex(workers.saturated!, /workers/);
});

test("simulate() gives the same figures for the same seed, others for another", (t) => {
  const parts = { cpu: laws[1]! };
  t.deepEqual(run(parts, 50, 20), run(parts, 50, 20));
  t.notDeepEqual(run(parts, 50, 20).response, run(parts, 50, 20, 2).response);
});
