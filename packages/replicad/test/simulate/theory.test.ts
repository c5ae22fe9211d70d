/** The simulation against what queueing theory says exactly, or what others computed. */
import test from "ava";
import type { Outcome } from "../../src/simulate/outcome.ts";
import { capacityPerMs, type Setting, usualSetting } from "../../src/simulate/setting.ts";
import { simulate } from "../../src/simulate/simulate.ts";

/** One client, equal servers, a service time of 1 ms, no feedback; so many requests. */
function run(requests: number, over: Partial<Setting>): Outcome {
  const setting: Setting = {
    ...usualSetting,
    selector: "random",
    clients: 1,
    service: { kind: "exponential", mean: 1 },
    speed: { kind: "equal" },
    feedback: { ...usualSetting.feedback, intervalMs: Number.POSITIVE_INFINITY },
    seed: 2,
    ...over,
  };
  const durationMs = requests / (setting.load * capacityPerMs(setting));
  return simulate({ ...setting, durationMs, warmUpMs: durationMs / 20 });
}

const within = (value: number, of: number, share: number): boolean => Math.abs(value / of - 1) <= share;

test("simulate() of M/M/1 has its exponential response times: mean 1/(μ − λ), and quantiles by it", (t) => {
  const { responseMs } = run(300_000, { servers: 1, load: 0.7 });
  const mean = 1 / 0.3;
  t.log(responseMs, mean, mean * Math.log(100));
  t.true(within(responseMs!.mean, mean, 0.03));
  t.true(within(responseMs!.p50, mean * Math.LN2, 0.03));
  t.true(within(responseMs!.p99, mean * Math.log(100), 0.06));
});

test("simulate() of M/M/c waits as Erlang's C formula says", (t) => {
  const [c, load] = [4, 0.8];
  const a = c * load;
  let term = 1;
  let sum = 1;
  for (let k = 1; k < c; k++) {
    term *= a / k;
    sum += term;
  }
  const last = (term * a) / c / (1 - load);
  const mean = 1 + last / (sum + last) / (c - a);
  const { responseMs } = run(300_000, { servers: 1, workers: c, load });
  t.log(responseMs!.mean, mean);
  t.true(within(responseMs!.mean, mean, 0.03));
});

test("simulate() of M/G/1 waits as Pollaczek and Khinchine say, for every distribution", (t) => {
  const load = 0.6;
  for (const [service, square] of [
    [{ kind: "deterministic", mean: 1 }, 1],
    [{ kind: "gamma", mean: 1, cv: 0.5 }, 1.25],
    [{ kind: "lognormal", mean: 1, cv: 1.5 }, 3.25],
    [{ kind: "samples", values: [0.5, 1.5] }, 1.25],
    [
      {
        kind: "quantiles",
        points: [
          [0, 0],
          [1, 2],
        ],
      },
      4 / 3,
    ],
  ] as const) {
    const { responseMs } = run(200_000, { servers: 1, load, service });
    const mean = 1 + (load * square) / (2 * (1 - load));
    t.log(service.kind, responseMs!.mean, mean);
    t.true(within(responseMs!.mean, mean, 0.05), service.kind);
  }
});

test("simulate() of random splits Poisson arrivals: each server is M/M/1, whoever the clients are", (t) => {
  for (const clients of [1, 20]) {
    const { responseMs, shares, herd } = run(200_000, { servers: 10, clients, load: 0.6 });
    t.log(responseMs!.mean, herd);
    t.true(within(responseMs!.mean, 1 / 0.4, 0.03));
    t.true(shares.every((share) => within(share, 0.1, 0.05)));
    t.true(within(herd, 1, 0.05), "Poisson");
  }
});

test("simulate() of round robin by one client makes each server E_n/M/1", (t) => {
  const [n, load] = [5, 0.8];
  let sigma = 0.5;
  for (let round = 0; round < 200; round++) sigma = ((n * load) / (n * load + 1 - sigma)) ** n;
  const { responseMs, herd } = run(300_000, { servers: n, load, selector: "round-robin" });
  t.log(responseMs!.mean, 1 / (1 - sigma), herd);
  t.true(within(responseMs!.mean, 1 / (1 - sigma), 0.03));
  t.true(herd < 0.4, "nearer to a metronome than to Poisson");
});

/** Mean response time of two servers with the shorter queue joined, from the balance equations on 0 to 60 requests a queue. [Flatto and McKean, 1977] */
function shorterOfTwo(load: number): number {
  const size = 61;
  let now = new Float64Array(size * size);
  now[0] = 1;
  const lambda = 2 * load;
  const step = 1 / (lambda + 2);
  for (let round = 0; round < 6000; round++) {
    const next = new Float64Array(size * size);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) {
        const p = now[a * size + b]!;
        if (p < 1e-14) continue;
        const give = (to: number, rate: number): void => {
          next[to]! += p * rate * step;
        };
        give((a > 0 ? a - 1 : a) * size + b, 1);
        give(a * size + (b > 0 ? b - 1 : b), 1);
        for (const [toA, toB, share] of a < b
          ? [[a + 1, b, 1] as const]
          : b < a
            ? [[a, b + 1, 1] as const]
            : [[a + 1, b, 0.5] as const, [a, b + 1, 0.5] as const]) {
          give(Math.min(toA, size - 1) * size + Math.min(toB, size - 1), lambda * share);
        }
      }
    }
    now = next;
  }
  let number = 0;
  for (let a = 0; a < size; a++) for (let b = 0; b < size; b++) number += now[a * size + b]! * (a + b);
  return number / lambda;
}

test("simulate() of jsq with two servers agrees with the balance equations", (t) => {
  const mean = shorterOfTwo(0.7);
  const { responseMs } = run(300_000, { servers: 2, load: 0.7, selector: "jsq" });
  t.log(responseMs!.mean, mean);
  t.true(within(responseMs!.mean, mean, 0.02));
});

test("simulate() of p2c and of three choices comes to Mitzenmacher's limits for many servers", (t) => {
  // "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 2001: mean Σ λ^((dⁱ − d)/(d − 1)).
  const limit = (load: number, d: number): number => {
    let sum = 0;
    for (let i = 1; i < 30; i++) sum += load ** ((d ** i - d) / (d - 1));
    return sum;
  };
  for (const [selector, options, d] of [
    ["p2c", {}, 2],
    ["least-request", { choices: 3 }, 3],
  ] as const) {
    const { responseMs } = run(600_000, { servers: 100, load: 0.9, selector, options });
    t.log(selector, responseMs!.mean, limit(0.9, d));
    t.true(within(responseMs!.mean, limit(0.9, d), 0.04), selector);
  }
});

test("simulate() keeps Little's law: the number in the system is arrivals × time", (t) => {
  for (const over of [
    {},
    { clients: 50, network: { kind: "exponential", mean: 2 } },
    { arrivals: { kind: "bursty", onMs: 50, offMs: 50 }, load: 0.4 },
  ] as const) {
    const { requests, responseMs, inFlight } = run(200_000, { servers: 10, load: 0.8, selector: "p2c", ...over });
    const spanMs = (200_000 * 0.95) / ((over as { load?: number }).load ?? 0.8) / 10;
    t.true(within(inFlight, (requests / spanMs) * responseMs!.mean, 0.01), JSON.stringify(over));
  }
});
