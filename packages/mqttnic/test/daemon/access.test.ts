/** Who comes in and what they may do, with the real daemon and clients that nobody here wrote. */
import { readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import test from "ava";
import { SignJWT } from "jose";
import { TestAuthority } from "../transport/test-certificates.ts";
import { at, connect, ending, pub, sub } from "./support/clients.ts";
import { Daemon, folderOf, passwd } from "./support/daemon.ts";

/** Events of an audit log without their times. */
const audited = (folder: string): Record<string, unknown>[] =>
  readFileSync(join(folder, "audit"), "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const { time, ...event } = JSON.parse(line) as Record<string, unknown>;
      if (typeof time !== "string") throw new Error("a line without a time");
      return event;
    });

test("daemon: password file and ACL with %u and %c hold for mosquitto's clients and npm mqtt", async (t) => {
  const folder = folderOf(t);
  for (const user of ["ann", "bob"]) await passwd(join(folder, "passwords"), user, `of ${user}`);
  writeFileSync(
    join(folder, "acl"),
    `topic read news/#
user ann
topic write news/#
pattern readwrite home/%u/#
pattern readwrite client/%c/#
`,
    { mode: 0o600 },
  );
  const daemon = await Daemon.start(t, {
    folder,
    conf: "listener {port} 127.0.0.1\nallow_anonymous true\npassword_file passwords\nacl_file acl\n",
  });
  const ann = [...at(daemon.port), "-u", "ann", "-P", "of ann", "-V", "5"];
  const bob = [...at(daemon.port), "-u", "bob", "-P", "of bob", "-V", "5"];
  const wrong = await pub(...at(daemon.port), "-u", "ann", "-P", "of bob", "-t", "home/ann/x", "-m", "no", "-V", "5");
  t.not(wrong.status, 0);
  t.regex(wrong.err, /Bad User Name or Password/);
  t.is((await pub(...ann, "-t", "news/1", "-m", "all", "-r", "-q", "1")).status, 0);
  t.deepEqual(await sub(...at(daemon.port), "-t", "news/#", "-C", "1"), { status: 0, out: "all\n", err: "" }, "anonymous");
  t.is((await pub(...ann, "-t", "home/ann/x", "-m", "mine", "-r", "-q", "1")).status, 0);
  t.is((await pub(...bob, "-t", "home/bob/x", "-m", "his", "-r", "-q", "1")).status, 0);
  t.regex((await pub(...bob, "-t", "home/ann/x", "-m", "stolen", "-r", "-q", "1")).err, /Not authorized/);
  t.is((await sub(...ann, "-t", "home/#", "-C", "1", "-v")).out, "home/ann/x mine\n");
  t.is((await pub(...bob, "-i", "b1", "-t", "client/b1/x", "-m", "own", "-r", "-q", "1")).status, 0);
  t.regex((await pub(...bob, "-i", "b2", "-t", "client/b1/x", "-m", "other", "-q", "1")).err, /Not authorized/);

  const npm = await connect(t, daemon.port, { username: "bob", password: "of bob", clientId: "b1" });
  const got = new Promise<string>((resolve) => npm.on("message", (topic, payload) => resolve(`${topic} ${payload}`)));
  await npm.subscribeAsync("client/b1/#", { qos: 1 });
  await t.throwsAsync(npm.subscribeAsync("home/ann/#", { qos: 1 }), { message: /Not authorized/ });
  t.is(await got, "client/b1/x own");
  await t.throwsAsync(npm.publishAsync("home/ann/y", "", { qos: 1 }), { message: /Not authorized/ });
});

test("daemon: the common name of a client certificate is the user name, for the ACL and the audit log; none is turned away", async (t) => {
  const folder = folderOf(t);
  const authority = await TestAuthority.make(folder, "authority");
  const server = await authority.issue("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1");
  const ann = await authority.issue("ann", "/CN=ann", "DNS:ann.example");
  const other = await (await TestAuthority.make(folder, "other")).issue("stranger", "/CN=ann", "DNS:ann.example");
  writeFileSync(join(folder, "acl"), "pattern readwrite home/%u/#\n", { mode: 0o600 });
  const daemon = await Daemon.start(t, {
    folder,
    mesh: `mqtt:
  listeners:
    - address: 127.0.0.1
      port: {port}
      username-from: common-name
      tls: { certificate: ${server.certificate}, key: ${server.key}, authorities: ${authority.certificate}, require-certificate: true }
  security: { acl-file: ${join(folder, "acl")}, audit-log: ${join(folder, "audit")} }
`,
  });
  const tls = [...at(daemon.port, "localhost"), "--cafile", authority.certificate, "-V", "5", "-q", "1"];
  const by = ({ certificate, key }: { certificate: string; key: string }) => ["--cert", certificate, "--key", key];
  // What it says of itself counts for nothing beside the certificate.
  t.is((await pub(...tls, ...by(ann), "-u", "bob", "-P", "x", "-i", "one", "-t", "home/ann/x", "-m", "hers", "-r")).status, 0);
  t.regex((await pub(...tls, ...by(ann), "-i", "two", "-t", "home/bob/x", "-m", "his")).err, /Not authorized/);
  t.is((await sub(...tls, ...by(ann), "-t", "#", "-C", "1", "-v")).out, "home/ann/x hers\n");
  t.not((await pub(...tls, "-t", "home/ann/x", "-m", "none")).status, 0);
  t.not((await pub(...tls, ...by(other), "-t", "home/ann/x", "-m", "none")).status, 0);
  daemon.kill("SIGTERM");
  t.is(await daemon.exited, 0);
  const events = audited(folder);
  t.like(events[0], { event: "connect", clientId: "one", username: "ann" });
  t.true(events.some(({ event, clientId, topic }) => event === "denied-publish" && clientId === "two" && topic === "home/bob/x"));
});

test("daemon: a JWT as password is a user until it expires: then DISCONNECT 0xA0 [MQTT 5.0 §4.13], and the connection ends", async (t) => {
  const folder = folderOf(t);
  const secret = Buffer.alloc(32, "secret");
  writeFileSync(join(folder, "jwt.key"), secret, { mode: 0o600 });
  const daemon = await Daemon.start(t, {
    folder,
    mesh: `mqtt:
  listeners: [{ address: 127.0.0.1, port: {port} }]
  security:
    jwt: { key-file: ${join(folder, "jwt.key")}, algorithms: [HS256], issuer: here }
    audit-log: ${join(folder, "audit")}
`,
  });
  const token = (subject: string, expires: number, key = secret) =>
    new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setIssuer("here").setSubject(subject).setExpirationTime(expires).sign(key);
  const now = Math.floor(Date.now() / 1000);
  const client = await connect(t, daemon.port, { username: "ann", password: await token("ann", now + 2), clientId: "c" });
  const ended = ending(client);
  await client.publishAsync("a", "b", { qos: 1 });
  for (const [username, password] of [
    ["ann", await token("ann", now - 100)],
    ["ann", await token("ann", now + 100, Buffer.alloc(32, "guess"))],
    ["bob", await token("ann", now + 100)],
    ["ann", "secret"],
  ] as const)
    await t.throwsAsync(connect(t, daemon.port, { username, password }), { message: /Bad User Name or Password|Not authorized/i });
  t.is(await ended, 0xa0);
  t.true(Date.now() >= (now + 2) * 1000, "not before");
  daemon.kill("SIGTERM");
  await daemon.exited;
  t.like(audited(folder)[0], { event: "connect", clientId: "c", username: "ann" });
  t.is(audited(folder).filter(({ event }) => event === "refused").length, 4);
});

test("daemon: without a name one comes in from loopback and by a Unix socket only, unless a listener says otherwise", async (t) => {
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal)?.address;
  const folder = folderOf(t);
  await passwd(join(folder, "passwords"), "ann", "secret");
  const path = join(folder, "mqtt.sock");
  const daemon = await Daemon.start(t, {
    folder,
    mesh: `mqtt:
  listeners:
    - { address: 0.0.0.0, port: {port} }
    - { path: ${path} }
    - { address: 0.0.0.0, port: {port2}, anonymous: allow }
    - { address: 0.0.0.0, port: {port3}, anonymous: deny }
  security: { password-file: ${join(folder, "passwords")} }
`,
  });
  const [local, open, closed] = daemon.ports as [number, number, number];
  const message = ["-t", "a", "-m", "b", "-V", "5", "-q", "1"];
  const ann = ["-u", "ann", "-P", "secret"];
  t.is((await pub(...at(local), ...message)).status, 0);
  t.is((await pub("--unix", path, ...message)).status, 0);
  t.regex((await pub(...at(closed), ...message)).err, /[Nn]ot authori[sz]ed/);
  t.is((await pub(...at(closed), ...ann, ...message)).status, 0);
  if (own === undefined) {
    t.log("skipped in part: this machine has loopback only");
    return;
  }
  const refused = await pub(...at(local, own), ...message);
  t.not(refused.status, 0);
  t.regex(refused.err, /[Nn]ot authori[sz]ed/);
  t.is((await pub(...at(local, own), ...ann, ...message)).status, 0);
  t.is((await pub(...at(open, own), ...message)).status, 0);
});
