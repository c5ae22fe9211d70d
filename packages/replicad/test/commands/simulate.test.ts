import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type TestEnv, testEnv } from "@mitsu/cli";
import { createSelector, selectorNames } from "@mitsu/selector";
import test, { type ExecutionContext } from "ava";
import { replicad } from "../../src/cli.ts";
import { policies } from "../../src/commands/policies.ts";

const small = ["simulate", "--servers", "4", "--clients", "5", "--seconds", "2", "--warm-up", "0.5"];

async function call(argv: readonly string[], cwd = "/"): Promise<{ status: number; env: TestEnv }> {
  const env = testEnv({ cwd, columns: 200 });
  return { status: await run(replicad, argv, env), env };
}

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "mitsu-replicad-"));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

test("simulate prints a row for each load and policy, with units and the ratio to round robin", async (t) => {
  const { status, env } = await call([...small, "--policies", "round-robin,p2c,jsq", "--load", "0.5,0.8"]);
  t.is(status, 0, env.err());
  t.regex(env.out(), /^load +policy +mean +p50 +p90 +p99 +p99\.9 +p99\/RR +answered \[1\/s\] +failed +herd +share \[%\]\n/);
  t.is(env.out().match(/^ *0\.[58] +(round-robin|p2c|jsq) +.* ms /gm)?.length, 6);
  t.is(env.out().match(/^ *0\.[58] +round-robin .* 1\.000 /gm)?.length, 2);
});

test("simulate --json has the setting, the median of the runs and each run; the same seed gives the same", async (t) => {
  const argv = [...small, "--policies", "round-robin,mitsu", "--runs", "3", "--json"];
  const { status, env } = await call(argv);
  t.is(status, 0, env.err());
  const { setting, results } = JSON.parse(env.out());
  t.is(setting.servers, 4);
  t.deepEqual(
    results.map(({ policy }: { policy: string }) => policy),
    ["round-robin", "mitsu"],
  );
  const p99s = results[1].runs
    .map(({ responseMs }: { responseMs: { p99: number } }) => responseMs.p99)
    .toSorted((a: number, b: number) => a - b);
  t.is(results[1].responseMs.p99, p99s[1]);
  t.true(Math.abs(results[1].ofRoundRobin.p99 - results[1].responseMs.p99 / results[0].responseMs.p99) < 1e-3);
  t.is(results[1].shares.length, 4);
  t.is((await call(argv)).env.out(), env.out());
  t.not((await call([...argv, "--seed", "9"])).env.out(), env.out());
});

test("simulate --service file: takes quantiles from a file", async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, "search.txt"), "0 1ms\n0.5 3ms\n0.99 18ms\n1 40ms\n");
  const { status, env } = await call([...small, "--policies", "p2c", "--service", "file:search.txt"], cwd);
  t.is(status, 0, env.err());
  await writeFile(join(cwd, "search.txt"), "0.5 3ms\n0.2 4ms\n");
  const wrong = await call([...small, "--policies", "p2c", "--service", "file:search.txt"], cwd);
  t.is(wrong.status, 2);
  t.regex(wrong.env.err(), /search\.txt:2: probabilities/);
});

test("simulate --draw writes an SVG with a line for each policy, whole or not at all", async (t) => {
  const cwd = await folder(t);
  const argv = [...small, "--policies", "round-robin,mitsu", "--load", "0.4..0.8:0.2"];
  const { status, env } = await call([...argv, "--draw", "curves.svg", "--figure", "p999"], cwd);
  t.is(status, 0, env.err());
  const svg = await readFile(join(cwd, "curves.svg"), "utf8");
  t.regex(svg, /^<svg[\s\S]*<\/svg>\n$/);
  t.is(svg.match(/class="line /g)?.length, 2);
  t.is(svg.match(/<circle /g)?.length, 6);
  for (const text of ["p99.9", "mitsu", "round-robin", "load"]) t.true(svg.includes(text), text);
  const piped = await call([...argv, "--draw", "-", "--figure", "p999"], cwd);
  t.is(piped.env.out(), svg);
  const nowhere = await call([...argv, "--draw", "no/curves.svg"], cwd);
  t.is(nowhere.status, 1);
  t.regex(nowhere.env.err(), /cannot write no\/curves\.svg: no such folder/);
  t.is(nowhere.env.out(), "");
});

test("simulate of crashes and a rolling restart fails no request with retries", async (t) => {
  const { status, env } = await call([
    ...small,
    ...["--policies", "round-robin,mitsu", "--load", "0.3", "--retries", "3", "--json"],
    ...["--rolling-restart", "at=600ms,every=300ms,down=100ms", "--crash", "server=0,at=1900ms,how=silent", "--timeout", "100ms"],
  ]);
  t.is(status, 0, env.err());
  for (const { failures, retries } of JSON.parse(env.out()).results) {
    t.is(failures, 0);
    t.true(retries > 0);
  }
});

test("simulate takes nodes, table probes and options by their names in mesh.yaml", async (t) => {
  const argv = [...small, "--policies", "prequal,mitsu", "--network", "100us", "--quiet", "100ms", "--json"];
  const apart = await call(argv);
  const together = await call([
    ...argv,
    "--nodes",
    "2",
    "--probes",
    "table",
    "--option",
    "mitsu.stale-ms=50",
    "--option",
    "mitsu.remote-cost-ms=0.2",
  ]);
  t.is(together.status, 0, together.env.err());
  const { setting, results } = JSON.parse(together.env.out());
  t.is(setting.nodes, 2);
  t.is(setting.probe.answers, "table");
  t.is(setting.feedback.failureMs, 1);
  for (const [at, { responseMs }] of results.entries()) t.notDeepEqual(responseMs, JSON.parse(apart.env.out()).results[at].responseMs);
});

test("policies lists every selector and the oracle; their options are what the selectors take", async (t) => {
  const { status, env } = await call(["policies", "--json"]);
  t.is(status, 0);
  t.deepEqual(JSON.parse(env.out()), policies);
  t.deepEqual(policies.map(({ name }) => name).toSorted(), [...selectorNames, "jsq"].toSorted());
  t.is(policies[0]!.name, "mitsu");
  for (const { name, options } of policies) {
    if (name === "jsq") continue;
    const usual = Object.fromEntries(Object.entries(options).map(([option, range]) => [option, range.default]));
    t.notThrows(() => createSelector(name, usual), name);
    t.throws(() => createSelector(name, { nonsense: 1 }), { code: "ERR_SELECTOR_OPTION" }, name);
  }
  const text = (await call(["policies"])).env.out();
  for (const { name } of policies) t.regex(text, new RegExp(`^${name} `, "m"));
});
