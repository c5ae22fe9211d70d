/** `mqttnic -c mosquitto.conf -p 1883 -v` in the place of mosquitto, with mosquitto's own clients and ours. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { cli, type Running, start } from "./support/cli.ts";
import { freePort } from "./support/mosquitto.ts";

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-r-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Starts it with a mosquitto.conf and waits until it is ready. */
async function broker(t: ExecutionContext, folder: string, conf: string, ...flags: readonly string[]): Promise<Running> {
  writeFileSync(join(folder, "m.conf"), conf);
  const running = start(["-c", join(folder, "m.conf"), ...flags, "-v", "--socket", join(folder, "m.sock")], { cwd: folder });
  t.teardown(async () => {
    if (running.env.raise("SIGTERM")) await running.status;
  });
  await running.printed("ready");
  return running;
}

/** Runs one of mosquitto's clients; undefined, with a notice, when it is not installed. */
async function client(
  t: ExecutionContext,
  program: string,
  ...args: string[]
): Promise<{ status: number | null; out: string } | undefined> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (data: Buffer) => {
    out += data.toString();
  });
  try {
    const [status] = (await once(child, "close")) as [number | null];
    return { status, out };
  } catch {
    t.log(`skipped: ${program} is not installed`);
    return undefined;
  }
}

test("mosquitto.conf, -p and -v start a broker that mosquitto's clients and ours use; SIGTERM ends it with 0", async (t) => {
  const folder = folderOf(t);
  const port = await freePort();
  const running = await broker(
    t,
    folder,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nautosave_interval 5\npid_file p.pid\n`,
    "-p",
    "1",
  );
  t.regex(running.env.err(), /m\.conf:3: autosave_interval has no effect/);
  t.regex(running.env.err(), /so -p is ignored/);
  t.is(readFileSync(join(folder, "p.pid"), "utf8"), `${process.pid}\n`);
  const at = ["-h", "127.0.0.1", "-p", String(port)];
  t.is((await cli(["pub", ...at, "-t", "a/b", "-m", "ours", "-r", "-q", "1"])).status, 0);
  const theirs = await client(t, "mosquitto_sub", ...at, "-t", "a/#", "-v", "-C", "1", "-W", "10");
  if (theirs) t.deepEqual(theirs, { status: 0, out: "a/b ours\n" });
  if (await client(t, "mosquitto_pub", ...at, "-t", "a/c", "-m", "theirs", "-r", "-q", "2")) {
    t.is((await cli(["sub", ...at, "-t", "a/c", "-C", "1", "-W", "10"])).out, "theirs\n");
  }
  const status = await cli(["status", "--json", "--socket", join(folder, "m.sock")]);
  t.like(JSON.parse(status.out), { listening: [{ port, transport: "tcp" }] });
  t.true(running.env.raise("SIGTERM"));
  t.is(await running.status, 0);
  t.false(existsSync(join(folder, "p.pid")));
});

test("a listener without allow_anonymous turns clients without a name away: status 77", async (t) => {
  const folder = folderOf(t);
  const port = await freePort();
  await broker(t, folder, `listener ${port} 127.0.0.1\n`);
  const { status, err } = await cli(["pub", "-h", "127.0.0.1", "-p", String(port), "-t", "a", "-m", "b"]);
  t.is(status, 77);
  t.regex(err, /refuses: Not authorized/);
});

test("a mosquitto.conf that is wrong is refused with line and reason at start and at reload: status 78", async (t) => {
  const folder = folderOf(t);
  const socket = join(folder, "m.sock");
  const conf = join(folder, "m.conf");
  writeFileSync(conf, "listner 1883\n");
  const refused = await cli(["-c", conf, "--socket", socket]);
  t.is(refused.status, 78);
  t.regex(refused.err, /m\.conf:1: listner is no directive; did you mean listener\?/);
  const port = await freePort();
  await broker(t, folder, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
  writeFileSync(conf, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_qos 7\n`);
  const reload = await cli(["reload", "--socket", socket]);
  t.is(reload.status, 78);
  t.regex(reload.err, /m\.conf:3: max_qos "7" is not/);
  t.is((await cli(["pub", "-h", "127.0.0.1", "-p", String(port), "-t", "a", "-m", "b", "-q", "2"])).status, 0);
});

test("a port in use is said, and nothing is left behind", async (t) => {
  const folder = folderOf(t);
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const { status, err } = await cli(["daemon", "--listen", `127.0.0.1:${port}`, "--socket", join(folder, "m.sock")]);
  t.not(status, 0);
  t.regex(err, new RegExp(`127\\.0\\.0\\.1:${port}.*\\n.*hint: `));
  t.false(existsSync(join(folder, "m.sock")));
});
