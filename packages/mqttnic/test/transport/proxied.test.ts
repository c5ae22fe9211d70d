import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { Client } from "../data-plane/rig.ts";
import { echoPlane, temporaryFolder } from "./echo-plane.ts";
import { version2 } from "./proxy-bytes.ts";
import { TestAuthority } from "./test-certificates.ts";

const inet4 = (address: readonly number[], port: number) =>
  version2({
    command: 1,
    family: 1,
    transport: 1,
    addresses: Buffer.from([...address, 127, 0, 0, 1, port >> 8, port & 255, 7, 91]),
    tlvs: Buffer.from("0500042a2a2a2a", "hex"),
  });

function open(t: ExecutionContext, port: number): Client {
  const client = new Client(connect(port, "127.0.0.1"));
  t.teardown(() => client.socket.destroy());
  return client;
}

test("a listener with proxyProtocol tells the client's address of either version, and MQTT follows the header", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ proxyProtocol: true });
  const seen = async (header: Buffer | string) => {
    const client = open(t, bound.port);
    client.socket.write(Buffer.concat([Buffer.from(header as string), Buffer.from("first ")]));
    await client.until(6);
    client.socket.write("second");
    await client.until(12);
    t.is(client.text, "first second");
    const { address, port, local, transport } = plane.peer ?? {};
    return [address, port, local, transport];
  };
  t.deepEqual(await seen("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883\r\n"), ["192.0.2.1", 1234, false, "tcp"]);
  t.deepEqual(await seen("PROXY TCP6 2001:db8::1 ::1 1234 1883\r\n"), ["2001:db8::1", 1234, false, "tcp"]);
  t.deepEqual(await seen("PROXY TCP6 ::ffff:192.0.2.1 ::1 1234 1883\r\n"), ["192.0.2.1", 1234, false, "tcp"]);
  t.deepEqual(await seen(inet4([198, 51, 100, 7], 4711)), ["198.51.100.7", 4711, false, "tcp"]);
  // Local is who is local to a proxy that is.
  t.deepEqual(await seen(inet4([127, 0, 0, 1], 4711)), ["127.0.0.1", 4711, true, "tcp"]);
  t.deepEqual(await seen(version2({ command: 1, family: 3, transport: 1, addresses: Buffer.alloc(216) })), ["", 0, true, "tcp"]);
  // Of whom nothing is said is not local; the proxy itself is.
  t.like(await seen("PROXY UNKNOWN\r\n"), { 0: "127.0.0.1", 2: false });
  t.like(await seen(version2({ command: 0, family: 0, transport: 0, addresses: Buffer.alloc(0) })), { 0: "127.0.0.1", 2: true });
});

test("a listener with proxyProtocol on a Unix socket tells the client's address", async (t) => {
  const plane = await echoPlane(t);
  const path = join(await temporaryFolder(t), "mqtt.sock");
  await plane.listen({ address: undefined, path, proxyProtocol: true });
  const client = new Client(connect(path));
  client.socket.write("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883\r\nping");
  await client.until(4);
  t.like(plane.peer, { address: "192.0.2.1", port: 1234, local: false, transport: "unix" });
  client.socket.destroy();
});

test("a listener with proxyProtocol closes what has no header, a wrong one, or none in time", async (t) => {
  const plane = await echoPlane(t, { openWithinMs: 100 });
  const bound = await plane.listen({ proxyProtocol: true });
  const sent = async (bytes: string, end = false) => {
    const client = open(t, bound.port);
    client.socket.write(Buffer.from(bytes, "latin1"));
    if (end) client.socket.end();
    await client.closed;
    await plane.refused(1);
    t.is(client.text, "");
    return plane.refusals.splice(0);
  };
  t.deepEqual(await sent("\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0"), ["no PROXY header"]);
  t.deepEqual(await sent("PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n"), ["a PROXY line with a wrong port"]);
  t.deepEqual(await sent("PROXY TCP4 192.0.2.1 "), ["not open within 100 ms"]);
  t.deepEqual(await sent("PROXY TCP4 192.0.2.1 ", true), ["it ended within the PROXY header"]);
  t.deepEqual(plane.rig.told, []);
});

test("a listener with proxyProtocol and TLS reads the header before the handshake, however they come", async (t) => {
  const plane = await echoPlane(t);
  const authority = await TestAuthority.make(await temporaryFolder(t), "authority");
  const pair = await authority.issue("server", "/CN=broker", "DNS:broker.test");
  const client = await authority.issue("client", "/CN=lamp", "URI:urn:lamp");
  const tls = { ...pair, authorities: authority.certificate, requireCertificate: true, revoked: undefined, byServerName: {} };
  const bound = await plane.listen({ proxyProtocol: true, tls });
  const own = { cert: await readFile(client.certificate), key: await readFile(client.key), rejectUnauthorized: false };
  for (const together of [true, false]) {
    const raw = connect(bound.port, "127.0.0.1");
    const header = inet4([192, 0, 2, 1], 1234);
    if (together) raw.cork();
    raw.write(header.subarray(0, 20));
    if (!together) await once(raw, "connect");
    raw.write(header.subarray(20));
    const socket = tlsConnect({ socket: raw, ...own });
    setImmediate(() => raw.uncork());
    socket.write("ping");
    t.is(String((await once(socket, "data"))[0]), "ping");
    t.like(plane.peer, { address: "192.0.2.1", port: 1234, transport: "tls" });
    t.is(plane.peer?.certificate?.commonName, "lamp");
    socket.destroy();
  }
});

test("a listener with proxyProtocol survives mutated headers in random pieces, and tells of none that is wrong", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ proxyProtocol: true });
  const headers = [inet4([192, 0, 2, 1], 1234), Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883\r\n")] as const;
  const input = fc.record({
    header: fc.constantFrom(...headers),
    edit: fc.option(fc.tuple(fc.nat(27), fc.integer({ min: 0, max: 255 })), { freq: 2 }),
    pieces: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 5 }),
  });
  const check = fc.asyncProperty(input, async ({ header, edit, pieces }) => {
    const client = new Client(connect({ port: bound.port, host: "127.0.0.1", noDelay: true }));
    const bytes = Buffer.concat([header, Buffer.from("ping")]);
    if (edit !== null) bytes[edit[0]] = edit[1];
    let at = 0;
    for (const piece of pieces) {
      client.socket.write(bytes.subarray(at, at + piece));
      at += piece;
      await new Promise(setImmediate);
    }
    client.socket.end(bytes.subarray(at));
    await client.closed;
    // Whatever it said: either all of MQTT's bytes come back, or none.
    if (edit === null && client.text !== "ping") throw new Error(`lost: ${client.text}`);
    if (!"ping".endsWith(client.text) && !client.text.endsWith("ping")) throw new Error(`garbled: ${client.text}`);
  });
  await fc.assert(check, { seed: 1, numRuns: process.env.MITSU_TEST_ALL === "1" ? 5000 : 150 });
  await plane.rig.until(() => plane.rig.open.length === 0);
  t.true(plane.refusals.length > 10);
});

const haproxy = "/usr/sbin/haproxy";
const checks = process.env.MITSU_TEST_ALL === "1";

test("HAProxy in front, with either version, TLVs and TLS, is understood; with MITSU_TEST_ALL its health checks too", async (t) => {
  if (!existsSync(haproxy)) {
    t.log("skipped: no haproxy");
    t.pass();
    return;
  }
  const plane = await echoPlane(t);
  const folder = await temporaryFolder(t);
  const authority = await TestAuthority.make(folder, "authority");
  const pair = await authority.issue("server", "/CN=broker", "DNS:broker.test");
  const bound = await plane.listen({ proxyProtocol: true });
  const tls = { ...pair, authorities: undefined, requireCertificate: false, revoked: undefined, byServerName: {} };
  const boundTls = await plane.listen({ name: "tls", proxyProtocol: true, tls });
  const to = `127.0.0.1:${bound.port}`;
  const servers = [
    `${to} send-proxy`,
    `${to} send-proxy-v2`,
    `${to} send-proxy-v2 proxy-v2-options crc32c,unique-id`,
    `127.0.0.1:${boundTls.port} send-proxy-v2 ssl verify none`,
    `${to} send-proxy-v2${checks ? " check inter 50" : ""}`,
  ];
  // The kernel chooses the ports of its front, too: it inherits the sockets.
  const fronts = servers.map(() => createServer().listen(0, "127.0.0.1"));
  await Promise.all(fronts.map((front) => once(front, "listening")));
  const ports = fronts.map((front) => (front.address() as AddressInfo).port);
  const config = servers.flatMap((server, index) => [
    `listen front${index}`,
    " mode tcp",
    " unique-id-format %{+X}o%ci",
    ` bind fd@${3 + index}`,
    ` server broker ${server}`,
  ]);
  const file = join(folder, "haproxy.cfg");
  const timeouts = ["defaults", " timeout connect 5s", " timeout client 20s", " timeout server 20s"];
  await writeFile(file, ["global", " nbthread 1", ...timeouts, ...config, ""].join("\n"));
  const fds = fronts.map((front) => (front as unknown as { _handle: { fd: number } })._handle.fd);
  const child = spawn(haproxy, ["-db", "-f", file], { stdio: ["ignore", "ignore", "ignore", ...fds] });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  for (const front of fronts) front.close();
  for (const [index, port] of ports.entries()) {
    const client = open(t, port);
    const ping = `ping ${index}`;
    client.socket.write(ping);
    await client.until(ping.length);
    t.is(client.text, ping);
    const own = plane.rig.open.find((id) => plane.rig.received.get(id) === ping) ?? -1;
    const { address, port: from, local, transport } = plane.rig.peers.get(own) ?? {};
    t.deepEqual([address, from, local, transport], ["127.0.0.1", (client.socket as Socket).localPort, true, index === 3 ? "tls" : "tcp"]);
  }
  // A health check says LOCAL: one connection more, from the proxy itself, that sends nothing. When it begins is left to chance, up to half a minute.
  if (checks) {
    t.timeout(60_000);
    await plane.rig.until(() => plane.rig.closes.some(({ id }) => plane.rig.received.get(id) === ""));
  }
  t.deepEqual(plane.refusals, []);
});
