/** Order and loss under stress: connections of random shape, coupled and uncoupled in mid-life, with every byte's place checked. @module */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { exitStatus, NotSupportedError } from "@mitsu/cli/error";
import test from "ava";
import { kernelTest } from "../../../ebpf-ts/test/kernel-test.ts";

const sockhijack = new URL("../../../../bin/sockhijack", import.meta.url).pathname;
const source = new URL("stress/order-stress.c", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "mitsu-stress-"));
const program = join(directory, "order-stress");
const socket = join(directory, "sockhijack.sock");
const run = promisify(execFile);

/** What order-stress prints. */
interface Report {
  readonly connections: number;
  readonly messages: number;
  readonly wrong: number;
  readonly first: string;
}

test.before(() => {
  const compiled = spawnSync("clang", ["-O2", "-Wall", "-Werror", "-o", program, source], { encoding: "utf8" });
  if (compiled.status !== 0) throw new Error(`cannot compile ${source}: ${compiled.stderr || compiled.error}`);
});

test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** Runs to the end, whatever the exit status. */
async function finish(command: string, args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  try {
    return { status: 0, ...(await run(command, args)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

for (const [fault, what] of [
  ["1", "lost bytes"],
  ["2", "bytes of another connection"],
] as const) {
  test.serial(`order-stress finds ${what}`, async (t) => {
    const { status, stdout } = await finish(program, ["--connections", "200", "--seed", "3", "--fault", fault]);
    const report = JSON.parse(stdout) as Report;
    t.is(status, 1);
    t.regex(report.first, /connection 7, up, wrong byte at 8 /);
  });
}

test.serial("order-stress finds nothing wrong in plain TCP", async (t) => {
  const report = JSON.parse((await finish(program, ["--connections", "5000", "--seed", "1"])).stdout) as Report;
  t.like(report, { connections: 5000, wrong: 0, first: "" });
});

const [connections, limitMs] = process.env.MITSU_TEST_ALL === "1" ? [1_000_000, 3_600_000] : [20_000, 60_000];

kernelTest(
  `${connections} connections under sockhijack: no byte reordered, lost, doubled or crossed, and long ones were redirected`,
  async (t) => {
    t.timeout(limitMs);
    const args = ["run", "--socket", socket, "--service", "stress", "--", program, "--connections", String(connections), "--seed", "2026"];
    const ending = finish(sockhijack, args);
    let ended = false;
    ending.then(() => {
      ended = true;
    });
    let redirected = 0;
    while (!ended && redirected === 0) redirected = await redirectedNow();
    const { status, stdout, stderr } = await ending;
    if (status === exitStatus.unsupported) throw new NotSupportedError(stderr.trim(), "run it on a kernel that sockhijack supports");
    t.regex(stdout, /^\{/, stderr);
    t.like(JSON.parse(stdout) as Report, { connections, wrong: 0, first: "" });
    t.is(status, 0);
    t.true(redirected > 0, "no flow was ever seen redirected");
  },
);

/** How many flows are redirected at this moment; 0 while the daemon comes up or ends. */
async function redirectedNow(): Promise<number> {
  const { status, stdout } = await finish(sockhijack, ["flows", "--json", "--socket", socket]);
  if (status !== 0) return 0;
  return (JSON.parse(stdout) as { flows: { state: string }[] }).flows.filter((flow) => flow.state === "redirected").length;
}
