import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import test, { type ExecutionContext } from "ava";
import { type ClientOptions, WebSocket } from "ws";
import type { BoundListener } from "../../src/data-plane/data-plane.ts";
import { Client } from "../data-plane/rig.ts";
import { echoPlane, temporaryFolder } from "./echo-plane.ts";
import { TestAuthority } from "./test-certificates.ts";

const webSockets = { protocol: "websockets" } as const;

async function opened(
  t: ExecutionContext,
  bound: BoundListener,
  path = "/mqtt",
  protocols = ["mqtt"],
  options: ClientOptions = {},
): Promise<WebSocket> {
  const socket = new WebSocket(`${bound.config.tls === undefined ? "ws" : "wss"}://127.0.0.1:${bound.port}${path}`, protocols, options);
  t.teardown(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

/** Collects so many bytes, over however many frames. */
function got(socket: WebSocket, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onMessage = (data: Buffer, isBinary: boolean) => {
      if (!isBinary) reject(new Error("a frame with text"));
      text += data.toString("latin1");
      if (text.length < length) return;
      socket.off("message", onMessage);
      resolve(text);
    };
    socket.on("message", onMessage);
  });
}

/** What a server answers to a request, and that it closes. */
async function answered(bound: BoundListener, lines: readonly string[]): Promise<string> {
  const client = new Client(connect(bound.port, "127.0.0.1"));
  client.socket.write([...lines, "", ""].join("\r\n"));
  await client.closed;
  return client.text;
}

const upgrade = [
  "Host: a",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

test("NetPlane listen() with WebSockets carries packets in binary frames, split and joined as they come", async (t) => {
  const plane = await echoPlane(t);
  const socket = await opened(t, await plane.listen(webSockets));
  t.is(socket.protocol, "mqtt");
  const { transport, address, local, certificate } = plane.peer ?? {};
  t.deepEqual([transport, address, local, certificate], ["ws", "127.0.0.1", true, undefined]);
  // [MQTT-6.0.0-2]: one packet over several frames, several packets in one frame; fragments of one message too.
  socket.send(Buffer.from("pa"));
  socket.send(Buffer.from("cketpacket"));
  socket.send(Buffer.alloc(0));
  socket.send(Buffer.from("frag"), { fin: false });
  socket.send(Buffer.from("ment"), { fin: true });
  t.is(await got(socket, 20), "packetpacketfragment");
  const long = "0123456789abcdef".repeat(200_000);
  socket.send(Buffer.from(long));
  t.true((await got(socket, long.length)) === long);
  socket.close();
  await plane.rig.until(() => plane.rig.closes.length === 1);
  t.is(plane.rig.closes[0]?.error, null);
});

test("NetPlane listen() with WebSockets closes a connection that sends text [MQTT-6.0.0-1]", async (t) => {
  const plane = await echoPlane(t);
  const socket = await opened(t, await plane.listen(webSockets));
  socket.send("text");
  socket.send(Buffer.from("too late"));
  const [code] = (await once(socket, "close")) as [number];
  t.is(code, 1003);
  await plane.rig.until(() => plane.rig.closes.length === 1);
  t.regex(plane.rig.closes[0]?.error?.message ?? "", /text/);
  t.is([...plane.rig.received.values()].join(""), "");
});

test("NetPlane listen() with WebSockets picks the subprotocol mqtt, or mqttv3.1, and nothing else [MQTT-6.0.0-3] [MQTT-6.0.0-4]", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen(webSockets);
  t.is((await opened(t, bound, "/", ["other", "mqttv3.1", "mqtt"])).protocol, "mqtt");
  t.is((await opened(t, bound, "/", ["mqttv3.1"])).protocol, "mqttv3.1");
  t.regex(await answered(bound, ["GET / HTTP/1.1", ...upgrade]), /^HTTP\/1.1 400 [\s\S]*subprotocol mqtt/);
  t.regex(await answered(bound, ["GET / HTTP/1.1", ...upgrade, "Sec-WebSocket-Protocol: mqtts, chat"]), /^HTTP\/1.1 400 /);
  await plane.refused(2);
  t.deepEqual(plane.refusals, ["WebSocket without the subprotocol mqtt", "WebSocket without the subprotocol mqtt"]);
});

test("NetPlane listen() with WebSockets opens at the paths that are named only", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen({ ...webSockets, webSocketPaths: ["/mqtt"] });
  await opened(t, bound, "/mqtt?token=1");
  t.regex(await answered(bound, ["GET /other HTTP/1.1", ...upgrade, "Sec-WebSocket-Protocol: mqtt"]), /^HTTP\/1.1 404 /);
  await plane.refused(1);
  t.deepEqual(plane.refusals, ["WebSocket at another path"]);
  await bound.reload({ ...bound.config, webSocketPaths: ["/other"] });
  await opened(t, bound, "/other");
  t.is(plane.rig.open.length, 2);
});

test("NetPlane listen() with WebSockets refuses what is no upgrade, and what takes too long", async (t) => {
  const plane = await echoPlane(t, { openWithinMs: 100 });
  const bound = await plane.listen(webSockets);
  t.regex(await answered(bound, ["GET / HTTP/1.1", "Host: a"]), /^HTTP\/1.1 426 /);
  t.regex(await answered(bound, ["\x10\x0c\0\x04MQTT"]), /^HTTP\/1.1 400 /);
  t.regex(await answered(bound, ["GET / HTTP/1.1", ...upgrade.slice(0, -1), "Sec-WebSocket-Protocol: mqtt"]), /^HTTP\/1.1 400 /);
  const slow = new Client(connect(bound.port, "127.0.0.1"));
  slow.socket.write("GET / HTTP/1.1\r\nHost: a\r\n");
  await slow.closed;
  await plane.refused(4);
  t.deepEqual(plane.refusals, [
    "a request that is no WebSocket upgrade",
    "HTTP: HPE_INVALID_METHOD",
    "WebSocket: a wrong upgrade",
    "not open within 100 ms",
  ]);
  t.deepEqual(plane.rig.told, []);
});

test("NetPlane listen() with WebSockets does not take a page of another site for local", async (t) => {
  const plane = await echoPlane(t);
  const bound = await plane.listen(webSockets);
  const local = async (origin: string) => {
    await opened(t, bound, "/", ["mqtt"], { origin });
    return plane.peer?.local;
  };
  t.true(await local("http://localhost:8080"));
  t.true(await local("http://127.0.0.1"));
  t.true(await local("http://[::1]:3000"));
  t.false(await local("https://example.test"));
  t.false(await local("http://127.0.0.1.example.test"));
  t.false(await local("null"));
});

test("NetPlane listen() with WebSockets ends messages longer than webSocketMessageBytes and frames that are wrong", async (t) => {
  const plane = await echoPlane(t, { webSocketMessageBytes: 1000 });
  const bound = await plane.listen(webSockets);
  const long = await opened(t, bound);
  long.send(Buffer.alloc(1001));
  t.is(((await once(long, "close")) as [number])[0], 1009);
  await plane.rig.until(() => plane.rig.closes.length === 1);
  t.truthy(plane.rig.closes[0]?.error);
  const wrong = new Client(connect(bound.port, "127.0.0.1"));
  // A frame without a mask, right behind the request. [RFC 6455 §5.1]
  wrong.socket.write(
    Buffer.from(["GET / HTTP/1.1", ...upgrade, "Sec-WebSocket-Protocol: mqtt", "", "\x82\x04ping"].join("\r\n"), "latin1"),
  );
  await wrong.closed;
  t.regex(wrong.text, /^HTTP\/1.1 101 /);
  await plane.rig.until(() => plane.rig.closes.length === 2);
  t.regex(plane.rig.closes[1]?.error?.message ?? "", /MASK/);
});

test("NetPlane holds bytes up for a WebSocket that does not read, tells when they have left, and closes with grace", async (t) => {
  const { rig, listen } = await echoPlane(t);
  const socket = await opened(t, await listen(webSockets));
  const [id] = rig.open as [number];
  socket.pause();
  const much = Buffer.alloc(16 * 1024 * 1024, "much");
  rig.send(id, much);
  t.false(rig.flush());
  t.true((rig.plane.waitingBytes[id] as number) > 0);
  rig.gap();
  rig.send(id, "end");
  rig.flush();
  const text = got(socket, much.length + 3);
  socket.resume();
  await rig.until(() => rig.drains.length === 1);
  t.is(rig.plane.waitingBytes[id], 0);
  t.true((await text) === `${much.toString("latin1")}end`);
  rig.send(id, "last");
  rig.within((plane) => plane.close(id, 5000));
  const [last] = await Promise.all([got(socket, 4), once(socket, "close")]);
  t.is(last, "last");
  await rig.until(() => rig.closes.length === 1);
  t.is(rig.closes[0]?.error, null);
});

test("NetPlane pause() holds a WebSocket up; close() without grace ends one at once", async (t) => {
  const { rig, listen } = await echoPlane(t);
  const bound = await listen(webSockets);
  const held = await opened(t, bound);
  const [id] = rig.open as [number];
  rig.within((plane) => plane.pause(id));
  held.send(Buffer.from("held"));
  const other = await opened(t, bound);
  other.send(Buffer.from("1"));
  await got(other, 1);
  t.is(rig.received.get(id), "");
  rig.within((plane) => plane.resume(id));
  t.is(await got(held, 4), "held");
  rig.within((plane) => plane.close(id, 0));
  t.is(((await once(held, "close")) as [number])[0], 1006);
  await rig.until(() => rig.closes.length === 1);
});

test("NetPlane listen() with secure WebSockets knows the client's certificate, behind a PROXY header too", async (t) => {
  const plane = await echoPlane(t);
  const authority = await TestAuthority.make(await temporaryFolder(t), "authority");
  const pair = await authority.issue("server", "/CN=broker", "DNS:broker.test,IP:127.0.0.1");
  const client = await authority.issue("client", "/CN=lamp", "URI:urn:lamp");
  const tls = { ...pair, authorities: authority.certificate, requireCertificate: true, revoked: undefined, byServerName: {} };
  const own = { ca: await readFile(authority.certificate), cert: await readFile(client.certificate), key: await readFile(client.key) };
  const socket = await opened(t, await plane.listen({ ...webSockets, tls }), "/", ["mqtt"], own);
  socket.send(Buffer.from("ping"));
  t.is(await got(socket, 4), "ping");
  t.like(plane.peer, { transport: "wss", address: "127.0.0.1" });
  t.deepEqual(plane.peer?.certificate?.uris, ["urn:lamp"]);

  const behind = await plane.listen({ ...webSockets, proxyProtocol: true });
  const raw = new Client(connect(behind.port, "127.0.0.1"));
  const frame = Buffer.from("\x82\x84\0\0\0\0ping", "latin1");
  const request = ["PROXY TCP4 192.0.2.1 192.0.2.9 1234 80", "GET / HTTP/1.1", ...upgrade, "Sec-WebSocket-Protocol: mqtt", "", ""].join(
    "\r\n",
  );
  raw.socket.write(Buffer.concat([Buffer.from(request), frame]));
  await plane.rig.until(() => plane.rig.received.get(plane.rig.open.at(-1) ?? -1) === "ping" && plane.rig.open.length === 2);
  t.like(plane.peer, { transport: "ws", address: "192.0.2.1", port: 1234, local: false });
  raw.socket.destroy();
});
