import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { parseProblem } from "../../packages/placer/src/problem/parse-problem.ts";
import { writeProblem } from "../../packages/placer/src/problem/write-problem.ts";
import { deploy } from "../../packages/placer/src/simulate/deployment.ts";
import { parseRun } from "../../packages/placer/src/simulate/measured-run.ts";
import { offeredLoad } from "../../packages/placer/src/simulate/offered-load.ts";
import { parseModel } from "../../packages/placer/src/simulate/parse-model.ts";
import { callsOf, problemOf, startModel, systems, worstOf } from "../lib/response-graph.ts";
import { type Assignment, factsOf, medianPlan } from "../lib/response-system.ts";
import { type MeasuredPoint, parseSamples, predictionError, runFileOf, toMeasured } from "../report/placement-response-points.ts";
import { judgeResponse, renderResponse } from "../report/placement-response-table.ts";

/** One raw line: 100 requests a second for 2 s; `front` takes 1 ms of CPU each. */
function line(plan: string, rep: number, meanUs: number, fields: object = {}, cpuSeconds: object = { front: 0.2 }): string {
  const load = { requests: 200, seconds: 2, unanswered: 0, meanUs, p50Us: meanUs * 0.8, p95Us: meanUs * 2, p99Us: meanUs * 3, ...fields };
  return JSON.stringify({
    rep,
    plan,
    share: 30,
    rate: 100,
    wallSeconds: 2.5,
    cpuSeconds,
    busySeconds: [0.5, 0.25],
    stealSeconds: 0,
    load,
  });
}
const measured = (...lines: readonly string[]): readonly MeasuredPoint[] => toMeasured(parseSamples(`${lines.join("\n")}\n`), 2);

test("toMeasured() takes medians over repetitions, and CPU time per request", (t) => {
  const [point] = measured(line("mitsu", 1, 900), line("mitsu", 2, 1000), line("mitsu", 3, 1300));
  t.deepEqual(point!.response, { mean: 0.001, p50: 0.0008, p95: 0.002, p99: 0.003 });
  t.is(point!.demand.front, 0.001);
  t.deepEqual(point!.busy, [0.2, 0.1]);
  t.true(Math.abs(point!.spread - 0.4) < 1e-9);
});

test("toMeasured() says saturated when most repetitions left requests, or answered long after the last was due", (t) => {
  t.is(measured(line("mitsu", 1, 900, { unanswered: 3 }))[0]!.response, null);
  t.is(
    measured(line("mitsu", 1, 900, { seconds: 2.3 }), line("mitsu", 2, 900, { seconds: 2.3 }), line("mitsu", 3, 900))[0]!.response,
    null,
  );
  t.is(measured(line("mitsu", 1, 900, { seconds: 2.3 }), line("mitsu", 2, 900), line("mitsu", 3, 900))[0]!.response!.mean, 0.0009);
});

test("toMeasured() leaves out repetitions that were spoiled, and says when all were", (t) => {
  const late = (rep: number, fields: object): string => JSON.stringify({ ...JSON.parse(line("mitsu", rep, 9000)), ...fields });
  const withheld = { withheldSeconds: [0, 0.05] };
  const [one] = measured(late(1, withheld), line("mitsu", 2, 1000), line("mitsu", 3, 1100));
  t.true(!one!.spoiled && Math.abs(one!.response!.mean - 0.00105) < 1e-9);
  const all = measured(late(1, withheld), line("kubernetes", 1, 1000));
  t.deepEqual(
    all.map(({ spoiled }) => spoiled),
    [false, true],
  );
  t.is(judgeResponse(all, [])[0]!.state, "no data");
  // Others who use the CPUs spoil it for ordinary services, for real-time ones only when packets waited for them.
  const shared = { busySeconds: [1, 1] };
  t.is(measured(late(1, shared))[0]!.spoiled, true);
  t.is(measured(late(1, { ...shared, realtime: true }))[0]!.spoiled, false);
  const waited = { softirqDelaySeconds: [0.1, null], realtime: true };
  t.is(measured(late(1, { ...waited, busySeconds: [0.3, 0.3] }))[0]!.spoiled, false);
  t.is(measured(late(1, { ...waited, ...shared }))[0]!.spoiled, true);
});

test("runFileOf() makes a run that placer reads, without what is no service of it", (t) => {
  const [point] = measured(line("mitsu", 1, 1000, {}, { front: 0.2, "mesh-a": 0.1 }));
  const run = parseRun(JSON.stringify(runFileOf(point!, worstOf(systems.page))), "run.json");
  t.deepEqual(run.cpu, { front: 0.1 });
  t.is(run.response.p99, 0.003);
});

test("predictionError() compares where neither is saturated, and names the rates where only one is", (t) => {
  const points = measured(line("mitsu", 1, 1000));
  const told = { rate: 100, responseMs: { mean: 1.1, p50: 0.8, p95: 1, p99: 3 }, saturated: null };
  const error = predictionError("mitsu", points, [told]);
  t.true(Math.abs(error.by.mean.median - 0.1) < 1e-9 && Math.abs(error.by.p95.most - 0.5) < 1e-9);
  t.deepEqual(predictionError("mitsu", points, [{ ...told, responseMs: null, saturated: "node a" }]), {
    ...error,
    by: predictionError("mitsu", [], []).by,
    compared: 0,
    disagreed: [100],
  });
});

test("judgeResponse() takes nothing for no data, and misses when mitsu is slower or a prediction is far off", (t) => {
  t.deepEqual(new Set(judgeResponse([], []).map(({ state }) => state)), new Set(["no data"]));
  const told = (ms: number) => [{ rate: 100, responseMs: { mean: ms, p50: ms, p95: ms, p99: ms * 3 }, saturated: null }];
  const judged = (mitsu: number, ms: number): readonly string[] => {
    const points = measured(line("mitsu", 1, mitsu), line("kubernetes", 1, 1000));
    return judgeResponse(points, [predictionError("mitsu", points, told(ms))]).map(({ state }) => state);
  };
  t.deepEqual(judged(900, 0.95), ["met", "no data", "no data", "met", "met"]);
  t.deepEqual(judged(1100, 2), ["missed", "no data", "no data", "missed", "missed"]);
});

test("judgeResponse() compares redirect with redirect, and with a peer that has none", (t) => {
  const points = measured(line("mitsu-redirect", 1, 800), line("kubernetes-redirect", 1, 1000), line("kubernetes", 1, 700));
  t.deepEqual(
    judgeResponse(points, []).map(({ state, value }) => `${state} ${value}`),
    ["no data –", "met 0.80 to 0.80", "missed 1.14 to 1.14"],
  );
});

test("judgeResponse() misses when only mitsu is saturated at a rate, and leaves out rates that both do not bear", (t) => {
  const late = { seconds: 3 };
  const [race] = judgeResponse(measured(line("mitsu", 1, 900, late), line("kubernetes", 1, 1000)), []);
  t.is(race!.state, "missed");
  t.regex(race!.value, /saturated at 30 %/);
  t.is(judgeResponse(measured(line("mitsu", 1, 900, late), line("kubernetes", 1, 1000, late)), [])[0]!.state, "no data");
});

test("renderResponse() prints what was seen beside what was told", (t) => {
  const points = measured(line("mitsu", 1, 1000));
  const predictions = new Map([["mitsu", [{ rate: 100, responseMs: { mean: 1.1, p50: 0.8, p95: 2, p99: 3 }, saturated: null }]]]);
  const errors = [predictionError("mitsu", points, predictions.get("mitsu")!)];
  const plans = { mitsu: factsOf(systems.page, worstOf(systems.page), "by hand") };
  const text = renderResponse({
    plans,
    measured: points,
    predictions,
    errors,
    targets: judgeResponse(points, errors),
    fit: ["kubernetes"],
  });
  t.regex(text, /mitsu +30 % +100 +1\.00 \| 1\.10 \+10 %/);
  t.regex(
    text,
    /mitsu keeps 0 % of the messages on a node; by hand\n {2}a \(80 % of its CPU requested\): auth, cache, edge, store, timeline/,
  );
  t.regex(text, /mitsu, never seen by the model/);
});

for (const [name, system] of Object.entries(systems)) {
  test(`${name}: the problem is one that placer reads, requests 80 % of both nodes, and worst keeps no call on its node`, (t) => {
    const problem = parseProblem(writeProblem(problemOf(system), "yaml"), "problem.yaml");
    const requested = problem.services.reduce((sum, { requests }) => sum + requests.cpu!, 0);
    t.true(Math.abs(requested - 1.6) < 0.01);
    const model = parseModel(JSON.stringify(startModel(system)), "start.json");
    t.is(offeredLoad(deploy(model, problem, worstOf(system))).onNode, 0);
    t.is(factsOf(system, worstOf(system), "").kept, 0);
    // The model's calls are those that the traffic counts.
    const all = callsOf(system).pairs.reduce((sum, { calls }) => sum + calls, 1);
    t.true(Math.abs(offeredLoad(deploy(model, problem, worstOf(system))).calls - all) < 1e-9);
  });
}

test("medianPlan() takes the middle by the traffic kept, of several alike the least seed", (t) => {
  const beside = (...on: readonly string[]): Assignment =>
    Object.fromEntries(Object.keys(systems.page.services).map((name) => [`${name}-0`, on.includes(name) ? "a" : "b"]));
  const none = worstOf(systems.page);
  const bySeed = new Map([
    [4, beside("edge")],
    [2, none],
    [3, beside("session")],
    [1, beside()],
    [5, none],
  ]);
  t.is(medianPlan(systems.page, bySeed).seed, 3);
});

test("response-system writes a configuration for each process, ports of its own for each mode, callees before callers", (t) => {
  const work = mkdtempSync(join(tmpdir(), "mitsu-response-"));
  t.teardown(() => rmSync(work, { recursive: true }));
  const script = new URL("../lib/response-system.ts", import.meta.url).pathname;
  t.is(spawnSync(process.execPath, [script, "problem", work, "orders"]).status, 0);
  for (const plan of ["kubernetes-1", "mitsu"]) copyFileSync(join(work, "worst.json"), join(work, `${plan}.json`));
  const told = spawnSync(process.execPath, [script, "services", work, "orders", "kubernetes", "mitsu-redirect"], { encoding: "utf8" });
  const lines = told.stdout.trim().split("\n");
  t.is(lines.length, 18);
  t.is(new Set(lines.map((text) => text.split(" ")[4])).size, 18);
  t.regex(lines[8]!, /^kubernetes edge a 10\.203\.79\.2 7108 16 .*kubernetes-edge\.conf$/);
  t.regex(
    readFileSync(join(work, "mitsu-redirect-pay.conf"), "utf8"),
    /^operation pay 60 exponential\nstep\ncall 10\.203\.79\.3 7200 tax 1\nstep\ncall 10\.203\.79\.3 7203 ledger 0\.5\n$/,
  );
  t.deepEqual(Object.keys(JSON.parse(readFileSync(join(work, "plans.json"), "utf8"))), ["kubernetes", "mitsu"]);
});

test("response-witness compiles without a warning, and prints two numbers when it is stopped", (t) => {
  const work = mkdtempSync(join(tmpdir(), "mitsu-response-"));
  t.teardown(() => rmSync(work, { recursive: true }));
  const program = join(work, "witness");
  const source = new URL("../lib/response-witness.c", import.meta.url).pathname;
  t.is(spawnSync("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source]).status, 0);
  const stopped = spawnSync("timeout", ["--preserve-status", "0.3", program], { encoding: "utf8" });
  t.is(stopped.status, 0);
  t.regex(stopped.stdout, /^\d+ \d+\n$/);
});

test("response-service compiles without a warning, and refuses a file that is none of its own", (t) => {
  const work = mkdtempSync(join(tmpdir(), "mitsu-response-"));
  t.teardown(() => rmSync(work, { recursive: true }));
  const program = join(work, "service");
  const source = new URL("../lib/response-service.c", import.meta.url).pathname;
  t.is(spawnSync("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, source, "-lm"]).status, 0);
  const refused = spawnSync(program, ["127.0.0.1", "0", "1", source], { encoding: "utf8" });
  t.is(refused.status, 1);
  t.regex(refused.stderr, /Invalid argument/);
});

test("placement-response.sh --help names every option that it reads", (t) => {
  const script = new URL("../placement-response.sh", import.meta.url).pathname;
  const help = spawnSync("bash", [script, "--help"], { encoding: "utf8" });
  t.is(help.status, 0);
  for (const [, option] of readFileSync(script, "utf8").matchAll(/^ {4}(--[a-z]+)(?: \| -h)?\)/gm))
    t.true(help.stdout.includes(`  ${option}`), option);
  for (const wrong of [["--none"], ["--modes", "mitsu,none"], ["--system", "none"]]) t.is(spawnSync("bash", [script, ...wrong]).status, 64);
});
