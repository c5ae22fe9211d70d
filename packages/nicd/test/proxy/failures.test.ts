import { type RawPeer, type RawServer, rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { turns, until } from "@mitsu/reactor/turns";
import test, { type ExecutionContext } from "ava";
import { type TestPlane, testPlane, webAt } from "./test-plane.ts";

const get = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
const post = "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nbody";
const ok = (body = "ok"): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const once = "routes: [{ retries: { attempts: 1, back-off: 1ms } }]";

interface Setting {
  readonly server: RawServer;
  readonly test: TestPlane;
  readonly client: RawPeer;
}

async function set(t: ExecutionContext, more = "", replicas = 1): Promise<Setting> {
  const server = await rawServer(t);
  const test = await testPlane(t, webAt(server.port, more, replicas));
  const client = rawClient(t, test.port);
  return { server, test, client };
}

/** Nothing is counted as in flight, waiting or connected any more. */
async function quiet(t: ExecutionContext, { test, client }: Setting): Promise<void> {
  client.socket.destroy();
  await until(() => test.plane.connections.http === 0 && test.plane.connections.tcp === 0, "no connection");
  t.deepEqual(test.leftovers, { inFlight: 0, pending: 0, retries: 0 });
}

/** A connection that has served one request and is idle. */
async function warm({ server, client }: Setting): Promise<RawPeer> {
  client.send(get);
  const replica = await server.next();
  await replica.message();
  replica.send(ok());
  await client.message();
  return replica;
}

// ── The client goes ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (const how of ["reset", "end"] as const) {
  const leave = ({ socket }: RawPeer): unknown => (how === "reset" ? socket.resetAndDestroy() : socket.destroy());

  test(`a client that goes in the middle of its head leaves nothing (${how})`, async (t) => {
    const setting = await set(t);
    setting.client.send("GET / HTTP/1.1\r\nHo");
    await until(() => setting.test.plane.connections.http === 1, "it is HTTP");
    leave(setting.client);
    await quiet(t, setting);
    t.is(setting.test.ended.length, 0);
  });

  test(`a client that goes in the middle of its body ends the replica's request (${how})`, async (t) => {
    const setting = await set(t);
    setting.client.send(post.slice(0, -2));
    const replica = await setting.server.next();
    await replica.take(/bo$/);
    leave(setting.client);
    await replica.end();
    await quiet(t, setting);
    t.like(setting.test.ended, [{ flag: "DC", status: 0 }]);
  });

  test(`a client that goes in the middle of its answer ends the replica's (${how})`, async (t) => {
    const setting = await set(t);
    setting.client.send(get);
    const replica = await setting.server.next();
    await replica.message();
    replica.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nstart");
    await setting.client.take(/start/);
    leave(setting.client);
    const piece = "x".repeat(64 * 1024);
    for (let pieces = 0; pieces < 1000 && replica.over === undefined; pieces++)
      if (!replica.socket.write(piece))
        await Promise.race([replica.end(), new Promise((drained) => replica.socket.once("drain", drained))]);
    await replica.end();
    await quiet(t, setting);
    t.like(setting.test.ended, [{ flag: "DC", status: 200 }]);
  });
}

test("a client that is reset while it waits for its answer gives its replica's connection up", async (t) => {
  const setting = await set(t);
  setting.client.send(get);
  const replica = await setting.server.next();
  await replica.message();
  setting.client.socket.resetAndDestroy();
  await replica.end();
  await quiet(t, setting);
  t.like(setting.test.ended, [{ flag: "DC" }]);
});

// ── The replica goes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("a replica that refuses connections is a 503, and counts against it", async (t) => {
  const server = await rawServer(t);
  const { port } = server;
  await new Promise((closed) => server.server.close(closed));
  const test = await testPlane(t, webAt(port));
  const client = rawClient(t, test.port);
  client.send(get);
  t.regex(await client.message(), /^HTTP\/1\.1 503 .*ECONNREFUSED/s);
  t.like(test.ended, [{ status: 503, flag: "UF", tries: 1 }]);
  client.send(get);
  await client.message();
  t.is([...test.plane.clusters()][0]!.endpoints[0]!.errors, 2);
  await quiet(t, { server, test, client });
});

for (const how of ["reset", "end"] as const) {
  const leave = ({ socket }: RawPeer): unknown => (how === "reset" ? socket.resetAndDestroy() : socket.end());

  test(`a replica that goes before its answer is a 503 (${how})`, async (t) => {
    const setting = await set(t);
    setting.client.send(post);
    const replica = await setting.server.next();
    await replica.message();
    leave(replica);
    t.regex(await setting.client.message(), /^HTTP\/1\.1 503/);
    t.like(setting.test.ended, [{ status: 503, flag: "UC", tries: 1 }]);
    await quiet(t, setting);
  });

  test(`a replica that goes in the middle of its head is a 503 (${how})`, async (t) => {
    const setting = await set(t);
    setting.client.send(get);
    const replica = await setting.server.next();
    await replica.message();
    await new Promise((sent) => replica.socket.write("HTTP/1.1 200 OK\r\nConte", sent));
    await turns(setting.test.reactor);
    leave(replica);
    t.regex(await setting.client.message(), /^HTTP\/1\.1 503/);
    await quiet(t, setting);
  });

  test(`a replica that goes in the middle of its body resets the client (${how})`, async (t) => {
    const setting = await set(t);
    setting.client.send(get);
    const replica = await setting.server.next();
    await replica.message();
    replica.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nstart");
    await setting.client.take(/start/);
    leave(replica);
    t.is(await setting.client.end(), "ECONNRESET");
    t.like(setting.test.ended, [{ status: 200, flag: "UC" }]);
    await quiet(t, setting);
  });
}

test("what is no HTTP, or not framed as such, is a 502", async (t) => {
  const answers = [
    "220 smtp.example ESMTP\r\n\r\n",
    "HTTP/1.1 99 Low\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}`,
  ];
  const setting = await set(t);
  for (const answer of answers) {
    setting.client.send(get);
    const replica = await setting.server.next();
    await replica.message();
    replica.send(answer);
    t.regex(await setting.client.message(), /^HTTP\/1\.1 502/, answer.slice(0, 60));
    await replica.end();
  }
  t.true(setting.test.ended.every(({ flag }) => flag === "UPE"));
  await quiet(t, setting);
});

test("bytes that nobody asked for end a connection, and reach no other exchange", async (t) => {
  const setting = await set(t);
  const replica = await warm(setting);
  replica.send(ok("forged"));
  await replica.end();
  setting.client.send(get);
  const other = await setting.server.next();
  await other.message();
  other.send(`${ok("real")}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`);
  t.regex(await setting.client.message(), /real$/);
  await other.end();
  setting.client.send(get);
  const third = await setting.server.next();
  await third.message();
  third.send(ok("third"));
  t.regex(await setting.client.message(), /third$/);
  await quiet(t, setting);
});

// ── Used again ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("a connection that was closed as it was used again is no failure of GET", async (t) => {
  const setting = await set(t);
  const stale = await warm(setting);
  setting.client.send(get);
  await stale.message();
  stale.socket.resetAndDestroy();
  const replica = await setting.server.next();
  await replica.message();
  replica.send(ok("fresh"));
  t.regex(await setting.client.message(), /fresh$/);
  t.like(setting.test.ended, [{ tries: 1 }, { tries: 1, status: 200 }]);
  t.is([...setting.test.plane.clusters()][0]!.endpoints[0]!.errors, 0);
  await quiet(t, setting);
});

test("a POST on a connection closed as it was used again is not sent twice", async (t) => {
  const setting = await set(t);
  const stale = await warm(setting);
  setting.client.send(post);
  await stale.message();
  stale.socket.resetAndDestroy();
  t.regex(await setting.client.message(), /^HTTP\/1\.1 503/);
  t.is(setting.server.peers.length, 1);
  await quiet(t, setting);
});

test("an idle connection that the replica closed is not used again, whatever is asked", async (t) => {
  const setting = await set(t);
  const first = await warm(setting);
  first.socket.end();
  await first.end();
  setting.client.send(post);
  const replica = await setting.server.next();
  await replica.message();
  replica.send(ok("second"));
  t.regex(await setting.client.message(), /second$/);
  await quiet(t, setting);
});

test("a connection whose answer has only begun is not used again after a time-out", async (t) => {
  const setting = await set(t, "routes: [{ retries: { attempts: 1, per-try-timeout: 500ms, back-off: 1ms, on: 5xx } }]");
  const first = await warm(setting);
  setting.client.send(get);
  await first.message();
  first.send("HTTP/1.1 200 OK\r\nX-Slow: ");
  const second = await setting.server.next();
  await second.message();
  second.send(ok("second"));
  t.regex(await setting.client.message(), /second$/);
  t.truthy(await first.end());
  await quiet(t, setting);
});

// ── Retries and time-outs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

test("a failed try is made again at another replica, with the body that was kept", async (t) => {
  const setting = await set(t, "routes: [{ retries: { attempts: 2, back-off: 1ms, on: [5xx, reset] } }]");
  setting.client.send("PUT / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  const first = await setting.server.next();
  await first.take(/abc\r\n$/);
  setting.client.send("3\r\ndef\r\n");
  await first.take(/def\r\n$/);
  first.socket.resetAndDestroy();
  const second = await setting.server.next();
  t.regex(await second.take(/def\r\n$/), /\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n$/);
  setting.client.send("0\r\n\r\n");
  await second.take(/0\r\n\r\n/);
  second.send("HTTP/1.1 500 Broken\r\nContent-Length: 3\r\n\r\nbad");
  const third = setting.server.peers[2] ?? second; // the answer was whole, so the connection may serve again
  t.regex(await third.take(/0\r\n\r\n/), /^PUT .*3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n$/s);
  third.send(ok("third"));
  t.regex(await setting.client.message(), /third$/);
  t.like(setting.test.ended, [{ tries: 3, status: 200, flag: "" }]);
  await quiet(t, setting);
});

test("when all tries have failed, the last answer is the client's", async (t) => {
  const setting = await set(t, once.replace("1ms", "1ms, on: 5xx"));
  setting.client.send(get);
  const replica = await setting.server.next();
  for (const body of ["one", "two"]) {
    await replica.message();
    replica.send(`HTTP/1.1 500 Broken\r\nContent-Length: 3\r\n\r\n${body}`);
  }
  t.regex(await setting.client.message(), /^HTTP\/1\.1 500 Broken.*two$/s);
  t.like(setting.test.ended, [{ tries: 2, status: 500 }]);
  await quiet(t, setting);
});

test("without a place in the budget the answer passes as it is", async (t) => {
  const setting = await set(t, "routes: [{ retries: { attempts: 1, on: 5xx, budget: 0, least-in-flight: 0 } }]");
  setting.client.send(get);
  const replica = await setting.server.next();
  await replica.message();
  replica.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
  t.regex(await setting.client.message(), /^HTTP\/1\.1 503 Busy.*busy$/s);
  t.like(setting.test.ended, [{ tries: 1, flag: "URX" }]);
  await quiet(t, setting);
});

test("a body that is longer than what is kept is sent once", async (t) => {
  const setting = await set(t, once);
  setting.client.send(`PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 300000\r\n\r\n${"x".repeat(300_000)}`);
  const replica = await setting.server.next();
  await replica.take(/\r\n\r\n/);
  await until(() => replica.received.length > 200_000, "most of it");
  replica.socket.resetAndDestroy();
  t.regex(await setting.client.message(), /^HTTP\/1\.1 503/);
  t.is(setting.server.peers.length, 1);
  await quiet(t, setting);
});

test("a client that goes during the pause before a retry leaves nothing", async (t) => {
  const setting = await set(t, "routes: [{ retries: { attempts: 1, back-off: 1h } }]");
  setting.client.send(get);
  (await setting.server.next()).socket.resetAndDestroy();
  await until(() => setting.test.leftovers.retries === 1, "a retry");
  setting.client.socket.resetAndDestroy();
  await quiet(t, setting);
  t.like(setting.test.ended, [{ flag: "DC", tries: 1 }]);
});

test("the route's time-out is a 504, also in the middle of the request, and cuts an answer off that has begun", async (t) => {
  const setting = await set(t, "routes: [{ timeout: 60ms }]");
  setting.client.send(get);
  t.regex(await setting.client.message(), /^HTTP\/1\.1 504/);
  const other = rawClient(t, setting.test.port).send(post.slice(0, -1));
  t.regex(await other.message(), /^HTTP\/1\.1 504 .*connection: close/s);
  const third = rawClient(t, setting.test.port).send(get);
  await setting.server.next();
  await setting.server.next();
  const replica = await setting.server.next();
  replica.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nstart");
  t.is(await third.end(), "ECONNRESET");
  t.true(setting.test.ended.every(({ flag }) => flag === "UT"));
  await quiet(t, setting);
});

test("a replica that does not take the connection in time is a connect failure, and another is tried", async (t) => {
  const server = await rawServer(t);
  // TEST-NET-1 has no route here, or one that leads nowhere: either is a connect failure.
  const yaml = `ports: ["80:${server.port}"]\nnic: on\nreplicas: [{ address: 192.0.2.1 }]\ncluster: { connect-timeout: 50ms }\nroutes: [{ retries: 0 }]`;
  const test = await testPlane(t, yaml);
  const client = rawClient(t, test.port).send(get);
  t.regex(await client.message(), /^HTTP\/1\.1 503/);
  t.like(test.ended, [{ flag: "UF" }]);
  await quiet(t, { server, test, client });
});

// ── Limits ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("requests beyond maxConnections wait in line, and are served in order", async (t) => {
  const setting = await set(t, "cluster: { max-connections: 1, max-pending: 2 }");
  const clients: RawPeer[] = [];
  for (let index = 0; index < 3; index++) {
    // Connected only now: whoever says nothing for a while is taken for a client of another protocol.
    const client = index === 0 ? setting.client : rawClient(t, setting.test.port);
    clients.push(client.send(`GET /${index} HTTP/1.1\r\nHost: web\r\n\r\n`));
    await until(() => setting.test.leftovers.inFlight === 2 * (index + 1), "in flight");
  }
  t.is(setting.test.leftovers.pending, 2);
  const fourth = rawClient(t, setting.test.port).send(get);
  t.regex(await fourth.message(), /^HTTP\/1\.1 503 .*waiting/s);
  const replica = await setting.server.next();
  for (const [index, client] of clients.entries()) {
    t.regex(await replica.message(), new RegExp(`^GET /${index} `));
    replica.send(ok(String(index)));
    t.true((await client.message()).endsWith(String(index)));
  }
  t.is(setting.server.peers.length, 1);
  for (const client of clients) client.socket.destroy();
  fourth.socket.destroy();
  await quiet(t, setting);
  t.is(setting.test.ended.filter(({ flag }) => flag === "UO").length, 1);
});

test("a waiting request gets a new connection when the one in use breaks, or leaves the line when its client goes", async (t) => {
  const setting = await set(t, "cluster: { max-connections: 1 }");
  setting.client.send(get);
  const first = await setting.server.next();
  await first.message();
  const goes = rawClient(t, setting.test.port).send(get);
  await until(() => setting.test.leftovers.pending === 1, "waits");
  const waits = rawClient(t, setting.test.port).send(get);
  await until(() => setting.test.leftovers.pending === 2, "both wait");
  goes.socket.resetAndDestroy();
  await until(() => setting.test.leftovers.pending === 1, "one has gone");
  first.socket.resetAndDestroy();
  t.regex(await setting.client.message(), /^HTTP\/1\.1 503/);
  const second = await setting.server.next();
  await second.message();
  second.send(ok("second"));
  t.regex(await waits.message(), /second$/);
  waits.socket.destroy();
  await quiet(t, setting);
});

test("requests beyond maxRequests are a 503", async (t) => {
  const setting = await set(t, "cluster: { max-requests: 1 }");
  setting.client.send(get);
  const replica = await setting.server.next();
  await replica.message();
  const other = rawClient(t, setting.test.port).send(get);
  t.regex(await other.message(), /^HTTP\/1\.1 503 .*in flight/s);
  other.socket.destroy();
  replica.send(ok());
  await setting.client.message();
  await quiet(t, setting);
});

// ── Mirrors ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `web` mirrored to service `copy`. */
function mirrored(server: RawServer, copy: RawServer, more = ""): string {
  const web = webAt(server.port, `routes: [{ mirror: { service: copy }${more} }]`);
  return `${web}\n__copy:\n  ports: ["80:${copy.port}"]\n  nic: on\n  replicas: [{ address: 127.0.0.1 }]`;
}

test("a mirror gets each request once, with its body, though it was tried twice, and its answer goes nowhere", async (t) => {
  const [server, copy] = [await rawServer(t), await rawServer(t)];
  const test = await testPlane(t, mirrored(server, copy, ", retries: { attempts: 1, back-off: 1ms }"));
  const client = rawClient(t, test.port).send(post.slice(0, -2));
  const first = await server.next();
  await first.take(/bo$/);
  t.is(copy.peers.length, 0); // not before the request is whole
  client.send("dy");
  await first.take(/dy$/);
  first.socket.end(); // POST is not tried again once it was sent
  t.regex(await client.message(), /^HTTP\/1\.1 503/);
  const mirror = await copy.next();
  t.is(await mirror.message(), post);
  mirror.send(ok("mirrored"));
  client.send(post.replace("POST", "PUT"));
  const second = await server.next();
  await second.message();
  second.socket.resetAndDestroy();
  const third = await server.next();
  await third.message();
  third.send(ok("third"));
  t.regex(await client.message(), /third$/);
  t.is(await mirror.message(), post.replace("POST", "PUT"));
  mirror.send(ok("mirrored"));
  t.is(mirror.received, "");
  await until(() => test.leftovers.inFlight === 0, "the mirror's answer");
  t.is(test.plane.mirrored, 2);
  await quiet(t, { server, test, client });
});

test("a mirror that does not answer, or not well, is nothing to the client; a long body is not mirrored", async (t) => {
  const [server, copy] = [await rawServer(t), await rawServer(t)];
  const test = await testPlane(t, mirrored(server, copy));
  const client = rawClient(t, test.port);
  for (let round = 0; round < 3; round++) {
    client.send(get);
    const replica = server.peers[0] ?? (await server.next());
    await replica.message();
    replica.send(ok(String(round)));
    await client.message();
    const mirror = await copy.next();
    await mirror.message();
    if (round === 0) mirror.socket.resetAndDestroy();
    else if (round === 1) mirror.send("no HTTP\r\n\r\n");
    else mirror.send("HTTP/1.1 200 OK\r\n\r\nuntil close").socket.end();
  }
  await until(() => test.leftovers.inFlight === 0, "the mirrors' ends");
  client.send(`PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`);
  await server.peers[0]!.message();
  server.peers[0]!.send(ok("long"));
  await client.message();
  t.is(test.plane.mirrored, 3);
  t.is(test.plane.mirrorsSkipped, 1);
  await quiet(t, { server, test, client });
});
