/** The standalone binary does what the sources do, without Node, npm or a compiler. @module */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import { type EmptyRoot, emptyRoot, leastEnv } from "../../../scripts/test/empty-root.ts";

const root = resolve(import.meta.dirname, "../../..");
const binary = join(root, "dist/bin/mqttnic");

test.serial.before("./build makes dist/bin/mqttnic", (t) => {
  t.timeout(120_000, "copying Node and injecting the bundle takes some 10 s on an idle machine");
  const run = spawnSync(join(root, "build"), ["mqttnic"], { encoding: "utf8" });
  t.is(run.status, 0, `${run.stdout}${run.stderr}`);
});

test.serial("the binary prints its version and its help in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  for (const [argument, output] of [
    ["--version", /^mqttnic \d+\.\d+\.\d+\n$/],
    ["--help", /mqttnic -c \/etc\/mosquitto\/mosquitto\.conf -v/],
  ] as const) {
    const run = empty.run(argument);
    t.deepEqual([run.status, run.stderr], [0, ""], argument);
    t.regex(run.stdout, output);
  }
});

test.serial("the binary makes a user and answers for an ACL in an empty root directory", (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  mkdirSync(join(empty.folder, "etc"));
  writeFileSync(join(empty.folder, "etc/secret"), "a secret\n");
  writeFileSync(join(empty.folder, "etc/acl"), "user ann\ntopic read a/#\n");
  const made = spawnSync("chroot", [empty.folder, "/mqttnic", "passwd", "/etc/passwords", "ann", "--create", "--stdin"], {
    input: "a secret\n",
    encoding: "utf8",
    env: leastEnv,
  });
  t.is(made.status, 0, made.stderr);
  t.is(empty.run("acl", "check", "/etc/acl", "a/b", "--user", "ann", "--receive").status, 0);
  t.is(empty.run("acl", "check", "/etc/acl", "a/b", "--user", "ann", "--publish").status, 1);
});

/** A broker in the empty root, where /proc is mounted for the time of its life, and its port. */
async function broker(t: ExecutionContext, { folder }: EmptyRoot, ...flags: string[]): Promise<{ daemon: ChildProcess; port: string }> {
  for (const name of ["etc", "proc", "tmp"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "etc/group"), ""); // whose the control socket is
  const command = `mount -t proc proc "$1/proc" && shift && exec chroot "$@"`;
  const argv = [folder, folder, "/mqttnic", "daemon", "--listen", "127.0.0.1:0", "--socket", "/m.sock", ...flags];
  const daemon = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", command, "sh", ...argv], {
    env: { ...leastEnv, NODE_OPTIONS: "--max-semi-space-size=32" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.teardown(() => daemon.kill("SIGKILL"));
  const said: string[] = [];
  for await (const line of createInterface({ input: daemon.stderr! })) {
    said.push(line);
    if (line.includes(" ready ")) break;
  }
  daemon.stderr!.resume();
  const port = /listening .* port=(\d+)\n.* ready /.exec(said.join("\n"))?.[1];
  if (port === undefined) throw new Error(said.join("\n"));
  return { daemon, port };
}

test.serial(
  "the binary runs a broker on the epoll data plane in an empty root directory, and what it keeps in SQLite survives kill -9",
  async (t) => {
    const empty = emptyRoot(t, binary);
    if (!empty) return;
    const flags = ["--data-plane", "epoll", "--persistence", "/store.db"];
    const first = await broker(t, empty, ...flags);
    const published = empty.run("pub", "--host", "127.0.0.1", "-p", first.port, "-t", "a/b", "-m", "kept", "-r", "-q", "1");
    t.deepEqual([published.status, published.stderr], [0, ""]);
    const killed = once(first.daemon, "exit");
    first.daemon.kill("SIGKILL");
    await killed;

    const { daemon, port } = await broker(t, empty, ...flags);
    const heard = empty.run("sub", "--host", "127.0.0.1", "-p", port, "-t", "a/#", "-v", "-C", "1", "-W", "10");
    t.deepEqual([heard.status, heard.stdout], [0, "a/b kept\n"]);
    const status = empty.run("status", "--json", "--socket", "/m.sock");
    t.like(JSON.parse(status.stdout), { dataPlane: "epoll", degraded: [] });

    const ended = once(daemon, "exit");
    daemon.kill("SIGTERM");
    t.deepEqual(await ended, [0, null]);
    t.deepEqual(readdirSync(join(empty.folder, "tmp")), []);
    t.false(existsSync(join(empty.folder, "m.sock")));
  },
);

test.serial("the binary carries clients with --data-plane net", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-b-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, "m.sock");
  const args = ["daemon", "--data-plane", "net", "--listen", "127.0.0.1:0", "--socket", socket];
  const daemon = spawn(binary, args, { env: { ...leastEnv }, stdio: ["ignore", "ignore", "pipe"] });
  t.teardown(() => daemon.kill("SIGKILL"));
  let port = "";
  for await (const line of createInterface({ input: daemon.stderr })) {
    port = /listening .* port=(\d+)/.exec(line)?.[1] ?? port;
    if (line.includes(" ready ")) break;
  }
  daemon.stderr.resume();
  const client = (...argv: string[]) =>
    spawnSync(binary, [...argv, "--host", "127.0.0.1", "-p", port], { encoding: "utf8", env: leastEnv });
  t.is(client("pub", "-t", "a", "-m", "b", "-r").status, 0);
  t.is(client("sub", "-t", "a", "-C", "1", "-W", "10").stdout, "b\n");
  const ended = once(daemon, "exit");
  daemon.kill("SIGTERM");
  t.deepEqual(await ended, [0, null]);
});

test.serial("the binary carries the RTL topic matcher for --data-plane rtl", async (t) => {
  const empty = emptyRoot(t, binary);
  if (!empty) return;
  const { daemon } = await broker(t, empty, "--data-plane", "rtl");
  const status = JSON.parse(empty.run("status", "--json", "--socket", "/m.sock").stdout) as {
    degraded: string[];
    matching: { placement: { work: { device: string }[] } };
  };
  t.deepEqual([status.degraded, status.matching.placement.work[0]?.device], [[], "rtl-topic-matcher"]);
  const ended = once(daemon, "exit");
  daemon.kill("SIGTERM");
  await ended;
});
