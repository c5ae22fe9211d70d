import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { parseProblem } from "../../packages/placer/src/problem/parse-problem.ts";
import { deploy } from "../../packages/placer/src/simulate/deployment.ts";
import { parseRun } from "../../packages/placer/src/simulate/measured-run.ts";
import { offeredLoad } from "../../packages/placer/src/simulate/offered-load.ts";
import { parseModel } from "../../packages/placer/src/simulate/parse-model.ts";
import { assignmentOf, placements, problemText, startModel } from "../lib/response-system.ts";
import { type MeasuredPoint, parseSamples, predictionError, runFileOf, toMeasured } from "../report/placement-response-points.ts";
import { judgeResponse, renderResponse } from "../report/placement-response-table.ts";

/** One raw line: 100 requests a second for 2 s; `front` takes 1 ms of CPU each. */
function line(plan: string, rep: number, meanUs: number, fields: object = {}): string {
  const load = { requests: 200, seconds: 2, unanswered: 0, meanUs, p50Us: meanUs * 0.8, p95Us: meanUs * 2, p99Us: meanUs * 3, ...fields };
  return JSON.stringify({
    rep,
    plan,
    share: 30,
    rate: 100,
    wallSeconds: 2.5,
    cpuSeconds: { front: 0.2 },
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

test("runFileOf() makes a run that placer reads", (t) => {
  const [point] = measured(line("mitsu", 1, 1000));
  const run = parseRun(JSON.stringify(runFileOf(point!, assignmentOf("mitsu"))), "run.json");
  t.is(run.cpu.front, 0.1);
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
  t.deepEqual(judged(900, 0.95), ["met", "met", "met"]);
  t.deepEqual(judged(1100, 2), ["missed", "missed", "missed"]);
});

test("renderResponse() prints what was seen beside what was told", (t) => {
  const points = measured(line("mitsu", 1, 1000));
  const predictions = new Map([["mitsu", [{ rate: 100, responseMs: { mean: 1.1, p50: 0.8, p95: 2, p99: 3 }, saturated: null }]]]);
  const errors = [predictionError("mitsu", points, predictions.get("mitsu")!)];
  const text = renderResponse({ measured: points, predictions, errors, targets: judgeResponse(points, errors), fit: ["kubernetes"] });
  t.regex(text, /mitsu +30 % +100 +1\.00 \| 1\.10 \+10 %/);
  t.regex(text, /mitsu, never seen by the model/);
});

test("response-system: every placement is of the same services, worst keeps no call on its node, and mitsu most", (t) => {
  const model = parseModel(JSON.stringify(startModel()), "start.json");
  const problem = parseProblem(problemText(), "problem.yaml");
  const onNode = (plan: string): number => offeredLoad(deploy(model, problem, assignmentOf(plan))).onNode;
  t.is(onNode("worst"), 0);
  for (const plan of Object.keys(placements)) t.true(onNode(plan) <= onNode("mitsu"));
  t.true(onNode("mitsu") > 0.75);
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
  t.is(spawnSync("bash", [script, "--none"]).status, 64);
});
