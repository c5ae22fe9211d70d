/** Starting where something is wrong: what is said, the exit status, and that nothing is overwritten. */
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { TestAuthority } from "../transport/test-certificates.ts";
import { at, pub } from "./support/clients.ts";
import { cli, Daemon, type Ended, execute, folderOf } from "./support/daemon.ts";

/** Starts a daemon that is to refuse, with a mosquitto.conf. */
async function refused(folder: string, conf: string, ...flags: readonly string[]): Promise<Ended> {
  writeFileSync(join(folder, "m.conf"), conf);
  return cli("daemon", "--config-file", join(folder, "m.conf"), "--socket", join(folder, "control.sock"), ...flags);
}

/** A port that somebody has. */
async function takenPort(t: ExecutionContext): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return (server.address() as { port: number }).port;
}

for (const plane of ["epoll", "net"] as const)
  test(`daemon --data-plane ${plane} with a port in use says who may have it: status 71, and the store is not made`, async (t) => {
    const folder = folderOf(t);
    const port = await takenPort(t);
    const conf = `listener ${port} 127.0.0.1\nallow_anonymous true\npid_file ${join(folder, "pid")}\n`;
    const { status, err } = await refused(folder, conf, "--data-plane", plane);
    t.is(status, 71);
    t.regex(err, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port} .*EADDRINUSE[\\s\\S]*hint: .*ss -ltnp sport = :${port}`));
    t.deepEqual(readdirSync(folder).sort(), ["control.sock.lock", "m.conf"]);
  });

test("daemon with certificates that are not there or not fit names the file: status 78", async (t) => {
  const folder = folderOf(t);
  const authority = await TestAuthority.make(folder, "authority");
  const [one, other] = [
    await authority.issue("one", "/CN=one", "IP:127.0.0.1"),
    await authority.issue("other", "/CN=other", "IP:127.0.0.1"),
  ];
  const garbage = join(folder, "garbage.pem");
  writeFileSync(garbage, "nothing");
  const tls = (certificate: string, key: string, more = "") =>
    refused(folder, `listener 1 127.0.0.1\nallow_anonymous true\ncertfile ${certificate}\nkeyfile ${key}\n${more}`);
  for (const [{ status, err }, says] of [
    [await tls(join(folder, "none.pem"), one.key), /none\.pem cannot be read: no such file/],
    [await tls(garbage, one.key), /garbage\.pem holds no certificate/],
    [await tls(one.certificate, garbage), /garbage\.pem holds no private key/],
    [await tls(one.certificate, other.key), /other\.key does not belong to the certificate in .*one\.pem/],
    [await tls(one.certificate, one.key, `cafile ${garbage}\nrequire_certificate true\n`), /garbage\.pem holds no certificate/],
  ] as const) {
    t.is(status, 78, err);
    t.regex(err, says);
    t.regex(err, /hint: /);
  }
});

test("daemon with a store that cannot be read, is another program's or is no store says so and leaves it as it is", async (t) => {
  const folder = folderOf(t);
  const conf = "listener {port} 127.0.0.1\nallow_anonymous true\n";
  const store = join(folder, "store.db");
  const start = () => refused(folder, "listener 1 127.0.0.1\n", "--persistence", store);
  writeFileSync(store, "not a database, but precious\n");
  const garbage = await start();
  t.true(garbage.status === 65 || garbage.status === 78, garbage.err);
  t.regex(garbage.err, /store\.db[\s\S]*hint: /);
  t.is(readFileSync(store, "utf8"), "not a database, but precious\n");

  const daemon = await Daemon.start(t, { conf, flags: ["--persistence", join(folder, "other.db")] });
  const size = statSync(join(folder, "other.db")).size;
  const taken = await refused(folder, "listener 1 127.0.0.1\n", "--persistence", join(folder, "other.db"));
  t.true(Number(taken.status) > 1, taken.err);
  t.regex(taken.err, /other\.db[\s\S]*hint: /);
  t.is(statSync(join(folder, "other.db")).size, size);
  t.is((await pub(...at(daemon.port), "-t", "a", "-m", "b", "-q", "1")).status, 0);

  mkdirSync(join(folder, "a-folder"));
  const isFolder = await refused(folder, "listener 1 127.0.0.1\n", "--persistence", join(folder, "a-folder"));
  t.true(Number(isFolder.status) > 1, isFolder.err);
  t.regex(isFolder.err, /a-folder[\s\S]*hint: /);
  const nowhere = await refused(folder, "listener 1 127.0.0.1\n", "--persistence", join(folder, "none", "store.db"));
  t.true(Number(nowhere.status) > 1, nowhere.err);
  t.regex(nowhere.err, /none[\s\S]*hint: /);
});

test("daemon with files of users, rules or a secret that are not there names them: status 78", async (t) => {
  const folder = folderOf(t);
  for (const directive of ["password_file", "acl_file"]) {
    const { status, err } = await refused(folder, `listener 1 127.0.0.1\n${directive} ${join(folder, "none")}\n`);
    t.is(status, 78, err);
    t.regex(err, /none[\s\S]*hint: /);
  }
  const secret = join(folder, "secret");
  const nodes = "{ a: { address: 127.0.0.1 }, b: { address: 127.0.0.1 } }";
  writeFileSync(
    join(folder, "mesh.yaml"),
    `version: 1\nnodes: ${nodes}\nservices: {}\nmqtt:\n  mesh: { nodes: [a, b], secret-file: ${secret} }\n  listeners: [{ address: 127.0.0.1, port: 1 }]\n`,
  );
  for (const says of [/secret cannot be read: ENOENT[\s\S]*hint: /, /secret is empty[\s\S]*hint: /]) {
    const { status, err } = await cli(
      "daemon",
      "--node",
      "a",
      "--config",
      join(folder, "mesh.yaml"),
      "--socket",
      join(folder, "control.sock"),
    );
    t.is(status, 78, err);
    t.regex(err, says);
    writeFileSync(secret, "\n");
  }
});

test("a second daemon at the same control socket is refused, and the first goes on", async (t) => {
  const daemon = await Daemon.start(t, { conf: "listener {port} 127.0.0.1\nallow_anonymous true\n" });
  const { status, err } = await cli(
    "daemon",
    "--listen",
    "127.0.0.1:0",
    "--config",
    join(daemon.folder, "mesh.yaml"),
    "--socket",
    daemon.socket,
  );
  t.is(status, 75, err);
  t.regex(err, new RegExp(`a daemon with pid ${daemon.pid} already serves`));
  t.is((await daemon.status()).pid, daemon.pid);
});

test("daemon takes its control socket from systemd, and leaves its file there", async (t) => {
  const folder = folderOf(t);
  /** Does what systemd does for a socket unit: opens the socket as descriptor 3, says so in the environment, and becomes the daemon. */
  const systemd = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="control")
os.execv(sys.argv[2], sys.argv[2:])
`;
  const socket = join(folder, "control.sock");
  const daemon = await Daemon.start(t, {
    folder,
    conf: "listener {port} 127.0.0.1\nallow_anonymous true\n",
    by: ["python3", "-c", systemd, socket],
  });
  t.is((await daemon.status()).pid, daemon.pid);
  t.false(existsSync(`${socket}.lock`));
  daemon.kill("SIGTERM");
  t.is(await daemon.exited, 0);
  t.true(existsSync(socket));
});

test("mqttnic metrics and --metrics say what was counted, for Prometheus", async (t) => {
  const daemon = await Daemon.start(t, {
    conf: "listener {port} 127.0.0.1\nallow_anonymous true\n",
    flags: ["--metrics", "127.0.0.1:0"],
  });
  t.is((await pub(...at(daemon.port), "-t", "a", "-m", "b", "-q", "1", "-r")).status, 0);
  const printed = await cli("metrics", "--socket", daemon.socket);
  t.is(printed.status, 0);
  const [, port] = /serving metrics.*port=(\d+)/.exec(daemon.log) ?? [];
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  t.is(answer.status, 200);
  const served = await answer.text();
  for (const text of [printed.out, served]) {
    t.regex(text, /^mitsu_mqttnic_messages_received_total 1$/m);
    t.regex(text, /^mitsu_mqttnic_retained_messages [1-9]/m);
    t.regex(text, /^mitsu_mqttnic_data_plane_info\{plane="(epoll|net)"\} 1$/m);
  }
  const checked = await execute("sh", ["-c", "command -v promtool >/dev/null && promtool check metrics || cat >/dev/null"], served);
  t.is(checked.status, 0, checked.err);
});
