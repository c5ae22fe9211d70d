import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import test, { type ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";
import { buildProblem } from "../../src/problem/build-problem.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";

const path = process.env.PATH ?? "/usr/bin:/bin";

const shop = buildProblem({
  name: "shop",
  nodes: [
    {
      name: "n1",
      capacity: { cpu: 4, memory: 8e9 },
      numa: [
        { cpus: "0-1", memory: 4e9 },
        { cpus: "2-3", memory: 4e9 },
      ],
    },
    { name: "n2", capacity: { cpu: 4, memory: 8e9 } },
  ],
  services: [
    { name: "web", replicas: 2, application: "front-end", requests: { cpu: 1, memory: 1e9 } },
    { name: "db", application: "", requests: { cpu: 1, memory: 2e9 } },
  ],
  assignment: { "web-0": "n1", "web-1": "n2", "db-0": "n1" },
});

/** A folder with a problem, a plan and units that run in it. */
function scene(
  t: ExecutionContext,
  problem: Problem = shop,
  assignment: Record<string, string> = { "web-0": "n1", "web-1": "n1", "db-0": "n2" },
) {
  const root = mkdtempSync(join(tmpdir(), "placer-apply-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, "problem.json"), writeProblem(problem, "json"));
  const writePlan = (where: Record<string, string>) =>
    writeFileSync(join(root, "plan.json"), JSON.stringify({ version: 1, assignment: where }));
  writePlan(assignment);
  const units = join(root, "units");
  mkdirSync(units);
  for (const unit of ["web@", "db-0"])
    writeFileSync(join(units, `${unit}.service`), "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/sleep 1\n");
  const placerRun = async (args: readonly string[], vars: Record<string, string> = { PATH: path }) => {
    const env = testEnv({ cwd: root, vars, now: () => Date.parse("2026-01-02T03:04:05Z") });
    const status = await run(placer, args, env);
    return { status, out: env.out(), err: env.err() };
  };
  const apply = (...args: readonly string[]) => placerRun(["apply", "plan.json", "--problem", "problem.json", "--state", "state", ...args]);
  const systemd = ["--to", "systemd", "--node", "n1", "--directory", "units", "--unit", "{service}@{index}.service"];
  return { root, units, apply, systemd, placerRun, writePlan };
}

test("apply --to systemd writes a slice for each application and a drop-in for each replica, which systemd accepts", async (t) => {
  const { units, apply, systemd } = scene(t);
  const { status, out, err } = await apply(...systemd, "--cpuset");
  t.is(status, 0, err);
  const [owner, ...rest] = readFileSync(join(units, "web@0.service.d/50-mitsu-placer.conf"), "utf8").trimEnd().split("\n");
  t.regex(owner!, /^# Made by placer for the problem "shop"/);
  t.deepEqual(rest, [
    "[Service]",
    "Slice=mitsu-front\\x2dend.slice",
    "CPUWeight=500",
    "MemoryHigh=1000000000",
    "NUMAPolicy=preferred",
    "NUMAMask=0",
  ]);
  t.true(existsSync(join(units, "web@1.service.d")));
  t.regex(readFileSync(join(units, "mitsu-front\\x2dend.slice"), "utf8"), /CPUWeight=1000\nMemoryHigh=2000000000\nAllowedCPUs=0-1\n$/);
  t.false(existsSync(join(units, "db@0.service.d")));
  t.regex(out, /2 moves, 0 starts, 0 hops, 0 pauses, in 1 wave/);
  t.regex(out, /systemctl start web@1\.service # web-1 comes from n2/);
  t.regex(out, /systemctl stop db@0\.service # db-0 goes to n2/);
  t.regex(out, /only after a restart: web@0\.service/);
});

test("apply --dry-run prints each file and the moves, and writes nothing", async (t) => {
  const { root, units, apply, systemd } = scene(t);
  const before = readdirSync(root);
  const { status, out } = await apply(...systemd, "--dry-run");
  t.is(status, 0);
  t.regex(out, /^new +.*web@0\.service\.d\/50-mitsu-placer\.conf$/m);
  t.regex(out, /^ {2}\+CPUWeight=500$/m);
  t.regex(out, /would write: 3 new, 0 changed, 0 removed, 0 unchanged/);
  t.deepEqual(readdirSync(root), before);
  t.deepEqual(readdirSync(units).sort(), ["db-0.service", "web@.service"]);
});

test("apply removes the drop-in of a replica that left, leaves other problems' files alone, and rollback brings all back", async (t) => {
  const { units, apply, systemd, placerRun, writePlan } = scene(t);
  writeFileSync(join(units, "mitsu-other.slice"), '# Made by placer for the problem "other": x\n[Slice]\n');
  await apply(...systemd);
  writePlan({ "web-0": "n1", "web-1": "n2", "db-0": "n1" });
  const { out } = await apply(...systemd);
  t.regex(out, /^removed +.*web@1\.service\.d/m);
  t.false(existsSync(join(units, "web@1.service.d")));
  t.true(existsSync(join(units, "mitsu-shop.slice")));
  t.true(existsSync(join(units, "mitsu-other.slice")));
  const again = await apply(...systemd);
  t.regex(again.out, /wrote: 0 new, 0 changed, 0 removed, 4 unchanged/);
  t.is((await placerRun(["rollback", "--state", "state"])).status, 0);
  t.true(existsSync(join(units, "web@1.service.d/50-mitsu-placer.conf")));
  t.false(existsSync(join(units, "mitsu-shop.slice")));
  t.is((await placerRun(["rollback", "--state", "state"])).status, 0);
  t.deepEqual(readdirSync(units).sort(), ["db-0.service", "mitsu-other.slice", "web@.service"]);
  const none = await placerRun(["rollback", "--state", "state"]);
  t.deepEqual([none.status, none.out], [1, "nothing to undo\n"]);
});

test("apply without systemd-analyze is an error that says what to install; --dry-run says that nothing was verified", async (t) => {
  const { apply, systemd, placerRun, units } = scene(t);
  const args = ["apply", "plan.json", "--problem", "problem.json", "--state", "state", ...systemd];
  const { status, err } = await placerRun(args, { PATH: "/nonexistent" });
  t.is(status, 95);
  t.regex(err, /there is no systemd-analyze\n.*\n? *hint: apt-get install systemd|hint: apt-get install systemd/);
  t.deepEqual(readdirSync(units).sort(), ["db-0.service", "web@.service"]);
  const dry = await placerRun([...args, "--dry-run"], { PATH: "/nonexistent" });
  t.is(dry.status, 0);
  t.regex(dry.out, /not verified/);
  t.is((await apply(...systemd)).status, 0);
});

test("apply names the nodes when it does not know which one this is, and what was meant", async (t) => {
  const { apply } = scene(t);
  const unknown = await apply("--to", "systemd");
  t.is(unknown.status, 2);
  t.regex(unknown.err, /is no node of the problem.*\n.*--node: n1, n2/);
  t.regex((await apply("--to", "systemd", "--node", "nn1")).err, /did you mean n1\?/);
});

test("apply refuses a pattern that gives two replicas one unit", async (t) => {
  const { apply } = scene(t);
  const { status, err } = await apply("--to", "systemd", "--node", "n1", "--unit", "{service}.service");
  t.is(status, 2);
  t.regex(err, /web-0 and web-1 would both be web\.service/);
});

test("apply tells units that do not exist on the node", async (t) => {
  const { apply } = scene(t);
  const { out } = await apply("--to", "systemd", "--node", "n1", "--directory", "units");
  t.regex(out, /web-0\.service does not exist on this node yet/);
});

test("apply --json has the files, the steps and the script", async (t) => {
  const { apply, systemd } = scene(t);
  const value = JSON.parse((await apply(...systemd, "--json")).out);
  t.is(value.files.length, 3);
  t.is(value.files[0].change, "new");
  t.is(value.order.waves[0].length, 2);
  t.regex(value.script, /^#!\/bin\/sh\n/);
  t.regex(value.journal, /state\/applied\/2026-01-02T03-04-05\.000Z$/);
});

for (const [to, file] of [
  ["compose", "n1/compose.placer.yaml"],
  ["nomad", "front-end.nomad.json"],
  ["k8s", "kustomization.yaml"],
] as const) {
  test(`apply --to ${to} writes below --directory, and rollback removes it all`, async (t) => {
    const { root, apply, placerRun } = scene(t);
    const { status, err } = await apply("--to", to, "--directory", "out");
    t.is(status, 0, err);
    t.true(existsSync(join(root, "out", file)));
    t.is((await placerRun(["rollback", "--state", "state"])).status, 0);
    t.false(existsSync(join(root, "out")));
  });
}

test("apply counts replicas that the plan leaves alone, so that nothing scales them down", async (t) => {
  const { root, apply } = scene(t, shop, { "web-1": "n1", "db-0": "n2" });
  const { out } = await apply("--to", "compose", "--directory", "out");
  t.regex(readFileSync(join(root, "out/n1/compose.placer.yaml"), "utf8"), /web:\n {4}deploy:\n {6}replicas: 2/);
  t.regex(out, /1 running replica without a place in the plan: left alone/);
});

test("apply refuses a plan that overfills a node, with exit status 1 and nothing written", async (t) => {
  const full: Problem = { ...shop, nodes: shop.nodes.map((node) => ({ ...node, capacity: { cpu: 2.5, memory: 8e9 } })) };
  const { root, apply } = scene(t, full, { "web-0": "n1", "web-1": "n1", "db-0": "n1" });
  const { status, err } = await apply("--to", "compose", "--directory", "out");
  t.is(status, 1);
  t.regex(err, /the plan puts 120 % of its cpu on node n1/);
  t.false(existsSync(join(root, "out")));
});

test("apply undoes one that was cut short before it looks at what is there", async (t) => {
  const { root, units, apply, systemd, placerRun, writePlan } = scene(t);
  await apply(...systemd);
  writePlan({ "web-0": "n2", "web-1": "n2", "db-0": "n1" });
  await apply(...systemd);
  // As if it had been killed after its last rename.
  const [, last] = readdirSync(join(root, "state/applied")).sort();
  rmSync(join(root, "state/applied", last!, "done"));
  const dry = await apply(...systemd, "--dry-run");
  t.regex(dry.out, /the last apply was cut short/);
  writePlan({ "web-0": "n1", "web-1": "n2", "db-0": "n1" });
  const { status, err } = await apply(...systemd);
  t.is(status, 0, err);
  t.regex(err, /undoing an apply that was cut short/);
  t.true(existsSync(join(units, "web@0.service.d")));
  t.false(existsSync(join(units, "web@1.service.d")));
  for (const _ of [1, 2]) t.is((await placerRun(["rollback", "--state", "state"])).status, 0);
  t.deepEqual(readdirSync(units).sort(), ["db-0.service", "web@.service"]);
});
