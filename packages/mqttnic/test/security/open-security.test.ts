/** Who may come in, by all ways and in their order, and that a reload changes all or nothing. */

import { generateKeyPairSync, pbkdf2Sync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import { SignJWT } from "jose";
import type { SecurityConfig } from "../../src/config/broker-config.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import { formatCredential, makeCredential } from "../../src/security/credential.ts";
import { openSecurity, type SecurityOptions } from "../../src/security/open-security.ts";
import { hmac, sha256 } from "../../src/security/scram-keys.ts";
import type { AuthStep } from "../../src/security/security.ts";
import { attemptOf, certificateOf, peerOf } from "./peer-fixture.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const annLine = `ann:${formatCredential(await makeCredential(Buffer.from("secret"), "argon2id"))}\n`;
const bobLine = `bob:${formatCredential(await makeCredential(Buffer.from("pencil"), "scram-sha-256"))}\n`;
const tls = { certificate: "", key: "", authorities: "", requireCertificate: false, revoked: undefined, byServerName: {} };

async function opened(t: ExecutionContext, change: Partial<SecurityConfig> = {}, options: Partial<SecurityOptions> = {}) {
  const security = await openSecurity(
    { ...defaultConfig.security, ...change },
    { meshSecret: undefined, meshNodes: [], now: () => 0, ...options },
  );
  t.teardown(() => security.close());
  return security;
}

test("authenticate() of clients without a name follows the listener's anonymous", async (t) => {
  const security = await opened(t);
  const cases = [
    ["yes", false, true],
    ["yes", true, true],
    ["no", true, false],
    ["local", true, true],
    ["local", false, false],
  ] as const;
  for (const [anonymous, local, ok] of cases) {
    const judgement = await security.authenticate(attemptOf({ peer: peerOf({ local }, { anonymous }) }));
    t.is(judgement.ok, ok, `${anonymous} ${local}`);
    if (judgement.ok) t.deepEqual(judgement.identity, { username: undefined, by: "anonymous", untilMs: 0, peerNode: undefined });
    else t.is(judgement.reasonCode, 0x87);
  }
});

test("authenticate() without a password file takes a name as it is where anonymous clients may come, as mosquitto", async (t) => {
  const security = await opened(t);
  t.like(await security.authenticate(attemptOf({ username: "ann", password: "x", peer: peerOf({}, { anonymous: "yes" }) })), {
    ok: true,
    identity: { username: "ann", by: "anonymous" },
  });
  t.like(await security.authenticate(attemptOf({ username: "ann", password: "x" })), { ok: false });
});

test("authenticate() by the password file; anonymous: yes does not soften a wrong password", async (t) => {
  const passwordFile = temporaryFolder(t).file("passwd", annLine + bobLine);
  const security = await opened(t, { passwordFile });
  const peer = peerOf({}, { anonymous: "yes" });
  t.deepEqual(await security.authenticate(attemptOf({ username: "ann", password: "secret" })), {
    ok: true,
    identity: { username: "ann", by: "password", untilMs: 0, peerNode: undefined },
  });
  t.like(
    await security.authenticate(attemptOf({ username: "bob", password: "pencil" })),
    { ok: true },
    "a SCRAM line serves plain passwords too",
  );
  for (const attempt of [
    { username: "ann", password: "Secret" },
    { username: "ann" },
    { username: "ann", password: "" },
    { username: "eve", password: "secret" },
    { username: "", password: "" },
  ]) {
    t.like(await security.authenticate(attemptOf({ ...attempt, peer })), { ok: false, reasonCode: 0x86 }, JSON.stringify(attempt));
  }
  t.like(await security.authenticate(attemptOf({ peer })), { ok: true }, "without a name it is anonymous");
  t.true("ok" in security.authenticate(attemptOf({ username: "ann", password: "secret" })), "the second time at once");
});

test("authenticate() by certificate asks no password, and refuses without a name in it", async (t) => {
  const passwordFile = temporaryFolder(t).file("passwd", annLine);
  const security = await opened(t, { passwordFile });
  const certificate = certificateOf({
    commonName: "cart",
    subject: "CN=cart,O=shop",
    uris: ["spiffe://shop.mesh/sa/cart-service", "https://x"],
  });
  for (const [certificateName, username] of [
    ["common-name", "cart"],
    ["subject", "CN=cart,O=shop"],
    ["spiffe", "cart-service"],
  ] as const) {
    const peer = peerOf({ certificate }, { certificateName, tls });
    t.deepEqual(await security.authenticate(attemptOf({ peer, username: "ann", password: "wrong" })), {
      ok: true,
      identity: { username, by: "certificate", untilMs: certificate.notAfterMs, peerNode: undefined },
    });
    const peers = [peerOf({}, { certificateName, tls }), peerOf({ certificate: certificateOf() }, { certificateName, tls })];
    for (const peer of peers)
      t.like(await security.authenticate(attemptOf({ peer, username: "ann", password: "secret" })), { ok: false, reasonCode: 0x87 });
  }
  for (const uris of [["spiffe://shop.mesh"], ["spiffe://a/b", "spiffe://a/c"], ["spiffe:///a"], ["spiffe://a/b/"], ["spiffe://a/b?c"]]) {
    t.like(
      await security.authenticate(
        attemptOf({ peer: peerOf({ certificate: certificateOf({ uris }) }, { certificateName: "spiffe", tls }) }),
      ),
      { ok: false },
      uris[0],
    );
  }
  t.like(await security.authenticate(attemptOf({ peer: peerOf({ certificate }, { tls }), username: "ann", password: "secret" })), {
    identity: { by: "password" },
  });
});

test("authenticate() by token, beside a password file", async (t) => {
  const folder = temporaryFolder(t);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keyFile = folder.file("key", publicKey.export({ type: "spki", format: "pem" }));
  const jwt = { keyFile, algorithms: ["EdDSA"], issuer: undefined, audience: undefined, usernameClaim: "sub" };
  const token = await new SignJWT({ sub: "dev", exp: 60 }).setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
  const only = await opened(t, { jwt });
  t.like(await only.authenticate(attemptOf({ password: token })), { ok: true, identity: { username: "dev", by: "jwt", untilMs: 60_000 } });
  t.like(await only.authenticate(attemptOf({ username: "dev", password: token })), { ok: true });
  t.like(await only.authenticate(attemptOf({ username: "ann", password: token })), { ok: false, reasonCode: 0x86 });
  t.like(await only.authenticate(attemptOf({ username: "ann", peer: peerOf({}, { anonymous: "yes" }) })), { ok: false, reasonCode: 0x86 });
  t.like(await only.authenticate(attemptOf({ username: "ann", password: "x", peer: peerOf({}, { anonymous: "yes" }) })), { ok: false });
  const both = await opened(t, { jwt, passwordFile: folder.file("passwd", annLine) });
  t.like(await both.authenticate(attemptOf({ username: "ann", password: "secret" })), { ok: true, identity: { by: "password" } });
  t.like(await both.authenticate(attemptOf({ password: token })), { ok: true, identity: { by: "jwt" } });
});

test("authenticate() keeps $mesh/ client ids and the user $mesh for peers", async (t) => {
  const security = await opened(t, { clientIdPrefix: "dev-" }, { meshSecret: Buffer.from("mesh secret"), meshNodes: ["b", "c"] });
  const open = peerOf({ local: true }, { anonymous: "yes" });
  const by = (uri: string) => peerOf({ certificate: certificateOf({ uris: [uri] }) }, { anonymous: "yes" });
  t.deepEqual(await security.authenticate(attemptOf({ clientId: "$mesh/b", username: "$mesh", password: "mesh secret" })), {
    ok: true,
    identity: { username: "$mesh", by: "mesh", untilMs: 0, peerNode: "b" },
  });
  t.like(await security.authenticate(attemptOf({ clientId: "$mesh/c", peer: by("spiffe://shop.mesh/node/c") })), {
    ok: true,
    identity: { by: "mesh", peerNode: "c", untilMs: 1_900_000_000_000 },
  });
  const refused = [
    attemptOf({ clientId: "$mesh/b", peer: open }),
    attemptOf({ clientId: "$mesh/b", username: "$mesh", password: "mesh secreu", peer: open }),
    attemptOf({ clientId: "$mesh/b", username: "ann", password: "mesh secret", peer: open }),
    attemptOf({ clientId: "$mesh/x", username: "$mesh", password: "mesh secret" }),
    attemptOf({ clientId: "$mesh/", username: "$mesh", password: "mesh secret" }),
    attemptOf({ clientId: "$mesh/b", peer: by("spiffe://shop.mesh/node/c") }),
    attemptOf({ clientId: "$mesh/b", peer: by("spiffe://shop.mesh/sa/b") }),
    attemptOf({ clientId: "$mesh/b", peer: by("spiffe://shop.mesh/node/x/b") }),
    attemptOf({ clientId: "dev-1", username: "$mesh", password: "mesh secret", peer: open }),
  ];
  for (const attempt of refused) t.like(await security.authenticate(attempt), { ok: false, reasonCode: 0x87 });
  const without = await opened(t, {}, { meshNodes: ["b"] });
  t.like(await without.authenticate(attemptOf({ clientId: "$mesh/b", username: "$mesh", password: "" })), { ok: false });
});

test("authenticate() wants the client id's prefix of all but in-process clients", async (t) => {
  const security = await opened(t, { clientIdPrefix: "dev-" });
  const peer = peerOf({}, { anonymous: "yes" });
  t.like(await security.authenticate(attemptOf({ peer, clientId: "dev-1" })), { ok: true });
  t.like(await security.authenticate(attemptOf({ peer, clientId: "c" })), { ok: false, reasonCode: 0x87 });
  t.deepEqual(await security.authenticate(attemptOf({ peer: peerOf({ identity: "bridge", local: true }) })), {
    ok: true,
    identity: { username: "bridge", by: "in-process", untilMs: 0, peerNode: undefined },
  });
});

const proofOf = (password: string, bare: string, serverFirst: string): Buffer => {
  const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=([0-9]+)$/.exec(serverFirst)!;
  const clientKey = hmac(pbkdf2Sync(password, Buffer.from(salt!, "base64"), Number(iterations), 32, "sha256"), "Client Key");
  const signature = hmac(sha256(clientKey), `${bare},${serverFirst},c=biws,r=${nonce}`);
  return Buffer.from(`c=biws,r=${nonce},p=${Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!)).toString("base64")}`);
};

test("method(SCRAM-SHA-256) lets users of the password file in, whom the CONNECT and the certificate must name alike [MQTT 5.0 §4.12]", async (t) => {
  const security = await opened(t, {
    scram: true,
    passwordFile: temporaryFolder(t).file("passwd", annLine + bobLine),
    clientIdPrefix: "c",
  });
  t.is(security.method("SCRAM-SHA-1"), undefined);
  t.is((await opened(t)).method("SCRAM-SHA-256"), undefined, "only where it is on");
  const method = security.method("SCRAM-SHA-256")!;
  const exchange = async (user: string, password: string, change: Parameters<typeof attemptOf>[0] = {}): Promise<AuthStep> => {
    const begun = method.begin(attemptOf(change));
    const bare = `n=${user},r=abc`;
    const answer = await begun.step(Buffer.from(`n,,${bare}`));
    return answer.kind === "continue" ? begun.step(proofOf(password, bare, answer.data.toString())) : answer;
  };
  const done = await exchange("bob", "pencil");
  t.like(done, { kind: "done", identity: { username: "bob", by: "scram", untilMs: 0 } });
  t.regex(done.kind === "done" ? done.data!.toString() : "", /^v=/);
  t.is((await exchange("bob", "pencil", { username: "bob" })).kind, "done");
  const certificate = certificateOf({ commonName: "bob" });
  t.like(await exchange("bob", "pencil", { peer: peerOf({ certificate }, { certificateName: "common-name", tls }) }), {
    kind: "done",
    identity: { untilMs: certificate.notAfterMs },
  });
  for (const step of [
    await exchange("bob", "pencils"),
    await exchange("ann", "secret"),
    await exchange("eve", "pencil"),
    await exchange("bob", "pencil", { username: "ann" }),
    await exchange("bob", "pencil", {
      peer: peerOf({ certificate: certificateOf({ commonName: "eve" }) }, { certificateName: "common-name", tls }),
    }),
  ]) {
    t.like(step, { kind: "refused", reasonCode: 0x86 });
  }
  t.like(await exchange("bob", "pencil", { clientId: "x" }), { kind: "refused", reasonCode: 0x87 });
  const invented = await Promise.all([0, 1].map(() => method.begin(attemptOf()).step(Buffer.from("n,,n=eve,r=abc"))));
  const salts = invented.map((step) => (step.kind === "continue" ? step.data.toString().split(",").slice(1).join() : ""));
  t.is(salts[0], salts[1], "an unknown user has one salt");
  t.regex(salts[0]!, /i=16384$/);
});

test("reload() takes all files anew, or none, and counts generations", async (t) => {
  const folder = temporaryFolder(t);
  const passwordFile = folder.file("passwd", annLine);
  const aclFile = folder.file("acl", "user ann\ntopic a\n");
  const auditLog = join(folder.path, "audit");
  const security = await opened(t, { passwordFile, aclFile, auditLog });
  const ann = { username: "ann", by: "password", untilMs: 0, peerNode: undefined } as const;
  const comesIn = async (username: string, password: string) => (await security.authenticate(attemptOf({ username, password }))).ok;
  t.true(await comesIn("ann", "secret"));
  t.true(security.acl.mayPublish(ann, "c", "a"));
  t.false(security.acl.mayPublish(ann, "c", "b"));
  t.is(security.generation, 0);

  writeFileSync(passwordFile, bobLine);
  writeFileSync(aclFile, "user ann\ntopic b\ntopic reed c\n");
  const error = (await t.throwsAsync(security.reload(), { instanceOf: MitsuError })) as MitsuError;
  t.is(error.message, `${aclFile}:3: "reed" is no access`);
  t.is(security.generation, 0);
  t.true(await comesIn("ann", "secret"), "the password file is the old one too");
  t.false(security.acl.mayPublish(ann, "c", "b"));
  t.true(security.admits(ann));

  writeFileSync(aclFile, "user ann\ntopic b\n");
  await security.reload();
  t.is(security.generation, 1);
  t.false(await comesIn("ann", "secret"), "what was remembered is forgotten");
  t.true(await comesIn("bob", "pencil"));
  t.true(security.acl.maySubscribe(ann, "c", "b"));
  t.false(security.acl.mayReceive(ann, "c", "a"));
  t.false(security.admits(ann), "its user is gone");
  t.true(security.admits({ ...ann, by: "certificate" }));

  const both = await Promise.allSettled([security.reload(), security.reload()]);
  t.deepEqual(
    both.map(({ status }) => status),
    ["fulfilled", "fulfilled"],
  );
  t.is(security.generation, 3);
  security.audit({ event: "refused", clientId: "c", username: "eve", from: "here", reason: "wrong" });
  security.close();
  t.is(security.auditLinesLost, 0);
});

test("reload() while a password is checked: the new file judges", async (t) => {
  // Half a second of work: the check is not to be over before the reload, however busy the machine is.
  const [iterations, salt] = [500_000, Buffer.from("salty")];
  const hash = pbkdf2Sync("secret", salt, iterations, 64, "sha512");
  const line = `ann:${formatCredential({ scheme: "pbkdf2-sha512", iterations, salt, hash })}\n`;
  const passwordFile = temporaryFolder(t).file("passwd", line);
  const security = await opened(t, { passwordFile });
  const judgement = security.authenticate(attemptOf({ username: "ann", password: "secret" }));
  writeFileSync(passwordFile, bobLine);
  await security.reload();
  t.like(await judgement, { ok: false, reasonCode: 0x86 });
});

test("reload() writes to the audit log, whether it went well or not", async (t) => {
  const folder = temporaryFolder(t);
  const aclFile = folder.file("acl", "topic a\n");
  const auditLog = join(folder.path, "audit");
  const security = await opened(t, { aclFile, auditLog });
  await security.reload();
  writeFileSync(aclFile, "topik a\n");
  await t.throwsAsync(security.reload());
  security.close();
  const written = (): string[] => readFileSync(auditLog, "utf8").split("\n").filter(Boolean);
  // Lines leave with the next turns of the loop.
  while (written().length < 2) await new Promise((resolve) => setImmediate(resolve));
  const [well, ill] = written().map((line) => JSON.parse(line));
  t.deepEqual(well, { time: "1970-01-01T00:00:00.000Z", event: "reload", clientId: "", from: "" });
  t.regex(ill.reason, /acl:1: "topik" is not known/);
});

test("openSecurity() says which file is missing or wrong", async (t) => {
  const wrong: readonly (readonly [Partial<SecurityConfig>, RegExp])[] = [
    [{ passwordFile: "/none/passwd" }, /cannot read the password file \/none\/passwd: no such file/],
    [{ aclFile: "/none/acl" }, /cannot read the ACL file \/none\/acl: no such file/],
    [{ auditLog: "/none/audit" }, /cannot open the audit log \/none\/audit/],
    [{ scram: true }, /scram is on, but there is no password file/],
    [{ passwordFile: temporaryFolder(t).file("passwd", "ann:plain\n") }, /passwd:1: the password is not hashed/],
  ];
  for (const [change, says] of wrong) {
    const error = (await t.throwsAsync(opened(t, change), { instanceOf: MitsuError, message: says })) as MitsuError;
    t.is(error.exit, 78);
    t.truthy(error.hint);
  }
});

test("prepare() puts another configuration in force at take(), all of it, and nothing of it before or after abandon()", async (t) => {
  const folder = temporaryFolder(t);
  const [before, after] = [join(folder.path, "before"), join(folder.path, "after")];
  const passwordFile = folder.file("passwd", annLine + bobLine);
  const security = await opened(t, { auditLog: before });
  const peer = peerOf({}, { anonymous: "yes" });
  const mesh = { meshSecret: Buffer.from("secret"), meshNodes: ["b"] };
  const next: SecurityConfig = { ...defaultConfig.security, auditLog: after, passwordFile, scram: true, clientIdPrefix: "own-" };
  const judge = async (attempt: Parameters<typeof attemptOf>[0]) => (await security.authenticate(attemptOf({ peer, ...attempt }))).ok;
  const all = () =>
    Promise.all([
      judge({ clientId: "any" }),
      judge({ clientId: "own-1", username: "ann", password: "secret" }),
      judge({ clientId: "own-1", username: "ann", password: "guess" }),
      judge({ clientId: "$mesh/b", username: "$mesh", password: "secret" }),
      security.method("SCRAM-SHA-256") !== undefined,
    ]);
  const asBefore = [true, true, true, false, false];
  t.deepEqual(await all(), asBefore);
  (await security.prepare(next, mesh)).abandon();
  await t.throwsAsync(security.prepare({ ...next, aclFile: join(folder.path, "none") }, mesh), { instanceOf: MitsuError });
  const prepared = await security.prepare(next, mesh);
  t.deepEqual(await all(), asBefore);
  t.is(security.generation, 0);
  prepared.take();
  t.deepEqual(await all(), [false, true, false, true, true]);
  t.is(security.generation, 1);
  // A reload is by the configuration in force now.
  await security.reload();
  t.deepEqual(await all(), [false, true, false, true, true]);
  security.close();
  const events = (path: string): number => readFileSync(path, "utf8").split("\n").length - 1;
  while (events(before) < 1 || events(after) < 2) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual([events(before), events(after)], [1, 2], "the failed one; take() and reload()");
});
