import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import test, { type ExecutionContext } from "ava";
import { createLog, type Life, MitsuError, runDaemon, testEnv } from "../src/mod.ts";

function place(t: ExecutionContext): string {
  const directory = mkdtempSync("/tmp/mitsu-daemon-");
  t.teardown(() => rmSync(directory, { recursive: true }));
  return `${directory}/demo.sock`;
}

/** Runs a daemon in this process; resolves once `start` was called. */
async function begin(socket: string, body: (life: Life) => void | Promise<void> = () => {}) {
  const env = testEnv();
  const started = Promise.withResolvers<Life>();
  const ended = runDaemon({ env, log: createLog(env, { level: "debug" }), socket }, async (life) => {
    await body(life);
    started.resolve(life);
  });
  ended.catch(started.reject);
  return { env, ended, life: await started.promise };
}

test("runDaemon() closes what was opened in reverse and ends with 0 at SIGTERM", async (t) => {
  const closed: string[] = [];
  const { env, ended } = await begin(place(t), ({ defer }) => {
    for (const name of ["first", "second"]) defer(name, () => void closed.push(name));
  });
  env.raise("SIGTERM");
  t.is(await ended, 0);
  t.deepEqual(closed, ["second", "first"]);
});

test("runDaemon() goes on closing when one close fails, and logs it", async (t) => {
  const closed: string[] = [];
  const { env, ended } = await begin(place(t), ({ defer }) => {
    defer("good", () => void closed.push("good"));
    defer("bad", () => Promise.reject(new Error("stuck")));
  });
  env.raise("SIGINT");
  t.is(await ended, 0);
  t.deepEqual(closed, ["good"]);
  t.regex(env.err(), /ERROR could not close what=bad error=stuck/);
});

test("runDaemon() closes and throws when starting fails", async (t) => {
  const socket = place(t);
  let closed = false;
  const failing = begin(socket, ({ defer }) => {
    defer("x", () => {
      closed = true;
    });
    throw new Error("no map");
  });
  await t.throwsAsync(failing, { message: "no map" });
  t.true(closed);
  const { env, ended } = await begin(socket); // the lock is free again
  env.raise("SIGTERM");
  await ended;
});

test("runDaemon() ends with the error that a background task reports by fail()", async (t) => {
  const { ended, life } = await begin(place(t));
  life.fail(new MitsuError("the ring buffer is gone", { code: "ERR_X" }));
  await t.throwsAsync(ended, { code: "ERR_X" });
});

test("runDaemon() reloads at SIGHUP, and keeps running with a logged reason when that fails", async (t) => {
  let count = 0;
  const second = Promise.withResolvers<void>();
  const { env, ended } = await begin(place(t), ({ onReload }) => {
    onReload(() => {
      if (++count === 1) throw new Error("mesh.yaml:3: bad port");
      second.resolve();
    });
  });
  env.raise("SIGHUP");
  env.raise("SIGHUP");
  await second.promise;
  env.raise("SIGTERM");
  t.is(await ended, 0);
  t.regex(env.err(), /ERROR reload failed, the old configuration stays error="mesh.yaml:3: bad port"[\s\S]*INFO {2}reloaded/);
});

test("runDaemon() refuses a second daemon on one socket and names the first's pid", async (t) => {
  const socket = place(t);
  const { env, ended } = await begin(socket);
  const error = (await t.throwsAsync(begin(socket), { instanceOf: MitsuError })) as MitsuError;
  t.is(error.code, "ERR_DAEMON_RUNNING");
  t.is(error.exit, 75);
  t.true(error.message.includes(`pid ${process.pid} `));
  env.raise("SIGTERM");
  await ended;
});

test("runDaemon() refuses when somebody without our lock listens, and leaves that socket alone", async (t) => {
  const socket = place(t);
  const server = createServer().listen(socket);
  await once(server, "listening");
  await t.throwsAsync(begin(socket), { code: "ERR_DAEMON_RUNNING", message: new RegExp(`pid ${process.pid} `) });
  t.true(existsSync(socket));
  server.close();
});

test("runDaemon() removes a dead daemon's socket file with a log line", async (t) => {
  const socket = place(t);
  spawnSync("python3", ["-c", "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()", socket]);
  t.true(existsSync(socket));
  const { env, ended } = await begin(socket);
  t.false(existsSync(socket));
  t.regex(env.err(), /WARN {2}removing the socket file of a daemon that is gone/);
  t.is(readFileSync(`${socket}.lock`, "utf8"), `${process.pid}\n`);
  env.raise("SIGTERM");
  await ended;
});

test("runDaemon() does not touch a path that is no socket", async (t) => {
  const socket = place(t);
  writeFileSync(socket, "precious");
  await t.throwsAsync(begin(socket), { code: "ERR_DAEMON_SOCKET" });
  t.is(readFileSync(socket, "utf8"), "precious");
});

test("a daemon killed by SIGKILL leaves no lock behind", async (t) => {
  const socket = place(t);
  const script = `
    import { runDaemon, createLog, systemEnv } from ${JSON.stringify(import.meta.resolve("../src/mod.ts"))};
    const life = setInterval(() => {}, 1e6);
    await runDaemon({ env: systemEnv, log: createLog(systemEnv), socket: ${JSON.stringify(socket)} }, () => {});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "inherit", "pipe"] });
  const [line] = await once(child.stderr, "data");
  t.regex(String(line), /ready/);
  await t.throwsAsync(begin(socket), { code: "ERR_DAEMON_RUNNING", message: new RegExp(`pid ${child.pid} `) });
  child.kill("SIGKILL");
  await once(child, "exit");
  const { env, ended } = await begin(socket);
  env.raise("SIGTERM");
  t.is(await ended, 0);
});

test("runDaemon() leaves socket and lock to systemd under socket activation", async (t) => {
  const socket = place(t);
  const env = testEnv({ vars: { LISTEN_PID: String(process.pid), LISTEN_FDS: "1", LISTEN_FDNAMES: "control" } });
  const seen = Promise.withResolvers<Life>();
  const ended = runDaemon({ env, log: createLog(env), socket }, (life) => seen.resolve(life));
  t.deepEqual((await seen.promise).listenFds, [{ fd: 3, name: "control" }]);
  t.false(existsSync(`${socket}.lock`));
  env.raise("SIGTERM");
  t.is(await ended, 0);
});
