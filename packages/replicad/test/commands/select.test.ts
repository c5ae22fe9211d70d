/** `replicad select`, against a control socket with made-up answers; commands are run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import type { Handlers, ReplicadProtocol, SelectAnswer } from "@mitsu/ipc";
import test, { type ExecutionContext } from "ava";
import { replicad } from "../../src/cli.ts";
import { cli, daemon, folderOf } from "./canned-answers.ts";

const answer: SelectAnswer = { ticket: 42, address: "10.0.0.7", port: 8080, node: "n2", here: false };
type Told = Parameters<Handlers<ReplicadProtocol>["answered"]>[0];

/** One that selects, and keeps what it is told. */
async function selecting(t: ExecutionContext, select = answer) {
  const told: Told[] = [];
  const asked: unknown[] = [];
  const socket = await daemon(t, {
    select: (request) => {
      asked.push(request);
      return select;
    },
    answered: (one) => {
      told.push(one);
      return {};
    },
  });
  return { socket, told, asked };
}

/** Resolves when the file is there. */
function appearance(path: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(dirname(path), () => {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    });
  });
}

test("select prints address:port, brackets around IPv6, and JSON with the ticket", async (t) => {
  const { socket, asked, told } = await selecting(t);
  t.deepEqual(await cli(["select", "cart", "--key", "user-17", "--port", "80", "--socket", socket]), {
    status: 0,
    out: "10.0.0.7:8080\n",
    err: "",
  });
  t.deepEqual(asked, [{ service: "cart", port: 80, stickyKey: "user-17" }]);
  t.deepEqual(JSON.parse((await cli(["select", "cart", "--json", "--socket", socket])).out), answer);
  t.deepEqual(told, []);
  const six = await selecting(t, { ...answer, address: "fd00::7" });
  t.is((await cli(["select", "cart", "--socket", six.socket])).out, "[fd00::7]:8080\n");
});

for (const [status, outcome] of [
  [0, "ok"],
  [7, "refused"],
  [22, "failed"],
] as const) {
  test(`select runs a command with the replica in its environment, ends with its status ${status}, and tells ${outcome} with the time`, async (t) => {
    const { socket, told } = await selecting(t);
    const file = join(folderOf(t), "env");
    const script = `echo "$MITSU_REPLICA $MITSU_REPLICA_ADDRESS $MITSU_REPLICA_PORT $1 $OWN" > ${file}; exit ${status}`;
    let nowNs = 0n;
    const vars = { PATH: process.env.PATH!, OWN: "own" };
    const run = await cli(["select", "cart", "--socket", socket, "--", "sh", "-c", script, "sh", "--json"], {
      vars,
      nowNs: () => (nowNs += 12_500_000n),
    });
    t.deepEqual(run, { status, out: "", err: "" });
    t.is(readFileSync(file, "utf8"), "10.0.0.7:8080 10.0.0.7 8080 --json own\n");
    t.deepEqual(told, [{ ticket: 42, latencyMs: 12.5, outcome }]);
  });
}

test("select ends as a shell would when a signal ended the command: 128 and its number, told as failed", async (t) => {
  const { socket, told } = await selecting(t);
  const { status } = await cli(["select", "cart", "--socket", socket, "--", "/bin/sh", "-c", "kill -SEGV $$"]);
  t.is(status, 128 + 11);
  t.like(told, [{ outcome: "failed" }]);
});

test("select says that there is no such command (127) or that it may not be run (126), and tells nothing of the replica", async (t) => {
  const { socket, told } = await selecting(t);
  const missing = await cli(["select", "cart", "--socket", socket, "--", "no-such-command"]);
  t.is(missing.status, 127);
  t.regex(missing.err, /no-such-command: command not found\n {2}hint: check the name/);
  const denied = await cli(["select", "cart", "--socket", socket, "--", "/etc/passwd"]);
  t.is(denied.status, 126);
  t.regex(denied.err, /permission denied/);
  t.like(told, [{ outcome: "cancelled" }]);
});

test("select keeps the command's status and warns when the daemon cannot be told", async (t) => {
  const socket = await daemon(t, { select: () => answer });
  const { status, err } = await cli(["select", "cart", "--socket", socket, "--", "/bin/sh", "-c", "exit 3"]);
  t.is(status, 3);
  t.regex(err, /WARN .*the daemon was not told how it went outcome=failed error="not asked for in this test"/);
});

test("select passes SIGTERM on to the command and ends with its status, telling that the request was cancelled", async (t) => {
  const { socket, told } = await selecting(t);
  const folder = folderOf(t);
  const [ready, got] = [join(folder, "ready"), join(folder, "got")];
  const script = `trap 'echo TERM > ${got}; exit 9' TERM; echo > ${ready}; n=0; while [ $n -lt 200 ]; do n=$((n + 1)); sleep 0.05; done`;
  const appeared = appearance(ready);
  const bin = new URL("../../../../bin/replicad", import.meta.url).pathname;
  const child = spawn(bin, ["select", "cart", "--socket", socket, "--", "sh", "-c", script], { stdio: "ignore" });
  t.teardown(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  await appeared;
  child.kill("SIGTERM");
  t.deepEqual(await exited, [9, null]);
  t.is(readFileSync(got, "utf8"), "TERM\n");
  t.like(told, [{ outcome: "cancelled" }]);
});

// proc(5): pid (comm) state ppid pgrp session tty_nr tpgid
for (const [where, stat, first] of [
  ["in the foreground of a terminal, which the command has it from already", "7 (replicad) S 1 7 7 34816 7 0", 9],
  ["without a terminal", "7 (a) b) S 1 7 7 0 -1 0", 8],
] as const) {
  test(`select ${first === 8 ? "passes SIGINT on" : "keeps SIGINT to itself"} ${where}`, async (t) => {
    const { socket, told } = await selecting(t);
    const ready = join(folderOf(t), "ready");
    const appeared = appearance(ready);
    const script = `trap 'exit 8' INT; trap 'exit 9' TERM; echo > ${ready}; n=0; while [ $n -lt 200 ]; do n=$((n + 1)); sleep 0.05; done`;
    const env = testEnv({ vars: { PATH: process.env.PATH! }, files: { "/proc/self/stat": stat } });
    const status = run(replicad, ["select", "cart", "--socket", socket, "--", "sh", "-c", script], env);
    await appeared;
    for (const name of ["SIGINT", "SIGTERM"] as const) t.true(env.raise(name));
    t.is(await status, first);
    t.like(told, [{ outcome: "cancelled" }]);
  });
}
