/** The standalone binary does what the sources do, without Node, npm or a compiler: with HiGHS, with threads, and as a daemon that plans. @module */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { connect, placer } from "@mitsu/ipc";
import test from "ava";
import { emptyRoot, leastEnv } from "../../../scripts/test/empty-root.ts";
import { until } from "../../sockhijack/test/kernel/support/until.ts";
import type { Plan } from "../src/plan/plan.ts";
import { bin, twoServices } from "./watch/support/daemon.ts";
import { FakeSockhijack, folderOf } from "./watch/support/fake-sockhijack.ts";

const root = resolve(import.meta.dirname, "../../..");
const binary = join(root, "dist/bin/placer");

test.serial.before("./build makes dist/bin/placer", (t) => {
  t.timeout(120_000, "copying Node and injecting the bundle takes some 10 s on an idle machine");
  const run = spawnSync(join(root, "build"), ["placer"], { encoding: "utf8" });
  t.is(run.status, 0, `${run.stdout}${run.stderr}`);
});

test.serial("the binary prints its version and its help, and refuses a bad problem, in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  for (const [argument, output] of [
    ["--version", /^placer \d+\.\d+\.\d+\n$/],
    ["--help", /placer plan problem\.yaml -o plan\.json/],
  ] as const) {
    const run = empty.run(argument);
    t.deepEqual([run.status, run.stderr], [0, ""], argument);
    t.regex(run.stdout, output);
  }
  writeFileSync(join(empty.folder, "bad.yaml"), twoServices.replace("cpu: 1", "cpu: -1"));
  const refused = empty.run("check", "/bad.yaml");
  t.is(refused.status, 2);
  t.regex(refused.stderr, /bad\.yaml:3:/);
});

test.serial("the binary plans in an empty root directory: by itself, and with HiGHS, which has a thread", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  writeFileSync(join(empty.folder, "p.yaml"), `${twoServices}traffic: [{ from: client, to: web, messages: 900/s, bytes: 1MB/s }]\n`);
  for (const how of [
    ["--strategy", "mitsu"],
    ["--strategy", "exact", "--deadline", "20"],
  ]) {
    const run = empty.run("plan", "/p.yaml", "-o", "/plan.json", ...how);
    t.is(run.status, 0, `${how.join(" ")}: ${run.stderr}`);
    const plan = JSON.parse(readFileSync(join(empty.folder, "plan.json"), "utf8")) as Plan;
    t.is(plan.assignment["client-0"], plan.assignment["web-0"], how.join(" "));
    if (how.includes("exact")) t.is(plan.report.proof, "optimal");
  }
  const drawn = empty.run("draw", "/plan.json", "-o", "/plan.svg");
  t.is(drawn.status, 0, drawn.stderr);
  t.regex(readFileSync(join(empty.folder, "plan.svg"), "utf8"), /^<svg|<\?xml/);
});

test.serial("the binary plans a larger problem with two threads in an empty root directory, as the sources do", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  const problem = join(empty.folder, "p.json");
  const made = empty.run("generate", "industrial", "--services", "60", "--replicas", "300", "--nodes", "12", "-o", "/p.json");
  t.is(made.status, 0, made.stderr);
  const args = ["--workers", "2", "--deadline", "60", "-o"];
  const run = empty.run("plan", "/p.json", ...args, "/plan.json");
  t.is(run.status, 0, run.stderr);
  const bySources = spawnSync(bin, ["plan", problem, ...args, join(empty.folder, "other.json")], { encoding: "utf8" });
  t.is(bySources.status, 0, bySources.stderr);
  const assignment = (name: string): Plan["assignment"] => (JSON.parse(readFileSync(join(empty.folder, name), "utf8")) as Plan).assignment;
  t.deepEqual(assignment("plan.json"), assignment("other.json"));
});

test.serial("the binary runs a daemon that proposes a plan, and leaves nothing in the folder for temporary files", async (t) => {
  const folder = folderOf(t);
  const sockhijack = new FakeSockhijack(t, join(folder, "s.sock"));
  await sockhijack.start();
  const timer = setInterval(() => sockhijack.count("client", "web", 20), 20);
  t.teardown(() => clearInterval(timer));
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  writeFileSync(join(folder, "p.yaml"), twoServices);
  const socket = join(folder, "p.sock");
  const files = [
    "--problem",
    join(folder, "p.yaml"),
    "--socket",
    socket,
    "--state",
    join(folder, "state"),
    "--sockhijack-socket",
    sockhijack.socket,
  ];
  const fast = ["--interval", "0.05", "--half-life", "1", "--hold", "0.2"];
  const daemon = spawn(binary, ["daemon", ...files, ...fast], {
    env: { ...leastEnv, TMPDIR: temporary },
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.teardown(() => daemon.kill("SIGKILL"));
  await until(
    "a proposal",
    async () => {
      using client = await connect(socket, placer);
      return (await client.call("proposal", {})).plan !== null;
    },
    { timeoutMs: 30_000 },
  );
  const ended = once(daemon, "exit");
  daemon.kill("SIGTERM");
  t.deepEqual(await ended, [0, null]);
  t.deepEqual(spawnSync("ls", ["-A", temporary], { encoding: "utf8" }).stdout, "");
});
