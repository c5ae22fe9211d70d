import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type TestEnv, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";

const model = `version: 1
services:
  web: { workers: 8 }
  db: { workers: 4 }
operations:
  page: { service: web, cpu: { exponential: 1ms }, steps: [[{ call: query, times: 2 }]] }
  query: { service: db, cpu: { exponential: 1ms } }
requests:
  page: { share: 1, call: page }
costs:
  local: { message: 10us, byte: 0s }
  remote: { message: 200us, byte: 0s }
`;
const problem = `version: 1
nodes:
  - { name: n1, capacity: { cpu: 2 } }
  - { name: n2, capacity: { cpu: 2 } }
services:
  - { name: web }
  - { name: db }
`;

/** A folder with the files of a small system, where commands run. */
async function folder(
  t: ExecutionContext,
  more: Readonly<Record<string, string>> = {},
): Promise<(...argv: string[]) => Promise<{ status: number; env: TestEnv }>> {
  const cwd = await mkdtemp(join(tmpdir(), "mitsu-simulate-"));
  t.teardown(() => rm(cwd, { recursive: true }));
  const plan = (web: string, db: string): string =>
    JSON.stringify({
      version: 1,
      assignment: { "web-0": web, "db-0": db },
      problem: { name: "p", file: join(cwd, "problem.yaml"), sha256: "" },
    });
  const files = { "model.yaml": model, "problem.yaml": problem, "near.json": plan("n1", "n1"), "far.json": plan("n1", "n2"), ...more };
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
  return async (...argv) => {
    const env = testEnv({ cwd, columns: 200 });
    return {
      status: await run(
        placer,
        argv.map((word) => word.replace("@", `${cwd}/`)),
        env,
      ),
      env,
    };
  };
}

test("simulate prints a row for each plan and rate with units, and says that the model is not calibrated", async (t) => {
  const call = await folder(t);
  const { status, env } = await call(
    "simulate",
    "@near.json",
    "@far.json",
    "--model",
    "@model.yaml",
    "--rate",
    "100..300:100",
    "--seconds",
    "12",
    "--warm-up",
    "2",
  );
  t.is(status, 0, env.err());
  t.regex(env.out(), /rate \[1\/s\] .*mean \[ms\] .*p99 \[ms\]/);
  t.is(env.out().match(/^near\.json +\d/gm)?.length, 3);
  t.regex(env.out(), /near\.json: 100\.0 % of calls/);
  t.regex(env.out(), /far\.json: 0\.0 % of calls/);
  t.regex(env.err(), /not calibrated/);
});

test("simulate --json has figures in ms, and null and a reason where it is saturated; the same seed gives the same", async (t) => {
  const call = await folder(t);
  const argv = ["simulate", "@near.json", "--model", "@model.yaml", "--rate", "200,900", "--seconds", "12", "--warm-up", "2", "--json"];
  const { status, env } = await call(...argv);
  t.is(status, 0, env.err());
  const [low, high] = JSON.parse(env.out()).predictions[0].rates;
  t.true(low.responseMs.mean > 3 && low.responseMs.mean < 6, JSON.stringify(low.responseMs));
  t.true(Math.abs(low.throughput - 200) < 10);
  t.is(low.saturated, null);
  t.is(high.responseMs, null);
  t.regex(high.saturated, /^node n1 is asked for/);
  t.is((await call(...argv)).env.out(), env.out());
});

test("simulate refuses rates that the model was not calibrated for, unless --extrapolate", async (t) => {
  const call = await folder(t, { "fitted.yaml": `${model}calibrated: { rates: [100, 300], error: 0.05, runs: [] }\n` });
  const argv = ["simulate", "@near.json", "--model", "@fitted.yaml", "--seconds", "3", "--warm-up", "1"];
  t.is((await call(...argv, "--rate", "100..300:100")).status, 0);
  for (const rate of ["50", "301", "100..400:100"]) {
    const { status, env } = await call(...argv, "--rate", rate);
    t.is(status, 2, rate);
    t.is(env.out(), "");
    t.regex(env.err(), /was calibrated from 100 to 300 requests a second/);
  }
  const beyond = await call(...argv, "--rate", "400", "--extrapolate");
  t.is(beyond.status, 0, beyond.env.err());
  t.notRegex(beyond.env.err(), /not calibrated/);
});

test("simulate refuses services and nodes that model and problem do not share, with exit status 2", async (t) => {
  const extra = `${problem}  - { name: mail }\n`;
  const call = await folder(t, {
    "extra.yaml": extra,
    "extra.json": JSON.stringify({ version: 1, assignment: { "web-0": "n1", "db-0": "n1", "mail-0": "n2" } }),
    "nodes.yaml": `${model}nodes: { n1: { cores: 2 } }\n`,
    "more.yaml": model.replace("services:", "services:\n  mail: { workers: 1 }"),
  });
  const short = ["--rate", "100", "--seconds", "3", "--warm-up", "1"];
  const refused = async (message: RegExp, ...argv: string[]): Promise<void> => {
    const { status, env } = await call("simulate", ...argv, ...short);
    t.is(status, 2, env.err());
    t.regex(env.err(), message);
  };
  await refused(/says nothing of mail/, "@extra.json", "--model", "@model.yaml", "--problem", "@extra.yaml");
  await refused(/does not know node n2/, "@near.json", "--model", "@nodes.yaml");
  await refused(/no replicas of mail/, "@near.json", "--model", "@more.yaml");
  const idle = await call("simulate", "@extra.json", "--model", "@model.yaml", "--problem", "@extra.yaml", "--extrapolate", ...short);
  t.is(idle.status, 0, idle.env.err());
});

test("simulate --draw writes an SVG with every plan's name", async (t) => {
  const call = await folder(t);
  const { status, env } = await call(
    "simulate",
    "@near.json",
    "@far.json",
    "--model",
    "@model.yaml",
    "--rate",
    "100,200",
    "--seconds",
    "4",
    "--warm-up",
    "1",
    "--draw",
    "curves.svg",
  );
  t.is(status, 0, env.err());
  const svg = await readFile(join(env.cwd(), "curves.svg"), "utf8");
  t.regex(svg, /^<svg/);
  for (const name of ["near.json", "far.json"]) t.true(svg.includes(name));
});

test("simulate refuses what would run without end, or before it begins", async (t) => {
  const call = await folder(t);
  const argv = ["simulate", "@near.json", "--model", "@model.yaml"];
  const cases = [
    [["--rate", "1000000000"], /requests are too many/],
    [["--rate", "fast"], /is not a rate above 0/],
    [["--rate", "100", "--seconds", "3", "--warm-up", "3"], /--warm-up 3: give a number from 0 and below --seconds/],
    [["--rate", "100", "--seconds", "-1"], /--seconds/],
  ] as const;
  for (const [more, message] of cases) {
    const { status, env } = await call(...argv, ...more);
    t.is(status, 2, env.err());
    t.regex(env.err(), message);
    t.is(env.out(), "");
  }
});
