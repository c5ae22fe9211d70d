import { type RawPeer, rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { turns, until } from "@mitsu/reactor/turns";
import test from "ava";
import { testPlane, webAt } from "./test-plane.ts";

const get = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const ok = (body = "ok"): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Answers each request with its path. */
async function echoPaths(peer: RawPeer): Promise<void> {
  try {
    for (;;) peer.send(ok(/ (\S+) /.exec(await peer.message())![1]));
  } catch {
    // its client has gone
  }
}

test("a request reaches the replica without the connection's own fields, and the answer comes back", async (t) => {
  const server = await rawServer(t);
  const { port, ended } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port);
  client.send(
    "GET /a?b=c HTTP/1.1\r\nHost: web:80\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-End: \xe9 \r\nEmpty:\r\nProxy-Connection: x\r\nTE: trailers\r\n\r\n",
  );
  const replica = await server.next();
  t.is(await replica.message(), "GET /a?b=c HTTP/1.1\r\nHost: web:80\r\nX-End: \xe9 \r\nEmpty:\r\nTE: trailers\r\n\r\n");
  replica.send("HTTP/1.1 200 Fine\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\nX: \xfc\r\n\r\nok");
  t.is(await client.message(), "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX: \xfc\r\n\r\nok");
  t.like(ended, [{ method: "GET", path: "/a?b=c", status: 200, flag: "", tries: 1 }]);
});

test("keep-alive uses both connections again", async (t) => {
  const server = await rawServer(t);
  const { port, plane } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port);
  void server.next().then(echoPaths);
  for (let round = 0; round < 20; round++) {
    client.send(`GET /${round} HTTP/1.1\r\nHost: web\r\n\r\n`);
    t.true((await client.message()).endsWith(`\r\n\r\n/${round}`));
  }
  t.is(server.peers.length, 1);
  t.is(plane.pool.opened, 1);
});

test("1000 requests in one write are answered in order", async (t) => {
  const server = await rawServer(t);
  const { port, ended } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port);
  void server.next().then(echoPaths);
  client.send(Array.from({ length: 1000 }, (_, n) => `GET /${n} HTTP/1.1\r\nHost: web\r\n\r\n`).join(""));
  for (let n = 0; n < 1000; n++) t.true((await client.message()).endsWith(`\r\n\r\n/${n}`));
  t.is(ended.length, 1000);
});

test("2000 requests in one write that nicd answers itself are answered in order, and more than one read long", async (t) => {
  const { port } = await testPlane(t, webAt(1, "routes: [{ respond: { status: 200, body: own } }]"));
  const client = rawClient(t, port);
  const padding = "x".repeat(200);
  for (let round = 0; round < 3; round++) client.send(Array(2000).fill(`GET /${padding} HTTP/1.1\r\nHost: web\r\n\r\n`).join(""));
  for (let n = 0; n < 6000; n++) t.true((await client.message()).endsWith("own\n"), String(n));
});

test("pipelined requests with bodies, split at every byte, arrive whole", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port, "protocol: http"));
  const one = "POST /1 HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello";
  const two = "POST /2 HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n";
  const both = one + two;
  const client = rawClient(t, port);
  client.socket.setNoDelay(true);
  const replica = server.next();
  for (let at = 0; at < both.length; at++) {
    client.send(both[at]!);
    await new Promise(setImmediate);
  }
  const peer = await replica;
  t.is(await peer.message(), one);
  peer.send(ok("1"));
  t.true((await client.message()).endsWith("1"));
  t.is((await peer.take(/T: 1\r\n\r\n/)).toLowerCase(), two.toLowerCase());
  peer.send(ok("2"));
  t.true((await client.message()).endsWith("2"));
});

test("chunks and trailers pass both ways as they came", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port);
  client.send("POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n4;a=b\r\nwiki\r\n");
  const replica = await server.next();
  await replica.take(/wiki\r\n$/);
  client.send("0\r\nSum: 1\r\n\r\n");
  t.is(await replica.take(/Sum: 1\r\n\r\n/), "0\r\nSum: 1\r\n\r\n");
  replica.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
  await client.take(/2\r\nok\r\n$/);
  replica.send("0\r\nSum: 2\r\n\r\n");
  t.is(await client.take(/Sum: 2\r\n\r\n/), "0\r\nSum: 2\r\n\r\n");
  client.send(get);
  t.regex(await replica.take(/\r\n\r\n/), /^GET/);
});

test("an answer in chunks reaches an HTTP/1.0 client without them, and ends with the connection", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  for (const split of [0, 1, 3, 6]) {
    const client = rawClient(t, port);
    client.send("GET / HTTP/1.0\r\n\r\n");
    const replica = server.peers[0] ?? (await server.next());
    t.is(await replica.message(), "GET / HTTP/1.1\r\n\r\n");
    const body = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    replica.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.slice(0, split)}`);
    await client.take(/\r\n\r\n/);
    replica.send(body.slice(split));
    t.is(await client.end(), "end");
    t.is(client.received, "abcde");
  }
});

test("an answer that ends with its connection ends the client's", async (t) => {
  const server = await rawServer(t);
  const { port, ended } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send(get);
  const replica = await server.next();
  await replica.message();
  replica.send("HTTP/1.1 200 OK\r\n\r\nuntil ");
  t.is(await client.take(/until /), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil ");
  replica.send("close").socket.end();
  t.is(await client.end(), "end");
  t.is(client.received, "close");
  t.like(ended, [{ flag: "", status: 200 }]);
});

test("HEAD, 204 and 304 have no body, whatever length they tell", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send("HEAD / HTTP/1.1\r\nHost: web\r\n\r\n");
  const replica = await server.next();
  await replica.message();
  replica.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  t.is(await client.take(/\r\n\r\n/), "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  client.send(get);
  await replica.message();
  replica.send("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX: 1\r\n\r\n");
  t.is(await client.take(/\r\n\r\n/), "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n");
  client.send(get);
  await replica.message();
  replica.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  t.is(await client.take(/\r\n\r\n/), "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
  client.send(get);
  await replica.message();
  replica.send(ok());
  t.true((await client.message()).endsWith("ok"));
});

test("100 Continue and early hints come before the answer; a body may wait for them", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const replica = await server.next();
  t.regex(await replica.take(/\r\n\r\n/), /Expect: 100-continue/);
  replica.send("HTTP/1.1 100 Continue\r\n\r\n");
  t.is(await client.take(/\r\n\r\n/), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  await replica.take(/body/);
  replica.send(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok()}`);
  t.is(await client.take(/\r\n\r\n/), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  t.true((await client.message()).endsWith("ok"));
  client.send(get);
  await replica.message();
  replica.send(ok("again"));
  t.true((await client.message()).endsWith("again"));
});

test("an answer before the request is whole ends the connection, which reads on for a moment", async (t) => {
  const server = await rawServer(t);
  const { port, ended } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000000\r\n\r\nstart");
  const replica = await server.next();
  await replica.take(/start/);
  replica.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
  t.is(await client.message(), "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nconnection: close\r\n\r\nbig");
  client.send("x".repeat(100_000));
  t.is(await client.end(), "end");
  t.like(ended, [{ status: 413, flag: "" }]);
  t.truthy(await replica.end());
});

test("an answer that a replica gave before it reset the connection under the request's body is not lost", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 100000000\r\n\r\nstart");
  const replica = await server.next();
  await replica.take(/start/);
  replica.socket.pause();
  client.socket.on("drain", () => {});
  for (let part = 0; part < 50; part++) client.send("x".repeat(10_000));
  replica.socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig", () => replica.socket.destroy());
  t.regex(await client.take(/big/), /^HTTP\/1\.1 413/);
});

test("absolute-form gives path and host; OPTIONS * passes", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port);
  const cases: readonly (readonly [string, string])[] = [
    [
      "GET http://shop.example:81/a?b HTTP/1.1\r\nHost: other\r\nX: 1\r\n\r\n",
      "GET /a?b HTTP/1.1\r\nhost: shop.example:81\r\nX: 1\r\n\r\n",
    ],
    ["GET HTTP://shop.example HTTP/1.1\r\nHost: other\r\n\r\n", "GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n"],
    ["GET http://shop.example?q HTTP/1.1\r\nHost: other\r\n\r\n", "GET /?q HTTP/1.1\r\nhost: shop.example\r\n\r\n"],
    ["OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: web\r\n\r\n"],
    ["OPTIONS http://web HTTP/1.1\r\nHost: web\r\n\r\n", "OPTIONS * HTTP/1.1\r\nhost: web\r\n\r\n"],
  ];
  let replica: RawPeer | undefined;
  for (const [sent, expected] of cases) {
    client.send(sent);
    replica ??= await server.next();
    t.is(await replica.message(), expected);
    replica.send(ok());
    await client.message();
  }
});

test("Connection: close of the client is obeyed; that of the replica stays between nicd and it", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port).send(get);
  const first = await server.next();
  await first.message();
  first.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  t.is(await client.message(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await first.end();
  client.send("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
  const second = await server.next();
  t.is(await second.message(), "GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  second.send(ok());
  t.is(await client.message(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nconnection: close\r\n\r\nok");
  t.is(await client.end(), "end");
});

test("a client that ends its direction after pipelined requests gets all answers", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port));
  const client = rawClient(t, port);
  void server.next().then(echoPaths);
  const whole = ["/a", "/b", "/c"].map((path) => `GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`).join("");
  client.socket.end(`${whole}GET /half`);
  t.is(await client.end(), "end");
  t.deepEqual(client.received.match(/\/[abc]/g), ["/a", "/b", "/c"]);
});

test("DataPlane.drain() closes idle connections and says close with the answers under way", async (t) => {
  const server = await rawServer(t);
  const { port, plane } = await testPlane(t, webAt(server.port));
  const idle = rawClient(t, port).send(get);
  const replica = await server.next();
  await replica.message();
  replica.send(ok());
  await idle.message();
  const busy = rawClient(t, port).send(get);
  await replica.message();
  plane.drain();
  t.is(await idle.end(), "end");
  replica.send(ok("last"));
  t.regex(await busy.message(), /connection: close\r\n\r\nlast/);
  t.is(await busy.end(), "end");
  busy.socket.end();
  idle.socket.end();
  await until(() => plane.connections.http === 0, "all closed");
});

test("a request without a route, service or replica is answered by nicd, and the connection goes on", async (t) => {
  const { port, ended } = await testPlane(
    t,
    `ports: ["80:81"]\nnic: on\nreplicas: []\nroutes: [{ match: { path: /x }, respond: { status: 204 } }, { match: { path: /y }, respond: { status: 200, body: yes } }]`,
  );
  const client = rawClient(t, port).send("GET /x HTTP/1.1\r\nHost: web\r\n\r\n");
  t.is(await client.take(/\r\n\r\n/), "HTTP/1.1 204 No Content\r\n\r\n");
  client.send("HEAD /y HTTP/1.1\r\nHost: web\r\n\r\n");
  t.regex(await client.take(/\r\n\r\n/), /content-length: 4/);
  client.send(get);
  t.regex(await client.message(), /^HTTP\/1\.1 503 .*no replica/s);
  t.like(ended, [{ status: 204 }, { status: 200 }, { status: 503, flag: "UH" }]);
});

test.serial("a slow head is given up, also when it comes line by line", async (t) => {
  const { port, plane, reactor } = await testPlane(t, webAt(1), [], true);
  const client = rawClient(t, port).send("GET / HTTP/1.1\r\n");
  await until(() => plane.connections.http === 1, "it is HTTP");
  for (let seconds = 0; seconds < 60; seconds += 20) {
    await new Promise((sent) => client.socket.write(`X-${seconds}: 1\r\n`, sent));
    await turns(reactor);
    reactor.timers.advance(reactor.now() + seconds * 1000);
  }
  reactor.timers.advance(reactor.now() + 60_001);
  t.regex(await client.message(), /^HTTP\/1\.1 408/);
  t.is(plane.refusals.get("slowHead"), 1);
});
