import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { until } from "@mitsu/reactor/turns";
import test from "ava";
import { WebSocket, WebSocketServer } from "ws";
import { testPlane, webAt } from "./test-plane.ts";

const upgrade = "GET /chat HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const granted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

test("a WebSocket of `ws` echoes through nicd, small and large, and ends with its code", async (t) => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port, ended, plane } = await testPlane(t, webAt((server.address() as AddressInfo).port));
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  await once(client, "open");
  t.is(plane.connections.tcp, 1);
  for (const bytes of [1, 100, 70_000, 3_000_000]) {
    const sent = Buffer.alloc(bytes, String(bytes));
    client.send(sent);
    const [got] = (await once(client, "message")) as [Buffer];
    t.true(got.equals(sent));
  }
  client.close(4001, "bye");
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  t.is(code, 4001);
  t.is(reason.toString(), "bye");
  await until(() => ended.length === 1, "the exchange's end");
  t.like(ended, [{ method: "GET", path: "/chat", status: 101, flag: "" }]);
  t.true(ended[0]!.responseBytes > 3_070_000);
  t.is(plane.connections.tcp, 0);
});

test("early bytes of both ends of a tunnel arrive, in order and once", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send(`${upgrade}early `);
  const replica = await server.next();
  t.is(await replica.take(/\r\n\r\n/), "GET /chat HTTP/1.1\r\nHost: web\r\nUpgrade: echo\r\nconnection: upgrade\r\n\r\n");
  replica.send(`${granted}hello `);
  t.is(await client.take(/hello /), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nconnection: upgrade\r\n\r\nhello ");
  t.is(await replica.take(/early /), "early ");
  client.send("later");
  t.is(await replica.take(/later/), "later");
  replica.send("too");
  t.is(await client.take(/too/), "too");
  client.socket.end();
  t.is(await replica.end(), "end");
  replica.send("last").socket.end();
  t.is(await client.take(/last/), "last");
  t.is(await client.end(), "end");
});

test("an upgrade that the replica does not grant is an answer like others", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send(upgrade);
  const replica = await server.next();
  await replica.message();
  replica.send("HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nno");
  t.is(await client.message(), "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
  client.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  await replica.message();
});

test("an upgrade to HTTP/2 is not passed on", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  rawClient(t, port).send(
    "GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
  );
  t.is(await (await server.next()).message(), "GET / HTTP/1.1\r\nHost: web\r\n\r\n");
});

test("CONNECT makes a tunnel when it is granted, and closes when it is not", async (t) => {
  const server = await rawServer(t);
  const { port, ended } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send("CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\nearly");
  const replica = await server.next();
  t.regex(await replica.take(/\r\n\r\n/), /^CONNECT db\.example:5432 HTTP\/1\.1\r\n/);
  replica.send("HTTP/1.1 200 Connected\r\nContent-Length: 99\r\n\r\nhello");
  t.is(await client.take(/hello/), "HTTP/1.1 200 Connected\r\n\r\nhello");
  t.is(await replica.take(/early/), "early");
  replica.socket.resetAndDestroy();
  t.is(await client.end(), "ECONNRESET");
  await until(() => ended.length === 1, "the exchange's end");

  const other = rawClient(t, port).send(
    "CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: web\r\n\r\n",
  );
  const second = await server.next();
  await second.take(/\r\n\r\n/);
  second.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  t.regex(await other.message(), /^HTTP\/1\.1 403 .*connection: close/s);
  t.is(await other.end(), "end");
  t.is(second.received, "");
});

test("a tunnel outlives the route's time-out and a drain, and a slow reader holds its writer up", async (t) => {
  const server = await rawServer(t);
  const { port, plane } = await testPlane(t, webAt(server.port, "routes: [{ timeout: 1s }]"));
  const client = rawClient(t, port).send(upgrade);
  const replica = await server.next();
  await replica.message();
  replica.send(granted);
  t.regex(await client.take(/\r\n\r\n/), /^HTTP\/1\.1 101 /);
  const late = rawClient(t, port).send(upgrade);
  await (await server.next()).message();
  plane.drain();
  client.socket.pause();
  const piece = Buffer.alloc(64 * 1024, 1);
  let sent = 0;
  while (replica.socket.write(piece)) sent++;
  // Its own time-out would have come before.
  t.regex(await late.message(), /^HTTP\/1\.1 504 /);
  t.true(replica.socket.writableLength > 0 || sent < 200);
  replica.send("END");
  client.socket.resume();
  await until(() => client.received.endsWith("END"), "all of it");
});

test("who goes first ends the other side of a tunnel", async (t) => {
  const server = await rawServer(t);
  const { port, plane } = await testPlane(t, webAt(server.port));
  for (const first of ["client", "replica"] as const) {
    const client = rawClient(t, port).send(upgrade);
    const replica = await server.next();
    await replica.message();
    replica.send(granted);
    await client.take(/\r\n\r\n/);
    (first === "client" ? client : replica).socket.resetAndDestroy();
    t.is(await (first === "client" ? replica : client).end(), "ECONNRESET");
  }
  await until(() => plane.connections.tcp === 0 && plane.connections.http === 0, "no connection");
  t.is(plane.pool.size, 0);
});
