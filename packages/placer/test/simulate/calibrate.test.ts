import test from "ava";
import type { Problem } from "../../src/problem/problem.ts";
import { calibrate } from "../../src/simulate/calibrate-model.ts";
import { deploy } from "../../src/simulate/deployment.ts";
import { simulate } from "../../src/simulate/engine.ts";
import type { MeasuredRun } from "../../src/simulate/measured-run.ts";
import type { Model } from "../../src/simulate/model.ts";
import { offeredLoad } from "../../src/simulate/offered-load.ts";
import { parseModel } from "../../src/simulate/parse-model.ts";
import { problemOf } from "./small-deployment.ts";

/** front → (user, then posts → store), 8 ms of work in all. */
const start = parseModel(
  `{version: 1,
  services: {front: {workers: 32}, user: {workers: 16}, posts: {workers: 16}, store: {workers: 16}},
  operations: {
    front: {service: front, cpu: {exponential: 1ms}, steps: [[{call: user}], [{call: posts}]]},
    user: {service: user, cpu: {exponential: 1ms}}, store: {service: store, cpu: {exponential: 1ms}},
    posts: {service: posts, cpu: {exponential: 1ms}, steps: [[{call: store, times: 2}]]}},
  requests: {r: {share: 1, call: front}},
  costs: {local: {message: 100us, byte: 0s}, remote: {message: 200us, byte: 0s}}}`,
  "start.yaml",
);
const problem: Problem = problemOf(["n1", "n2"], { front: 1, user: 1, posts: 1, store: 1 });
const together = { "front-0": "n1", "user-0": "n1", "posts-0": "n2", "store-0": "n2" };
const apart = { "front-0": "n1", "user-0": "n2", "posts-0": "n2", "store-0": "n1" };
/** What the runs are made with, and calibration has to find. */
const scales: Readonly<Record<string, number>> = { front: 1.6, user: 0.7, posts: 1.2, store: 0.9 };
const real: Model = {
  ...start,
  services: start.services.map((service) => ({ ...service, scale: scales[service.name]! })),
  costs: { local: { message: 60e-6, byte: 0 }, remote: { message: 500e-6, byte: 0 } },
  overhead: 0.4e-3,
};

/** A simulated run as if measured: other requests than calibration meets, and noise of a few percent. */
function measured(model: Model, rate: number, assignment: Readonly<Record<string, string>>, noise: number, withCpu: boolean): MeasuredRun {
  const deployment = deploy(model, problem, assignment);
  const { response } = simulate(deployment, { rate, seconds: 10_000 / rate, warmUp: 500 / rate, seed: 77 });
  const cpu = offeredLoad(deployment).serviceCpu;
  const off = (k: number): number => 1 + noise * Math.sin(rate + 7 * k);
  return {
    file: `run-${rate}.json`,
    rate,
    throughput: rate,
    response: { mean: response!.mean * off(1), p50: response!.p50 * off(2), p95: response!.p95 * off(3), p99: response!.p99 * off(4) },
    cpu: withCpu ? Object.fromEntries(model.services.map(({ name }, s) => [name, rate * cpu[s]! * off(5 + s)])) : {},
    assignment,
  };
}

test("calibrate() finds service times, message costs and overhead of four runs with CPU times, with 2 % of noise", (t) => {
  const runs = [60, 120].flatMap((rate) => [together, apart].map((plan) => measured(real, rate, plan, 0.02, true)));
  const { model, error, cpu } = calibrate(start, problem, runs, { seed: 1, requests: 1500, tries: 40 });
  t.true(error < 0.07, `error ${error}`);
  t.true(cpu!.error < 0.03);
  for (const { name, scale } of model.services) t.true(Math.abs(scale / scales[name]! - 1) < 0.1, `${name} ${scale}, not ${scales[name]}`);
  t.true(Math.abs(model.costs!.remote.message / 500e-6 - 1) < 0.15, `remote ${model.costs!.remote.message}`);
  t.true(model.costs!.local.message < 150e-6, `local ${model.costs!.local.message}`);
  t.deepEqual(model.calibrated!.rates, [60, 120]);
  // What counts: a placement that it never saw, at a rate between.
  const other = { "front-0": "n1", "user-0": "n1", "posts-0": "n1", "store-0": "n2" };
  const options = { rate: 90, seconds: 100, warmUp: 10, seed: 5 };
  const told = simulate(deploy(model, problem, other), options).response!;
  const truth = simulate(deploy(real, problem, other), options).response!;
  for (const figure of ["mean", "p50", "p95", "p99"] as const)
    t.true(Math.abs(told[figure] / truth[figure] - 1) < 0.1, `${figure} ${told[figure]}, not ${truth[figure]}`);
});

test("calibrate() finds one scale of response times alone", (t) => {
  const slow = { ...start, services: start.services.map((service) => ({ ...service, scale: 1.4 })) };
  const runs = [60, 130].map((rate) => measured(slow, rate, apart, 0.02, false));
  const { model, error, cpu } = calibrate(start, problem, runs, { seed: 1, requests: 1500, tries: 60 });
  t.is(cpu, null);
  t.true(error < 0.06, `error ${error}`);
  const between = { rate: 100, seconds: 100, warmUp: 10, seed: 5 };
  const told = simulate(deploy(model, problem, apart), between).response!;
  const truth = simulate(deploy(slow, problem, apart), between).response!;
  for (const figure of ["mean", "p95", "p99"] as const)
    t.true(Math.abs(told[figure] / truth[figure] - 1) < 0.1, `${figure} ${told[figure]}, not ${truth[figure]}`);
});

test("calibrate() gives the same model for the same seed, and refuses one run, or two at one rate", (t) => {
  const low = measured(start, 60, apart, 0, true);
  const runs = [low, measured(start, 120, apart, 0, true)];
  const options = { seed: 3, requests: 400, tries: 8 };
  t.deepEqual(calibrate(start, problem, runs, options).model, calibrate(start, problem, runs, options).model);
  t.throws(() => calibrate(start, problem, [low], options), { code: "ERR_CALIBRATE_RUNS" });
  t.throws(() => calibrate(start, problem, [low, low], options), { code: "ERR_CALIBRATE_RUNS" });
});
