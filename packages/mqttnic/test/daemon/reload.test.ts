/** SIGHUP: what is read again, and that what is wrong leaves all as it was. */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp, createServer } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { TestAuthority } from "../transport/test-certificates.ts";
import { at, collect, connect, ending, pub } from "./support/clients.ts";
import { cli, Daemon, folderOf, passwd } from "./support/daemon.ts";

/** Whether somebody listens there. */
async function listens(port: number): Promise<boolean> {
  const socket = connectTcp(port, "127.0.0.1");
  const [listening] = await Promise.race([
    once(socket, "connect").then(() => [true]),
    new Promise<[boolean]>((no) => socket.once("error", () => no([false]))),
  ]);
  socket.destroy();
  return listening!;
}

/** The certificate that a listener shows. */
async function shown(t: ExecutionContext, port: number): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerX509Certificate()!;
  socket.destroy();
  return fingerprint256;
}

const fingerprint = (path: string): string => new X509Certificate(readFileSync(path)).fingerprint256;

test("SIGHUP takes passwords over: who is no longer a user goes with DISCONNECT 0x87, and others stay", async (t) => {
  const folder = folderOf(t);
  const file = join(folder, "passwords");
  for (const user of ["ann", "bob"]) await passwd(file, user, "old");
  const daemon = await Daemon.start(t, { folder, conf: "listener {port} 127.0.0.1\npassword_file passwords\n" });
  const ann = await connect(t, daemon.port, { username: "ann", password: "old" });
  const bob = await connect(t, daemon.port, { username: "bob", password: "old" });
  const gone = ending(bob);
  t.is((await cli("passwd", file, "bob", "--delete")).status, 0);
  await passwd(file, "cat", "new");
  await passwd(file, "ann", "new");
  t.regex(await daemon.reload(), /reloaded/);
  t.is(await gone, 0x87);
  t.not((await pub(...at(daemon.port), "-u", "ann", "-P", "old", "-t", "a", "-m", "b")).status, 0);
  for (const user of ["ann", "cat"]) t.is((await pub(...at(daemon.port), "-u", user, "-P", "new", "-t", "a", "-m", "b")).status, 0);
  t.true(ann.connected);
  await ann.publishAsync("a", "still here", { qos: 1 });
});

test("SIGHUP takes the ACL over for those who are there: they get and may publish what it says now", async (t) => {
  const folder = folderOf(t);
  const acl = join(folder, "acl");
  writeFileSync(acl, "topic readwrite #\n", { mode: 0o600 });
  const daemon = await Daemon.start(t, { folder, conf: "listener {port} 127.0.0.1\nallow_anonymous true\nacl_file acl\n" });
  const [one, other] = [await connect(t, daemon.port), await connect(t, daemon.port)];
  const heard = await collect(other, "#");
  await one.publishAsync("secret/a", "1", { qos: 1 });
  await heard.until(1);
  writeFileSync(acl, "topic write #\ntopic read news/#\ntopic deny closed/#\n", { mode: 0o600 });
  await daemon.reload();
  await one.publishAsync("secret/a", "2", { qos: 1 });
  await t.throwsAsync(one.publishAsync("closed/a", "2", { qos: 1 }), { message: /Not authorized/ });
  await one.publishAsync("news/a", "3", { qos: 1 });
  await heard.until(2);
  t.deepEqual(heard.seen, ["secret/a 1", "news/a 3"]);
});

test("SIGHUP takes other files over than those at the start, and ends anonymous access with them", async (t) => {
  const folder = folderOf(t);
  await passwd(join(folder, "passwords"), "ann", "secret");
  writeFileSync(join(folder, "acl"), "user ann\ntopic readwrite a/#\n", { mode: 0o600 });
  const daemon = await Daemon.start(t, { folder, conf: "listener {port} 127.0.0.1\nallow_anonymous true\n" });
  t.is((await pub(...at(daemon.port), "-t", "b", "-m", "c")).status, 0);
  const gone = ending(await connect(t, daemon.port));
  daemon.rewrite("listener {port} 127.0.0.1\npassword_file passwords\nacl_file acl\n");
  t.regex(await daemon.reload(), /reloaded/);
  t.is(await gone, 0x87, "an anonymous client that was there");
  const v5 = ["-V", "5", "-q", "1", "-m", "x"];
  t.not((await pub(...at(daemon.port), ...v5, "-t", "b")).status, 0);
  t.not((await pub(...at(daemon.port), ...v5, "-t", "a/b", "-u", "ann", "-P", "guess")).status, 0);
  t.is((await pub(...at(daemon.port), ...v5, "-t", "a/b", "-u", "ann", "-P", "secret")).err, "");
  t.regex((await pub(...at(daemon.port), ...v5, "-t", "b", "-u", "ann", "-P", "secret")).err, /Not authorized/);
});

test("SIGHUP takes certificates over for new connections; those that are there go on", async (t) => {
  const folder = folderOf(t);
  const authority = await TestAuthority.make(folder, "authority");
  const [one, other] = [
    await authority.issue("one", "/CN=one", "IP:127.0.0.1"),
    await authority.issue("other", "/CN=other", "IP:127.0.0.1"),
  ];
  const [certificate, key] = [join(folder, "tls.pem"), join(folder, "tls.key")];
  const put = (pair: typeof one): void => {
    copyFileSync(pair.certificate, certificate);
    copyFileSync(pair.key, key);
  };
  put(one);
  const daemon = await Daemon.start(t, {
    folder,
    conf: `listener {port} 127.0.0.1\nallow_anonymous true\ncertfile ${certificate}\nkeyfile ${key}\n`,
  });
  const before = await connect(t, daemon.port, { protocol: "mqtts", ca: readFileSync(authority.certificate) });
  t.is(await shown(t, daemon.port), fingerprint(one.certificate));
  put(other);
  t.regex(await daemon.reload(), /reloaded/);
  t.is(await shown(t, daemon.port), fingerprint(other.certificate));
  await before.publishAsync("a", "b", { qos: 1 });
  copyFileSync(one.key, key);
  t.regex(await daemon.reload(), /reload failed[\s\S]*tls\.key does not belong to the certificate/);
  t.is(await shown(t, daemon.port), fingerprint(other.certificate));
  await before.publishAsync("a", "b", { qos: 1 });
});

test("SIGHUP opens listeners that are new and closes those that are gone, and others' connections are not touched", async (t) => {
  const one = "listener {port} 127.0.0.1\n";
  const [two, three] = ["listener {port2} 127.0.0.1\n", "listener {port3} 127.0.0.1\n"];
  const daemon = await Daemon.start(t, { conf: `allow_anonymous true\n${one}${two}` });
  const [first, second, third] = daemon.ports as [number, number, number];
  const [stays, goes] = [await connect(t, first), await connect(t, second)];
  const heard = await collect(stays, "#");
  daemon.rewrite(`allow_anonymous true\n${one}${three}`);
  t.regex(await daemon.reload(), /reloaded/);
  t.deepEqual(await Promise.all([first, second, third].map(listens)), [true, false, true]);
  t.deepEqual(
    (await daemon.status()).listening.map(({ port }) => port),
    [first, third],
  );
  const joins = await connect(t, third);
  await joins.publishAsync("a", "1", { qos: 1 });
  // Who came in by a listener that is gone may stay, as with mosquitto.
  await goes.publishAsync("a", "2", { qos: 1 });
  await heard.until(2);
  t.deepEqual(heard.seen, ["a 1", "a 2"]);
  t.true(stays.connected);
});

test("SIGHUP with anything wrong keeps all as it was, and says file and line or what is in the way", async (t) => {
  const folder = folderOf(t);
  const [passwords, acl] = [join(folder, "passwords"), join(folder, "acl")];
  await passwd(passwords, "ann", "secret");
  writeFileSync(acl, "topic readwrite a/#\nuser ann\ntopic readwrite #\n", { mode: 0o600 });
  const good = "password_file passwords\nacl_file acl\nallow_anonymous true\nlistener {port} 127.0.0.1\n";
  const daemon = await Daemon.start(t, { folder, conf: good });
  const [first, second, taken] = daemon.ports as [number, number, number];
  const server = createServer().listen(taken, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const ann = await connect(t, first, { username: "ann", password: "secret" });

  const asBefore = async (): Promise<void> => {
    await ann.publishAsync("b", "c", { qos: 1 });
    const v5 = ["-V", "5", "-q", "1", "-m", "x"];
    t.is((await pub(...at(first), ...v5, "-t", "a/b")).status, 0);
    t.is((await pub(...at(first), ...v5, "-t", "b", "-u", "ann", "-P", "secret")).err, "");
    t.regex((await pub(...at(first), ...v5, "-t", "b")).err, /Not authorized/);
    t.false(await listens(second));
    t.deepEqual(
      (await daemon.status()).listening.map(({ port }) => port),
      [first],
    );
  };
  /** Each changes all that can be changed, and is wrong in one thing. */
  const wrong = async (says: RegExp, conf: string, newPasswords?: string, newAcl = "topic deny #\n"): Promise<void> => {
    renameSync(passwords, `${passwords}.kept`);
    if (newPasswords !== undefined) writeFileSync(passwords, newPasswords, { mode: 0o600 });
    renameSync(acl, `${acl}.kept`);
    writeFileSync(acl, newAcl, { mode: 0o600 });
    daemon.rewrite(conf);
    const said = await daemon.reload();
    t.regex(said, /reload failed/);
    t.regex(said, says);
    await asBefore();
    renameSync(`${passwords}.kept`, passwords);
    renameSync(`${acl}.kept`, acl);
  };
  const more = "password_file passwords\nacl_file acl\nallow_anonymous false\nlistener {port} 127.0.0.1\nlistener {port2} 127.0.0.1\n";
  await wrong(/m\.conf:6: max_qos/, `${more}max_qos 7\n`, "");
  await wrong(/passwords.*no such file|cannot read .*passwords/, more);
  await wrong(/passwords:1: /, more, "ann\n");
  await wrong(/acl:2: /, more, "", "topic deny #\ntopic raed a\n");
  await wrong(/none\.pem/, `${more}certfile none.pem\nkeyfile none.pem\n`, "");
  await wrong(new RegExp(`127\\.0\\.0\\.1:${taken}`), `${more}listener ${taken} 127.0.0.1\n`, "");
  daemon.rewrite(good);
  t.regex(await daemon.reload(), /reloaded/);
  await asBefore();
});

test("mqttnic reload is SIGHUP with an answer; a store that another path is given for takes a restart", async (t) => {
  const conf = "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location .\n";
  const daemon = await Daemon.start(t, { conf });
  t.is((await cli("reload", "--socket", daemon.socket)).status, 0);
  const from = daemon.log.length;
  daemon.rewrite(conf.replace("persistence_location .", "persistence_location other"));
  t.is((await cli("reload", "--socket", daemon.socket)).status, 0);
  t.regex(daemon.log.slice(from), /takes a restart to change.*the persistence file/);
  rmSync(join(daemon.folder, "m.conf"));
  const { status, err } = await cli("reload", "--socket", daemon.socket);
  t.is(status, 78);
  t.regex(err, /cannot read .*m\.conf/);
});

test("SIGHUP gives a listener TLS, takes all addresses for one, and gives both back", async (t) => {
  const folder = folderOf(t);
  const authority = await TestAuthority.make(folder, "authority");
  const pair = await authority.issue("server", "/CN=server", "IP:127.0.0.1");
  const plain = "allow_anonymous true\nlistener {port} 127.0.0.1\n";
  const daemon = await Daemon.start(t, { folder, conf: plain });
  const stays = await connect(t, daemon.port);
  const secured = async (): Promise<void> => {
    const client = await connect(t, daemon.port, { protocol: "mqtts", ca: readFileSync(authority.certificate) });
    await client.publishAsync("a", "b", { qos: 1 });
  };
  daemon.rewrite(`${plain}certfile ${pair.certificate}\nkeyfile ${pair.key}\n`);
  t.regex(await daemon.reload(), /reloaded/);
  await secured();
  t.not((await pub(...at(daemon.port), "-t", "a", "-m", "b")).status, 0, "nothing goes without TLS any more");
  daemon.rewrite("allow_anonymous true\nlistener {port} 0.0.0.0\n");
  t.regex(await daemon.reload(), /reloaded/);
  t.is((await pub(...at(daemon.port), "-t", "a", "-m", "b")).status, 0);
  // Another program has the other port: the one that made way for all of it is there again.
  const server = createServer().listen(daemon.ports[1], "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  daemon.rewrite(`${plain}listener {port2} 127.0.0.1\n`);
  t.regex(await daemon.reload(), /reload failed/);
  t.deepEqual(
    (await daemon.status()).listening.map(({ address, port }) => `${address}:${port}`),
    [`0.0.0.0:${daemon.port}`],
  );
  t.is((await pub(...at(daemon.port), "-t", "a", "-m", "b")).status, 0);
  await stays.publishAsync("a", "b", { qos: 1 });
});
