/** The standalone binary does what the sources do, without Node, npm or a compiler: with HiGHS, with threads, and as a daemon that plans. @module */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connect, placer } from "@mitsu/ipc";
import test from "ava";
import { bundle } from "../../../scripts/bundle.ts";
import { emptyRoot, leastEnv } from "../../../scripts/test/empty-root.ts";
import { until } from "../../sockhijack/test/kernel/support/until.ts";
import type { Plan } from "../src/plan/plan.ts";
import { twoServices } from "./watch/support/daemon.ts";
import { FakeSockhijack, folderOf } from "./watch/support/fake-sockhijack.ts";

const root = resolve(import.meta.dirname, "../../..");
const binary = join(root, "dist/bin/placer");

test.serial.before("./build makes dist/bin/placer", (t) => {
  t.timeout(120_000, "copying Node and injecting the bundle takes some 10 s on an idle machine");
  const run = spawnSync(join(root, "build"), ["placer"], { encoding: "utf8" });
  t.is(run.status, 0, `${run.stdout}${run.stderr}`);
});

test.serial("bundle() puts the script of a thread, with what it imports, into the text", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "placer-bundle-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const source = join(folder, "packages/demo/src");
  mkdirSync(source, { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(source, name), text);
  write("main.ts", 'import { answer } from "./answer.ts";\nif (import.meta.main) process.exitCode = await answer();\n');
  write(
    "answer.ts",
    `import { Worker } from "node:worker_threads";
export async function answer(): Promise<number> {
  const worker = new Worker(new URL("./thread.ts", import.meta.url), { workerData: 20 });
  return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
}
`,
  );
  write(
    "thread.ts",
    'import { parentPort, workerData } from "node:worker_threads";\nimport { more } from "./more.ts";\nparentPort!.postMessage(more(workerData as number));\n',
  );
  write("more.ts", "export const more = (value: number): number => value + 22;\n");
  const text = await bundle(join(source, "main.ts"));
  write("main.cjs", text);
  rmSync(join(source, "thread.ts"));
  rmSync(join(source, "more.ts"));
  const run = spawnSync(process.execPath, [join(source, "main.cjs")], { encoding: "utf8" });
  t.is(run.status, 42, run.stderr);
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

test.serial("the binary plans in an empty root directory: by itself, with two threads, and with HiGHS", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  writeFileSync(join(empty.folder, "p.yaml"), `${twoServices}traffic: [{ from: client, to: web, messages: 900/s, bytes: 1MB/s }]\n`);
  for (const how of [
    ["--workers", "1"],
    ["--workers", "2"],
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
