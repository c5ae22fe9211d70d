/** `placer plan` from the command line: what it writes where, what its options do, and how it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { run, testEnv } from "@mitsu/cli";
import test from "ava";
import { placer } from "../../src/cli.ts";
import { industrial } from "../../src/generate/industrial.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { planReport } from "../../src/plan/plan-report.ts";
import type { Reserve } from "../../src/plan/reserved.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { strategyNames } from "../../src/solve/strategy.ts";
import { node, problem, service, shop } from "../plan/fixture.ts";
import { bin } from "../watch/support/daemon.ts";
import { planFolder } from "./plan-files.ts";

const planIn = (text: string): Plan => JSON.parse(text) as Plan;

/** The judge's own word, not the file's. */
function brokenOf(of: Problem, { assignment, options, report }: Plan): readonly string[] {
  const judged = planReport(of, assignment, {
    weight: options.weight,
    maxUtilisation: options.maxUtilisation,
    reserve: options.reserve as Reserve,
    budget: options.budget,
    proof: null,
  });
  if (Math.abs(judged.objective - report.objective) > 1e-9) return [`objective ${report.objective}, judged ${judged.objective}`];
  return judged.checks.filter(({ name }) => name !== "wishes").flatMap(({ broken }) => broken);
}

test("placer plan writes the plan to its file and what it is worth to the terminal", async (t) => {
  const { placer, read, folder } = planFolder(t, shop, {});
  const { status, out, err } = await placer("plan", "problem.yaml", "-o", "plan.json");
  t.deepEqual([status, err], [0, ""]);
  t.regex(out, /^shop: 6 replicas on 2 nodes, by mitsu in .* s\n {2}on-node traffic/);
  t.false(out.includes("\x1b"));
  const plan = planIn(read("plan.json"));
  t.like(plan, { version: 1, strategy: "mitsu", cut: false, notes: [], problem: { name: "shop", file: "problem.yaml" } });
  t.deepEqual(Object.keys(plan.assignment).sort(), shop.services.flatMap(({ replicas }) => replicas).sort());
  t.deepEqual(brokenOf(shop, plan), []);
  t.deepEqual(readdirSync(folder).sort(), ["plan.json", "problem.yaml"]);
});

test("placer plan -o - and --json are the plan alone; without either it says that nothing was kept", async (t) => {
  const { placer, read } = planFolder(t, shop, {});
  const piped = await placer("plan", "problem.yaml", "-o", "-");
  t.deepEqual([piped.status, piped.err], [0, ""]);
  const { assignment } = planIn(piped.out);
  const asJson = await placer("plan", "problem.yaml", "--json");
  t.is(asJson.err, "");
  t.deepEqual(planIn(asJson.out).assignment, assignment);
  const both = await placer("plan", "problem.yaml", "--json", "-o", "plan.json");
  t.is(both.out, read("plan.json"));
  const shown = await placer("plan", "problem.yaml");
  t.regex(shown.err, /the plan was not kept: -o plan\.json writes it to a file\n$/);
});

test("placer plan - reads the problem from stdin", async (t) => {
  const { read } = planFolder(t, shop, {});
  const env = testEnv({ stdin: read("problem.yaml"), now: Date.now });
  t.is(await run(placer, ["plan", "-", "--json"], env), 0, env.err());
  t.deepEqual(brokenOf(shop, planIn(env.out())), []);
});

for (const strategy of strategyNames) {
  test(`placer plan --strategy ${strategy} places every replica and keeps the rules`, async (t) => {
    const { placer } = planFolder(t, shop, {});
    const { status, out, err } = await placer("plan", "problem.yaml", "--strategy", strategy, "--json");
    t.is(status, 0, err);
    const plan = planIn(out);
    t.is(plan.strategy, strategy);
    t.deepEqual(brokenOf(shop, plan), []);
    if (strategy === "exact") t.is(plan.report.proof, "optimal");
    t.is(plan.options.weight, strategy === "traffic" ? 0 : strategy === "balance" ? 1 : 0.05);
  });
}

test("placer plan: traffic keeps the most on nodes, balance is the most even, exact is not beaten", async (t) => {
  const { placer } = planFolder(t, shop, {});
  const report = async (strategy: string): Promise<Plan["report"]> =>
    planIn((await placer("plan", "problem.yaml", "-s", strategy, "--json")).out).report;
  const [mitsu, traffic, balance, exact] = [await report("mitsu"), await report("traffic"), await report("balance"), await report("exact")];
  t.true(traffic.onNode >= mitsu.onNode - 1e-9);
  t.true(balance.imbalance <= mitsu.imbalance + 1e-9);
  t.true(exact.objective <= mitsu.objective + 1e-9);
});

for (const [budget, moves, bytes] of [
  ["moves=2", 2, null],
  ["bytes=0", null, 0],
  ["moves=3,bytes=1kB", 3, 1000],
] as const) {
  test(`placer plan --budget ${budget} moves no more, and shows what more would gain`, async (t) => {
    const { placer, read } = planFolder(t, shop, {});
    const { status, out, err } = await placer("plan", "problem.yaml", "--budget", budget, "--draw", "curve.svg", "-o", "plan.json");
    t.is(status, 0, err);
    const plan = planIn(read("plan.json"));
    t.deepEqual(plan.options.budget, { moves, bytes });
    t.true(plan.report.moves <= (moves ?? Number.POSITIVE_INFINITY), String(plan.report.moves));
    t.true(plan.report.moveBytes <= (bytes ?? Number.POSITIVE_INFINITY), String(plan.report.moveBytes));
    t.deepEqual(brokenOf(shop, plan), []);
    const curve = plan.curve!;
    t.true(curve.length > 0);
    for (const [at, point] of curve.entries())
      if (at > 0) t.true(point.objective <= curve[at - 1]!.objective + 1e-9, JSON.stringify(curve));
    t.regex(out, /\nMOVES, AT MOST +CARRYING +ON-NODE TRAFFIC +OBJECTIVE\n/);
    t.regex(out, /✓ budget/);
    t.regex(read("curve.svg"), /^<svg.*<\/svg>\n$/s);
  });
}

test("placer plan --sweep has a whole plan for each point of the front, and draws it", async (t) => {
  const { placer, read } = planFolder(t, shop, {});
  const { status, out, err } = await placer("plan", "problem.yaml", "--sweep", "--draw", "front.svg", "-o", "plan.json");
  t.is(status, 0, err);
  const { front } = planIn(read("plan.json"));
  t.true(front!.length > 1);
  for (const [at, one] of front!.entries()) {
    t.is(Object.keys(one.assignment).length, 6);
    for (const other of front!.slice(at + 1)) {
      const better = other.onNode >= one.onNode && other.imbalance <= one.imbalance;
      const worse = other.onNode <= one.onNode && other.imbalance >= one.imbalance;
      t.false(better || worse, `${one.weight} and ${other.weight}`);
    }
  }
  t.regex(out, /\nWEIGHT +ON-NODE TRAFFIC +IMBALANCE +OBJECTIVE\n/);
  t.is(out.match(/← this plan/g)?.length, 1);
  t.regex(read("front.svg"), /^<svg/);
});

test("placer plan gives the same plan for the same seed, with two threads too", async (t) => {
  const { placer } = planFolder(t, industrial({ services: 60, replicas: 200, nodes: 8, seed: 3 }), {});
  const plan = async (...more: string[]): Promise<Plan> =>
    planIn((await placer("plan", "problem.yaml", "--deadline", "60", "--json", "--workers", "2", ...more)).out);
  const [one, again] = [await plan("--seed", "5"), await plan("--seed", "5")];
  t.deepEqual([one.cut, again.cut], [false, false]);
  t.deepEqual(one.assignment, again.assignment);
  t.is(one.options.seed, 5);
});

test("placer plan with hardly any time gives a plan of a large problem that keeps every rule, and says that it was cut", async (t) => {
  const large = industrial({});
  const { placer, read } = planFolder(t, large, {});
  const { status, out, err } = await placer("plan", "problem.yaml", "--deadline", "0.2", "-o", "plan.json");
  t.is(status, 0, err);
  const plan = planIn(read("plan.json"));
  t.true(plan.cut);
  t.deepEqual(brokenOf(large, plan), []);
  t.is(out.match(/note: the deadline cut the search short/g)?.length, 1);
});

test("placer plan --max-utilisation leaves room on every node", async (t) => {
  const { placer } = planFolder(t, shop, {});
  const { out } = await placer("plan", "problem.yaml", "--max-utilisation", "0.9", "--json");
  const plan = planIn(out);
  t.deepEqual(brokenOf(shop, plan), []);
  for (const { node, utilisation } of plan.report.nodes) t.true(Math.max(...Object.values(utilisation)) <= 0.9, node);
  const tight = await placer("plan", "problem.yaml", "--max-utilisation", "0.5", "-o", "plan.json");
  t.is(tight.status, 1);
  t.regex(tight.err, /no placement keeps all of these: .*node n1: 2 cores/);
});

const measured = problem({
  nodes: [node("n1", { capacity: { cpu: 100 } })],
  services: [
    service("a", 1, { requests: { cpu: 10 }, demand: { cpu: { mean: 1, p50: 1, p95: 20, p99: 40 } } }),
    service("b", 1, { requests: { cpu: 10 }, demand: { cpu: { mean: 2, p50: 2, p95: 3, p99: 5 } } }),
  ],
  resources: [{ name: "cpu", unit: "cores" }],
});
for (const [reserve, used] of [
  ["requests", 0.2],
  ["mean", 0.03],
  ["p95", 0.23],
  ["p99", 0.45],
  ["larger", 0.3],
] as const) {
  test(`placer plan --reserve ${reserve} takes that of each replica`, async (t) => {
    const { placer } = planFolder(t, measured, {});
    const plan = planIn((await placer("plan", "problem.yaml", "--strategy", "round-robin", "--reserve", reserve, "--json")).out);
    t.is(plan.options.reserve, reserve);
    t.true(Math.abs(plan.report.nodes[0]!.utilisation.cpu! - used) < 1e-9, String(plan.report.nodes[0]!.utilisation.cpu));
  });
}

/** The small ones go apart, if nobody thinks of the large one that comes after them. */
const crowded = problem({
  nodes: [node("n1"), node("n2")],
  services: [service("small", 2), service("large", 1, { requests: { cpu: 4, memory: 1024 ** 3 } })],
});

for (const strategy of ["kubernetes", "round-robin"]) {
  test(`placer plan --strategy ${strategy} leaves out what it has no room for: exit status 1, and the reason in the plan`, async (t) => {
    const { placer, read } = planFolder(t, crowded, {});
    const { status, out } = await placer("plan", "problem.yaml", "--strategy", strategy, "-o", "plan.json");
    t.is(status, 1);
    const { assignment, notes } = planIn(read("plan.json"));
    t.false("large-0" in assignment);
    t.regex(out, /✗ placed +1 broken\n {4}.*large-0/);
    t.regex(notes.join("\n"), /1 of 3 replicas are not placed/);
    t.is((await placer("plan", "problem.yaml", "--json")).status, 0, "mitsu has room for it");
  });
}

test("placer plan names the rules that clash, with exit status 1, and writes no plan", async (t) => {
  const clash = problem({
    nodes: [node("n1"), node("n2")],
    services: [service("a", 3, { antiAffinity: [{ service: "a", within: "node", weight: null }] })],
  });
  const { placer, folder } = planFolder(t, clash, {});
  const { status, out, err } = await placer("plan", "problem.yaml", "-o", "plan.json");
  t.deepEqual([status, out], [1, ""]);
  t.regex(err, /\ba\b/);
  t.false(existsSync(`${folder}/plan.json`));
  const asJson = await placer("plan", "problem.yaml", "-o", "plan.json", "--json");
  t.is(JSON.parse(asJson.err).error.code, "ERR_PLACER_INFEASIBLE");
});

for (const [flags, says] of [
  ["--max-utilisation 1.5", /--max-utilisation 1\.5: above 0, at most 1/],
  ["--max-utilisation 0", /--max-utilisation 0/],
  ["--weight -1", /--weight -1: 0 to 1/],
  ["--weight 0.3 --strategy traffic", /--weight: traffic has none; mitsu and exact have/],
  ["--deadline 0", /--deadline 0: above 0 s/],
  ["--deadline 1e9", /--deadline 1000000000: above 0 s, at most a day/],
  ["--workers 0", /--workers 0: 1 to 256/],
  ["--workers 1.5", /--workers 1\.5/],
  ["--budget five", /--budget five: "five" is neither moves=N nor bytes=B/],
  ["--budget moves=-1", /--budget moves=-1/],
  ["--budget moves=1 --strategy netmarks", /--budget: netmarks knows none/],
  ["--sweep --budget moves=1", /--sweep and --budget: one at a time/],
  ["--sweep --strategy exact", /--sweep: only mitsu has a front/],
  ["--draw x.svg", /--draw: draws what --sweep or --budget finds/],
  ["--sweep --draw x.png", /--draw x\.png: a name that ends in \.svg/],
  ["--reserve p42", /--reserve cannot be 'p42'/],
  ["--balanced-allocation 1.0", /--balanced-allocation cannot be '1\.0'/],
] as const) {
  test(`placer plan ${flags} is refused with status 2 before anything is read`, async (t) => {
    const { placer } = planFolder(t, shop, {});
    const { status, out, err } = await placer("plan", "missing.yaml", ...flags.split(" "));
    t.deepEqual([status, out], [2, ""]);
    t.regex(err, says);
  });
}

test("placer plan paints on a terminal only, without NO_COLOR, and keeps to 80 columns; progress is on a terminal's stderr only", async (t) => {
  const { folder, terminal } = planFolder(t, shop, {});
  const env = testEnv({ cwd: folder, isTTY: true, columns: 80, now: Date.now });
  t.is(await run(placer, ["plan", "problem.yaml", "-o", "plan.json"], env), 0);
  t.true(env.out().includes("\x1b[32m✓\x1b[0m"));
  t.regex(env.err(), /search: round 1/);
  const plain = await terminal(80, "plan", "problem.yaml", "-o", "plan.json");
  t.false(plain.out.includes("\x1b"));
  for (const line of plain.out.split("\n")) t.true(line.length <= 80, line);
});

test("placer plan in a terminal ends at once on Ctrl-C, with status 130, and leaves no file", async (t) => {
  const { folder } = planFolder(t, industrial({}), {});
  // A terminal of its own, so that Ctrl-C is what it is to a person; -e hands on how the command ended.
  const child = spawn("script", ["-qefc", `'${bin}' plan problem.yaml --deadline 300 -o plan.json`, "/dev/null"], { cwd: folder });
  t.teardown(() => child.kill("SIGKILL"));
  const ended = once(child, "exit");
  let said = "";
  let askedAtMs = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk;
    if (askedAtMs > 0 || !/search: /.test(said)) return;
    askedAtMs = Date.now();
    child.stdin.write("\x03");
  });
  t.deepEqual(await ended, [130, null], said);
  t.true(askedAtMs > 0 && Date.now() - askedAtMs < 2000, said);
  t.deepEqual(readdirSync(folder), ["problem.yaml"]);
});
