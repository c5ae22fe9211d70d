import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { run, testEnv } from "@mitsu/cli";
import { NotSupportedError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";
import { buildProblem } from "../../src/problem/build-problem.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";

/** Burns CPU once told: for so many milliseconds of its own CPU time, or without end. */
const burner = `
process.stdout.write("ready\\n");
process.stdin.once("data", (line) => {
  const most = Number(line) * 1000;
  const spent = () => { const { user, system } = process.cpuUsage(); return user + system; };
  const from = spent();
  while (most === 0 || spent() - from < most);
  process.exit(0);
});`;

/** What apply writes for two applications of one node, three cores' weight to one: values of their slices. */
async function slices(t: ExecutionContext): Promise<Record<"front" | "back", Record<string, string>>> {
  const root = mkdtempSync(join(tmpdir(), "placer-kernel-"));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const measured = { mean: 0, p50: 0, p95: 0, p99: 32e6 };
  const problem = buildProblem({
    name: "shop",
    nodes: [{ name: "n1", capacity: { cpu: 2, memory: 1e9 } }],
    services: [
      { name: "web", application: "front", requests: { cpu: 1.2, memory: 1e6 } },
      { name: "cart", application: "back", requests: { cpu: 0.4, memory: 1e6 }, demand: { memory: measured } },
    ],
  });
  writeFileSync(join(root, "problem.json"), writeProblem(problem, "json"));
  writeFileSync(join(root, "plan.json"), JSON.stringify({ version: 1, assignment: { "web-0": "n1", "cart-0": "n1" } }));
  const env = testEnv({ cwd: root, vars: { PATH: process.env.PATH ?? "" } });
  const args = ["--problem", "problem.json", "--to", "systemd", "--node", "n1", "--cpuset", "--directory", "units", "--state", "state"];
  t.is(await run(placer, ["apply", "plan.json", ...args], env), 0, env.err());
  const values = (name: string) =>
    Object.fromEntries(
      readFileSync(join(root, "units", `mitsu-${name}.slice`), "utf8")
        .split("\n")
        .flatMap((line) => (/^\w+=/.test(line) ? [line.split("=", 2) as [string, string]] : [])),
    );
  return { front: values("front"), back: values("back") };
}

/** A cgroup of the test's own. @throws {NotSupportedError} where there is no such controller, or no rights. */
function cgroup(t: ExecutionContext, controller: "cpu" | "cpuacct" | "cpuset" | "memory", name = ""): string {
  const root = join("/sys/fs/cgroup", controller);
  if (!existsSync(join(root, "cgroup.procs")))
    throw new NotSupportedError(`no cgroup v1 controller ${controller} here`, "it is read from v1's files");
  const path = join(root, `mitsu-placer-test-${process.pid}`, name);
  try {
    mkdirSync(path);
  } catch (error) {
    if (["EACCES", "EPERM", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw new NotSupportedError(`cannot make ${path}`, "run as root", error);
    throw error;
  }
  t.teardown(() => rmdirSync(path));
  return path;
}

/** Runs a program inside cgroups; it has ended when the test has. */
function inside(t: ExecutionContext, cgroups: readonly string[], command: readonly string[]): ChildProcessWithoutNullStreams {
  const enter = cgroups.map((path) => `echo $$ > '${path}/cgroup.procs'`).join(" && ");
  const child = spawn("sh", ["-c", `${enter} && exec "$@"`, "sh", ...command]);
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  return child;
}

/** Skips where the machine lacks something, and only there. */
async function needs(t: ExecutionContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NotSupportedError) || process.env.MITSU_REQUIRE_KERNEL === "1") throw error;
    t.log(`skipped: ${error.message}`);
    t.pass();
  }
}

test.serial("CPUWeight, as apply writes it, divides a busy core between two applications", (t) =>
  needs(t, async () => {
    const { front, back } = await slices(t);
    t.is(front.CPUWeight, "750");
    t.is(back.CPUWeight, "250");
    const parents = { cpu: cgroup(t, "cpu"), cpuset: cgroup(t, "cpuset"), cpuacct: cgroup(t, "cpuacct") };
    // One core for both, or there is nothing to divide.
    writeFileSync(join(parents.cpuset, "cpuset.cpus"), "0");
    writeFileSync(join(parents.cpuset, "cpuset.mems"), "0");
    const start = async (name: string, weight: string) => {
      const cpu = cgroup(t, "cpu", name);
      const cpuacct = cgroup(t, "cpuacct", name);
      // As systemd does on v1: a weight of 100 is 1024 shares. [systemd, src/core/cgroup.c, cgroup_cpu_weight_to_shares]
      writeFileSync(join(cpu, "cpu.shares"), String(Math.round((Number(weight) * 1024) / 100)));
      const child = inside(t, [cpu, cpuacct, parents.cpuset], [process.execPath, "-e", burner]);
      await once(createInterface(child.stdout), "line");
      return { child, used: () => Number(readFileSync(join(cpuacct, "cpuacct.usage"), "utf8")) / 1e6 };
    };
    const light = await start("back", back.CPUWeight!);
    const heavy = await start("front", front.CPUWeight!);
    const before = { light: light.used(), heavy: heavy.used() };
    light.child.stdin.write("0\n");
    heavy.child.stdin.write("900\n");
    await once(heavy.child, "exit");
    const used = { light: light.used() - before.light, heavy: heavy.used() - before.heavy };
    t.log(
      `front ${Math.round(used.heavy)} ms, back ${Math.round(used.light)} ms of one core: ${(used.heavy / used.light).toFixed(2)} to 1, 3 written`,
    );
    t.true(used.heavy / used.light > 2 && used.heavy / used.light < 4.5);
    light.child.kill("SIGKILL");
    await once(light.child, "exit");
  }),
);

test.serial("AllowedCPUs, as apply --cpuset writes it, keeps an application on its cores", (t) =>
  needs(t, async () => {
    const { front, back } = await slices(t);
    t.deepEqual([front.AllowedCPUs, back.AllowedCPUs], ["0-1", "1"]);
    const parent = cgroup(t, "cpuset");
    writeFileSync(join(parent, "cpuset.cpus"), "0-1");
    writeFileSync(join(parent, "cpuset.mems"), "0");
    for (const [name, cpus] of [
      ["front", front.AllowedCPUs!],
      ["back", back.AllowedCPUs!],
    ] as const) {
      const own = cgroup(t, "cpuset", name);
      writeFileSync(join(own, "cpuset.cpus"), cpus);
      writeFileSync(join(own, "cpuset.mems"), "0");
      const child = inside(t, [own], ["grep", "Cpus_allowed_list", "/proc/self/status"]);
      const [line] = (await once(createInterface(child.stdout), "line")) as [string];
      if (child.exitCode === null) await once(child, "exit");
      t.is(line.split("\t")[1], cpus);
    }
  }),
);

test.serial("MemoryMax, as apply writes it from what was measured, ends what takes more", (t) =>
  needs(t, async () => {
    const { front, back } = await slices(t);
    t.is(front.MemoryMax, undefined);
    t.is(back.MemoryMax, String(Math.ceil(Math.ceil(32e6 * 1.1) * 1.25)));
    const own = cgroup(t, "memory");
    writeFileSync(join(own, "memory.limit_in_bytes"), back.MemoryMax!);
    const child = inside(t, [own], ["sh", "-c", "head -c 200000000 /dev/zero | tail | wc -c"]);
    let out = "";
    child.stdout.on("data", (data) => {
      out += data;
    });
    await once(child, "close");
    t.is(out.trim(), "0");
    t.regex(readFileSync(join(own, "memory.oom_control"), "utf8"), /oom_kill [1-9]/);
  }),
);
