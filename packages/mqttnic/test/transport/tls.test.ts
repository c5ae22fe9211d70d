import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls";
import test, { type ExecutionContext } from "ava";
import type { TlsConfig } from "../../src/config/broker-config.ts";
import type { BoundListener } from "../../src/data-plane/data-plane.ts";
import { urisOf } from "../../src/transport/peer-certificate.ts";
import { echoPlane, temporaryFolder } from "./echo-plane.ts";
import { type Pair, TestAuthority } from "./test-certificates.ts";

let folder = "";
let authority: TestAuthority;
let server: Pair;
let other: Pair;
let client: Pair;
let bad: Pair;
let stranger: Pair;
let plain: TlsConfig;
let mutual: TlsConfig;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mqttnic-tls-"));
  authority = await TestAuthority.make(folder, "authority");
  const foreign = await TestAuthority.make(folder, "foreign");
  server = await authority.issue("server", "/CN=broker", "DNS:broker.test,IP:127.0.0.1");
  other = await authority.issue("other", "/CN=other", "DNS:other.test");
  client = await authority.issue("client", "/C=DE/O=Lamps, Ltd/CN=lamp", "URI:spiffe://mesh.local/node/lamp,DNS:lamp.test,URI:urn:lamp");
  bad = await authority.issue("bad", "/CN=bad", "DNS:bad.test");
  stranger = await foreign.issue("stranger", "/CN=lamp", "URI:spiffe://mesh.local/node/lamp");
  plain = { ...server, authorities: undefined, requireCertificate: false, revoked: undefined, byServerName: {} };
  mutual = { ...plain, authorities: authority.certificate, requireCertificate: true };
});
test.after.always(() => rm(folder, { recursive: true }));

async function connectTo(t: ExecutionContext, bound: BoundListener, own?: Pair, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const pair = own === undefined ? {} : { cert: await readFile(own.certificate), key: await readFile(own.key) };
  const ca = await readFile(authority.certificate);
  const socket = tlsConnect({ host: "127.0.0.1", port: bound.port, servername: "broker.test", ca, ...pair, ...options });
  socket.on("error", () => {});
  t.teardown(() => socket.destroy());
  return socket;
}

async function echo(socket: TLSSocket, text: string): Promise<string> {
  socket.write(text);
  let got = "";
  while (got.length < text.length) got += String((await once(socket, "data"))[0]);
  return got;
}

/** With or without an error. */
const closed = (socket: TLSSocket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));
const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;

test("NetPlane listen() with TLS carries bytes both ways, however long", async (t) => {
  const plane = await echoPlane(t);
  const socket = await connectTo(t, await plane.listen({ tls: plain }));
  t.is(await echo(socket, "ping"), "ping");
  t.true(socket.authorized);
  const { transport, address, port, local, certificate } = plane.peer ?? {};
  t.deepEqual([transport, address, port, local, certificate], ["tls", "127.0.0.1", socket.localPort, true, undefined]);
  const long = "0123456789abcdef".repeat(400_000);
  t.true((await echo(socket, long)) === long);
});

test("NetPlane waitingBytes and onDrain() hold through TLS for a reader that does not read", async (t) => {
  const { rig, listen } = await echoPlane(t);
  const socket = await connectTo(t, await listen({ tls: plain }));
  await echo(socket, "ping");
  const [id] = rig.open as [number];
  socket.pause();
  await rig.until(() => rig.plane.waitingBytes[id] === 0);
  rig.drains.length = 0;
  const much = Buffer.alloc(16 * 1024 * 1024, "much");
  rig.send(id, much);
  rig.flush();
  t.is(rig.plane.waitingBytes[id], much.length);
  rig.send(id, "end");
  rig.flush();
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await rig.until(() => rig.drains.length === 1);
  t.is(rig.plane.waitingBytes[id], 0);
  rig.within((plane) => plane.close(id, 5000));
  await once(socket, "close");
  t.true(Buffer.concat(chunks).equals(Buffer.concat([much, Buffer.from("end")])));
});

test("Peer.certificate has the verified client's names", async (t) => {
  const plane = await echoPlane(t);
  const socket = await connectTo(t, await plane.listen({ tls: mutual }), client);
  await echo(socket, "ping");
  const { certificate } = plane.peer ?? {};
  t.is(certificate?.commonName, "lamp");
  t.deepEqual(certificate?.uris, ["spiffe://mesh.local/node/lamp", "urn:lamp"]);
  t.is(certificate?.subject, "CN=lamp,O=Lamps\\, Ltd,C=DE");
  t.is(certificate?.notAfterMs, new X509Certificate(await readFile(client.certificate)).validToDate.getTime());
});

test("Peer.certificate is known of a resumed session too", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ tls: mutual });
  const first = await connectTo(t, bound, client);
  const session = once(first, "session");
  await echo(first, "ping");
  const again = await connectTo(t, bound, client, { session: (await session)[0] as Buffer });
  await echo(again, "ping");
  t.true(again.isSessionReused());
  t.is(plane.peer?.certificate?.commonName, "lamp");
});

test("NetPlane listen() with TLS refuses clients without a certificate where one is required, and those of other authorities", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ tls: mutual });
  await closed(await connectTo(t, bound));
  await plane.refused(1);
  t.regex(plane.refusals[0] ?? "", /PEER_DID_NOT_RETURN_A_CERTIFICATE/);
  await closed(await connectTo(t, bound, stranger));
  await plane.refused(2);
  t.regex(plane.refusals[1] ?? "", /UNABLE_TO_|SIGNATURE/);
  t.is(plane.rig.told.length, 0);
});

test("NetPlane listen() with TLS lets clients without a certificate in where none is required, and a wrong one never", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ tls: { ...mutual, requireCertificate: false } });
  t.is(await echo(await connectTo(t, bound), "ping"), "ping");
  t.is(plane.peer?.certificate, undefined);
  t.is(await echo(await connectTo(t, bound, client), "ping"), "ping");
  t.is(plane.peer?.certificate?.commonName, "lamp");
  await closed(await connectTo(t, bound, stranger));
  await plane.refused(1);
  t.regex(plane.refusals[0] ?? "", /^client certificate: /);
  t.is(plane.rig.open.length, 2);
});

test("BoundListener reload() takes a list of revoked certificates over; connections that are there go on", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ tls: mutual });
  const before = await connectTo(t, bound, bad);
  let session: Buffer | undefined;
  before.once("session", (ticket: Buffer) => {
    session = ticket;
  });
  t.is(await echo(before, "ping"), "ping");
  t.truthy(session);
  const revoked = await authority.revoke(bad.certificate);
  await bound.reload({ ...bound.config, tls: { ...mutual, revoked } });
  t.is(bound.config.tls?.revoked, revoked);
  await closed(await connectTo(t, bound, bad));
  await plane.refused(1);
  t.regex(plane.refusals[0] ?? "", /CERT_REVOKED/);
  // A ticket from before does not spare it the check.
  await closed(await connectTo(t, bound, bad, { session }));
  await plane.refused(2);
  t.regex(plane.refusals[1] ?? "", /CERT_REVOKED/);
  t.is(await echo(await connectTo(t, bound, client), "ping"), "ping");
  t.is(await echo(before, "still"), "still");
});

test("NetPlane listen() with TLS shows the certificate of the name that a client asks for (SNI)", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ tls: { ...plain, byServerName: { "Other.test": other } } });
  const asked = async (servername: string) => {
    const socket = await connectTo(t, bound, undefined, { servername, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    return nameOf(socket);
  };
  t.is(await asked("other.test"), "other");
  t.is(await asked("OTHER.test"), "other");
  t.is(await asked("broker.test"), "broker");
  t.is(await asked("unknown.test"), "broker");
});

test("NetPlane listen() with TLS on a Unix socket carries a client that is local, with its certificate", async (t) => {
  const plane = await echoPlane(t);
  const path = join(await temporaryFolder(t), "mqtt.sock");
  await plane.listen({ address: undefined, path, tls: mutual });
  const options = { ca: await readFile(authority.certificate), servername: "broker.test", socket: connect(path) };
  const refused = tlsConnect({ ...options });
  refused.on("error", () => {});
  await closed(refused);
  await plane.refused(1);
  const pair = { cert: await readFile(client.certificate), key: await readFile(client.key) };
  const socket = tlsConnect({ ...options, ...pair, socket: connect(path) });
  t.is(await echo(socket, "ping"), "ping");
  const { transport, local, certificate } = plane.peer ?? {};
  t.deepEqual([transport, local, certificate?.commonName], ["tls", true, "lamp"]);
  socket.destroy();
});

test("BoundListener reload() shows a changed certificate to new connections, and keeps the old one when files are wrong", async (t) => {
  const plane = await echoPlane(t);
  const own = await temporaryFolder(t);
  const pair = { certificate: join(own, "cert.pem"), key: join(own, "key.pem") };
  const put = async (from: Pair) => {
    await copyFile(from.certificate, pair.certificate);
    await copyFile(from.key, pair.key);
  };
  const shown = async () => {
    const socket = await connectTo(t, bound, undefined, { rejectUnauthorized: false });
    await once(socket, "secureConnect");
    return nameOf(socket);
  };
  await put(server);
  const tls = { ...plain, ...pair };
  const bound = await plane.listen({ tls });
  const before = await connectTo(t, bound);
  t.is(await echo(before, "ping"), "ping");
  await put(other);
  t.is(await shown(), "broker");
  await bound.reload({ ...bound.config, tls: { ...tls } });
  t.is(await shown(), "other");
  await copyFile(server.certificate, pair.certificate);
  const error = await t.throwsAsync(bound.reload({ ...bound.config, tls: { ...tls } }), { code: "ERR_CERT_BAD" });
  t.true(error?.message.includes(pair.key));
  t.is(await shown(), "other");
  t.is(await echo(before, "still"), "still");
});

test("NetPlane listen() names the TLS file that is wrong, and does not listen", async (t) => {
  const plane = await echoPlane(t);
  const own = await temporaryFolder(t);
  const garbage = join(own, "garbage.pem");
  await writeFile(garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const empty = join(own, "empty.pem");
  await writeFile(empty, "");
  const none = join(own, "none.pem");
  const wrong: readonly [Partial<TlsConfig>, string, RegExp][] = [
    [{ certificate: none }, none, /no such file/],
    [{ certificate: own }, own, /EISDIR/],
    [{ certificate: empty }, empty, /holds no certificate/],
    [{ certificate: garbage }, garbage, /cannot be read \(number 1\)/],
    [{ key: none }, none, /no such file/],
    [{ key: server.certificate }, server.certificate, /no private key/],
    [{ key: other.key }, other.key, /does not belong to the certificate in/],
    [{ authorities: none }, none, /no such file/],
    [{ authorities: empty }, empty, /holds no certificate/],
    [{ revoked: garbage }, garbage, /no list of revoked/],
    [{ byServerName: { a: { ...other, key: server.key } } }, server.key, /does not belong/],
  ];
  for (const [change, file, why] of wrong) {
    const error = await t.throwsAsync(plane.listen({ tls: { ...plain, ...change } }), { code: "ERR_CERT_BAD" });
    t.true(error?.message.startsWith(file), error?.message);
    t.regex(error?.message ?? "", why);
    t.truthy((error as Error & { hint?: string }).hint);
  }
  // With nobody named, Node would trust the authorities of the Web.
  await t.throwsAsync(plane.listen({ tls: { ...plain, requireCertificate: true } }), { code: "ERR_CERT_BAD" });
});

/** Closed by the other end, which may have sent a reset. */
function gone(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

test("NetPlane openWithinMs bounds a handshake", async (t) => {
  const plane = await echoPlane(t, { openWithinMs: 50 });
  const bound = await plane.listen({ tls: plain });
  const silent = connect(bound.port, "127.0.0.1");
  await gone(silent);
  await plane.refused(1);
  t.deepEqual(plane.refusals, ["not open within 50 ms"]);
  t.deepEqual(plane.rig.told, []);
});

test("NetPlane refuses what is no handshake", async (t) => {
  const plane = await echoPlane(t, {});
  const bound = await plane.listen({ tls: plain });
  const wrong = connect(bound.port, "127.0.0.1");
  wrong.resume();
  wrong.write("\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0");
  await gone(wrong);
  await plane.refused(1);
  t.regex(plane.refusals[0] ?? "", /^TLS handshake: ERR_SSL/);
  const left = connect(bound.port, "127.0.0.1");
  await once(left, "connect");
  left.resetAndDestroy();
  await plane.refused(2);
  t.is(plane.refusals.length, 2);
  t.deepEqual(plane.rig.told, []);
});

test("urisOf() believes no name that pretends to be two", (t) => {
  t.deepEqual(urisOf(undefined), []);
  t.deepEqual(urisOf(""), []);
  t.deepEqual(urisOf("DNS:a.test, URI:spiffe://mesh.local/node/a, IP Address:127.0.0.1, URI:urn:b"), [
    "spiffe://mesh.local/node/a",
    "urn:b",
  ]);
  t.deepEqual(urisOf('DNS:"a, URI:spiffe://mesh.local/node/root", URI:urn:b'), ["urn:b"]);
  t.deepEqual(urisOf('URI:"urn:a\\u0000b, \\"c"'), ['urn:a\0b, "c']);
  t.deepEqual(urisOf('DNS:a", URI:urn:b'), []);
  t.deepEqual(urisOf('URI:urn:b, DNS:"a'), []);
  t.deepEqual(urisOf("othername:<unsupported>, URI:urn:b"), ["urn:b"]);
  t.deepEqual(urisOf('Registered ID:1.2.3, DirName:"CN = a\\u000aO = b, c", email:a@b, URI:urn:b'), ["urn:b"]);
});
