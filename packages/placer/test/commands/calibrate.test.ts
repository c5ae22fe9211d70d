import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type TestEnv, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";

const start = `version: 1
services: { web: { workers: 16 }, db: { workers: 16 } }
operations:
  page: { service: web, cpu: { exponential: 1ms }, steps: [[{ call: query }]] }
  query: { service: db, cpu: { exponential: 1ms } }
requests: { page: { share: 1, call: page } }
`;
const problem = `version: 1
nodes: [{ name: n1, capacity: { cpu: 1 } }, { name: n2, capacity: { cpu: 1 } }]
services: [{ name: web }, { name: db }]
`;
const assignment = { "web-0": "n1", "db-0": "n2" };
/** M/M/1 with processor sharing twice, of 2 ms and 3 ms: means add up, quantiles are near those of the sum of two exponentials. */
function measured(rate: number): string {
  const [web, db] = [2 / (1 - rate * 0.002), 3 / (1 - rate * 0.003)];
  const mean = web + db;
  const responseMs = { mean, p50: 0.76 * mean, p95: 2.6 * mean, p99: 4 * mean };
  return JSON.stringify({ version: 1, rate, responseMs, cpu: { web: rate * 0.002, db: rate * 0.003 }, assignment });
}

async function folder(
  t: ExecutionContext,
): Promise<{ cwd: string; call: (...argv: string[]) => Promise<{ status: number; env: TestEnv }> }> {
  const cwd = await mkdtemp(join(tmpdir(), "mitsu-calibrate-"));
  t.teardown(() => rm(cwd, { recursive: true }));
  const files = { "start.yaml": start, "problem.yaml": problem, "low.json": measured(80), "high.json": measured(180) };
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
  const call = async (...argv: string[]): Promise<{ status: number; env: TestEnv }> => {
    const env = testEnv({ cwd, columns: 200 });
    return { status: await run(placer, argv, env), env };
  };
  return { cwd, call };
}
const model = ["calibrate", "--model", "start.yaml", "--problem", "problem.yaml"];

test("calibrate writes a model that knows its range, which simulate keeps to; how well it fits goes to the terminal", async (t) => {
  const { cwd, call } = await folder(t);
  const { status, env } = await call(...model, "--run", "low.json", "--run", "high.json", "-o", "model.json");
  t.is(status, 0, env.err());
  t.regex(env.out(), /low\.json +80 +mean/);
  // What stays on a node is the same in both.
  t.regex(env.err(), /all runs are of one placement/);
  t.regex(env.out(), /fitted from 80 to 180 requests a second; response times are off by \d+\.\d %/);
  const written = JSON.parse(await readFile(join(cwd, "model.json"), "utf8"));
  t.deepEqual(written.calibrated.rates, [80, 180]);
  t.deepEqual(written.calibrated.runs, ["low.json", "high.json"]);
  t.true(Math.abs(written.services.web.scale / 2 - 1) < 0.15, JSON.stringify(written.services));
  t.true(Math.abs(written.services.db.scale / 3 - 1) < 0.15, JSON.stringify(written.services));
  await writeFile(join(cwd, "plan.json"), JSON.stringify({ version: 1, assignment }));
  const simulate = ["simulate", "plan.json", "--model", "model.json", "--problem", "problem.yaml", "--seconds", "20", "--json", "--rate"];
  const between = await call(...simulate, "130");
  t.is(between.status, 0, between.env.err());
  const { mean } = JSON.parse(between.env.out()).predictions[0].rates[0].responseMs;
  t.true(Math.abs(mean / (2 / 0.74 + 3 / 0.61) - 1) < 0.12, `${mean}`);
  t.is((await call(...simulate, "200")).status, 2);
});

test("calibrate to stdout prints the model there and the fit on stderr", async (t) => {
  const { call } = await folder(t);
  const { status, env } = await call(...model, "--run", "low.json", "--run", "high.json");
  t.is(status, 0, env.err());
  t.is(JSON.parse(env.out()).version, 1);
  t.regex(env.err(), /fitted from 80 to 180/);
});

test("calibrate refuses one run, a saturated one and a broken one with exit status 2, and writes nothing", async (t) => {
  const { cwd, call } = await folder(t);
  await writeFile(join(cwd, "full.json"), JSON.stringify({ ...JSON.parse(measured(180)), throughput: 150 }));
  await writeFile(join(cwd, "broken.json"), '{"version": 1, "rate": "fast"}');
  const before = (await readdir(cwd)).length;
  const cases: readonly [readonly string[], RegExp][] = [
    [["--run", "low.json"], /two runs at different rates are needed/],
    [[], /two runs at different rates are needed/],
    [["--run", "low.json", "--run", "full.json"], /full\.json:1:\d+: throughput: .*saturated/],
    [["--run", "low.json", "--run", "broken.json"], /broken\.json:1:\d+: rate: "fast" is not a rate/],
    [["--run", "low.json", "--run", "none.json"], /none\.json/],
  ];
  for (const [argv, message] of cases) {
    const { status, env } = await call(...model, ...argv, "-o", "out.json");
    t.is(status, 2, env.err());
    t.regex(env.err(), message);
  }
  t.is((await readdir(cwd)).length, before);
});
