import { performServerHandshake } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import type { ByteStream } from "@mitsu/reactor/byte-stream";
import test, { type ExecutionContext } from "ava";
import { type IncomingRequest, LinkPool, LinkServer, linkLimits, neverSent } from "../../src/links/mod.ts";
import { caller, echo, open, twoNodes, until, Watched } from "./two-nodes.ts";

test("LinkPool.open() carries bytes to the peer and back, and ends in both directions", async (t) => {
  const { pool, port, server } = await twoNodes(t);
  const watched = open(pool, port, "hello");
  await watched.until(() => watched.bytes === 5);
  watched.stream.end();
  await watched.end();
  t.is(await watched.closed(), null);
  t.is(watched.text(), "hello");
  const [out] = pool.status();
  t.like(out, { state: "up", streams: 0, bytesIn: 5, bytesOut: 5, node: "node-b", security: "mtls", lastError: null });
  t.true(out!.certificateNotAfterMs! > Date.now());
  await until(() => pool.status()[0]!.rttMs !== null, "a PING's answer");
  t.like(server.status()[0], { node: "node-a", direction: "in", bytesIn: 5, bytesOut: 5 });
});

test("LinkServer tells target, node, caller and trace context of a stream", async (t) => {
  const requests: IncomingRequest[] = [];
  const { pool, port } = await twoNodes(t, { connect: (request) => echo(request, requests) });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const watched = new Watched();
  watched.stream = pool.open({ address: "127.0.0.1", port, node: "node-b" }, "10.0.0.7:8080", caller, watched, traceparent);
  watched.stream.end();
  await watched.closed();
  t.like(requests[0], { target: { address: "10.0.0.7", port: 8080 }, node: "node-a", traceparent });
  t.deepEqual(requests[0]!.caller, { service: "web", address: "10.1.0.5", port: 40000, by: "link" });
});

test("a stream whose server ends first still takes bytes of the client", async (t) => {
  const got = new Watched();
  const { pool, port } = await twoNodes(t, {
    connect(request) {
      got.stream = request.accept(got);
      got.stream.write(Buffer.from("bye"), 0, 3);
      got.stream.end();
    },
  });
  const watched = open(pool, port);
  await watched.end();
  t.is(watched.text(), "bye");
  t.is(watched.error, undefined);
  watched.stream.write(Buffer.from("after"), 0, 5);
  watched.stream.end();
  t.is(await watched.closed(), null);
  await got.closed();
  t.is(got.text(), "after");
});

test("ByteStream.destroy() resets the other end, and never looks like an end", async (t) => {
  const got: Watched[] = [];
  const { pool, port } = await twoNodes(t, {
    connect(request) {
      const one = new Watched();
      one.stream = request.accept(one);
      got.push(one);
      one.stream.write(Buffer.from("x"), 0, 1);
    },
  });
  const fromClient = open(pool, port, "abc");
  await fromClient.until(() => fromClient.bytes === 1);
  await got[0]!.until(() => got[0]!.bytes === 3);
  fromClient.stream.destroy(true);
  t.is(await fromClient.closed(), null);
  t.like(await got[0]!.closed(), { code: "ERR_LINK_RESET", message: "the stream was reset by the other node: CONNECT_ERROR" });
  t.false(got[0]!.ended);

  const fromServer = open(pool, port, "abc");
  await fromServer.until(() => fromServer.bytes === 1);
  got[1]!.stream.destroy();
  t.like(await fromServer.closed(), { code: "ERR_LINK_RESET", message: "the stream was reset by the other node: CANCEL" });
  t.false(fromServer.ended);
  await until(() => pool.status()[0]!.streams === 0, "no streams left");
});

test("a slow reader stops its writer: both ends hold no more than a window and a send buffer", async (t) => {
  const got = new Watched();
  got.keep = false;
  const { pool, port } = await twoNodes(t, {
    connect(request) {
      got.stream = request.accept(got);
      got.stream.pause();
    },
  });
  const other = open(pool, port);
  other.stream.destroy();
  const watched = open(pool, port);
  const block = Buffer.alloc(16 * 1024, 7);
  let written = 0;
  const pump = () => {
    for (;;) {
      if (written >= 64 * 1024 * 1024) return;
      written += block.length;
      if (!watched.stream.write(block, 0, block.length)) return;
    }
  };
  watched.onDrain = pump;
  pump();
  // When nothing moves for many turns of both ends, the writer stands.
  let turns = 0;
  for (let last = -1; turns < 2000; turns++) {
    if (written !== last) turns = 0;
    last = written;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const most = 2 * (linkLimits.streamWindow + linkLimits.sendBuffer + block.length);
  t.true(written <= most, `${written} bytes taken of a writer whose reader is paused; ${most} at most`);
  t.true(written >= linkLimits.streamWindow / 2);
  t.is(got.bytes, 0);
  got.stream.resume();
  await got.until(() => got.bytes === 64 * 1024 * 1024);
  t.is(got.bytes, written);
});

test("a paused stream holds up no other on the same link", async (t) => {
  const { pool, port } = await twoNodes(t, { limits: { linkWindow: 512 * 1024 } });
  const stuck = Array.from({ length: 8 }, () => {
    const watched = open(pool, port);
    watched.stream.pause();
    const block = Buffer.alloc(256 * 1024);
    watched.stream.write(block, 0, block.length);
    return watched;
  });
  const free = open(pool, port, "through");
  await free.until(() => free.bytes === 7);
  t.true(stuck.every(({ bytes }) => bytes === 0));
});

test("1000 streams at once on one link each get their own bytes", async (t) => {
  const { pool, port, server } = await twoNodes(t);
  const all = Array.from({ length: 1000 }, (_, i) => open(pool, port, `stream ${i} `.repeat(50)));
  await Promise.all(all.map((watched, i) => watched.until(() => watched.bytes === `stream ${i} `.length * 50)));
  t.like(pool.status()[0], { streams: 1000, queued: 0, draining: 0 });
  t.is(server.status().length, 1);
  for (const [i, watched] of all.entries()) if (watched.text() !== `stream ${i} `.repeat(50)) t.fail(`stream ${i} has another's bytes`);
  for (const watched of all) watched.stream.end();
  for (const watched of all) if ((await watched.closed()) !== null) t.fail("closed with an error");
  t.is(pool.status()[0]!.streams, 0);
});

test("streams beyond the peer's limit wait their turn; beyond the queue they fail at once", async (t) => {
  const { pool, port } = await twoNodes(t, { limits: { streams: 4, queue: 6 } });
  const first = open(pool, port, "x");
  await first.until(() => first.bytes === 1);
  const others = Array.from({ length: 9 }, () => open(pool, port, "x"));
  t.like(pool.status()[0], { streams: 4, queued: 6 });
  const late = open(pool, port, "x");
  const error = await late.closed();
  t.like(error, { code: "ERR_LINK_FULL" });
  t.true(neverSent(error!));
  // One that waits may be given up.
  others[8]!.stream.destroy();
  t.is(pool.status()[0]!.queued, 5);
  for (const watched of [first, ...others.slice(0, 8)]) {
    await watched.until(() => watched.bytes === 1);
    watched.stream.end();
    t.is(await watched.closed(), null);
  }
});

test("a CONNECT to what is no replica of the node is refused, counted, and not connected", async (t) => {
  const lines: string[] = [];
  const { pool, port, server } = await twoNodes(t, {
    connect: () => t.fail("it was connected"),
    refused: (_, line) => lines.push(line),
  });
  const error = await open(pool, port, "secret", "10.0.0.8:22").closed();
  t.like(error, { code: "ERR_LINK_REFUSED" });
  t.regex(error!.message, /10\.0\.0\.8:22 on node-b was refused with 403: nicd; error=destination_ip_prohibited/);
  t.true(neverSent(error!));
  t.like(await open(pool, port, "", "cart.mesh:80").closed(), { code: "ERR_LINK_REFUSED" });
  t.like(server.refusals.counts, { "not-permitted": 1, authority: 1 });
  t.regex(lines[0]!, /^node node-a \(127\.0\.0\.1 port \d+\): CONNECT to what is no replica of this node \(10\.0\.0\.8:22\)$/);
});

test("IncomingRequest.refuse() answers 503 with the reason, and a request left alone gets 504", async (t) => {
  let gone = 0;
  const { pool, port, server } = await twoNodes(t, {
    limits: { acceptMs: 30 },
    connect(request) {
      if (request.caller.service === "web" && server.refusals.counts["connect-failed"] === 0)
        request.refuse("connect-failed", 'ECONNREFUSED "x"');
      else request.onGone = () => gone++;
    },
  });
  t.regex(
    (await open(pool, port, "x").closed())!.message,
    /refused with 503: nicd; error=connection_refused; details="10\.0\.0\.7:8080: ECONNREFUSED x"/,
  );
  t.regex((await open(pool, port, "x").closed())!.message, /refused with 504: nicd; error=connection_timeout/);
  t.is(gone, 1);
  t.like(server.refusals.counts, { "connect-failed": 1, "connect-timeout": 1 });
});

test("IncomingRequest.onGone tells of a client that gave up; accept() after it closes the stream", async (t) => {
  const { promise, resolve } = Promise.withResolvers<IncomingRequest>();
  const left = Promise.withResolvers<void>();
  const { pool, port } = await twoNodes(t, {
    connect(request) {
      request.onGone = left.resolve;
      resolve(request);
    },
  });
  const watched = open(pool, port, "x");
  const request = await promise;
  watched.stream.destroy();
  await left.promise;
  const late = new Watched();
  late.stream = request.accept(late);
  t.like(await late.closed(), { code: "ERR_LINK_RESET" });
});

/** A peer in plain text whose first connection answers the first HEADERS with `frame`; later ones echo. */
async function giverBack(t: ExecutionContext, frame: Buffer): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (++connections > 1) {
      performServerHandshake(socket).on("stream", (stream) => {
        stream.respond({ ":status": 200 });
        stream.pipe(stream);
      });
      return;
    }
    let bytes = Buffer.alloc(0);
    // SETTINGS without a setting.
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      // Behind the preface: length, type, flags, stream (RFC 9113 §4.1).
      for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) if (bytes[at + 3] === 1) return void socket.write(frame);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  return { port: (server.address() as { port: number }).port, connections: () => connections };
}

// GOAWAY, no error, "I have looked at none of your streams"; the same by RST_STREAM of stream 1 with REFUSED_STREAM and a GOAWAY with stream 1.
const none = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const refused = Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);

for (const [name, frame] of Object.entries({ GOAWAY: none, REFUSED_STREAM: refused })) {
  test(`a stream that the peer gives back by ${name} begins anew on the next link, with its bytes`, async (t) => {
    const { port, connections } = await giverBack(t, frame);
    const pool = new LinkPool({ security: "plain-text" });
    t.teardown(() => pool.close());
    const watched = open(pool, port, "kept ");
    await until(() => connections() === 2, "a second link");
    watched.stream.write(Buffer.from("and more"), 0, 8);
    watched.stream.end();
    await watched.end();
    t.is(watched.text(), "kept and more");
    t.is(await watched.closed(), null);
  });
}

test("LinkServer.close(graceful) lets streams end and takes no new ones", async (t) => {
  const { pool, port, server } = await twoNodes(t);
  const watched = open(pool, port, "before ");
  await watched.until(() => watched.bytes === 7);
  const closed = server.close(true);
  await until(() => pool.status()[0]!.state === "draining", "the GOAWAY");
  watched.stream.write(Buffer.from("after"), 0, 5);
  watched.stream.end();
  await watched.end();
  t.is(watched.text(), "before after");
  t.is(await watched.closed(), null);
  await closed;
  t.like(await open(pool, port).closed(), { code: "ERR_LINK_CONNECT" });
});

test("a peer that is killed loses its streams, is left alone for a while, and is used again when it is back", async (t) => {
  const nodes = await twoNodes(t, { limits: { firstBackOffMs: 20, maxBackOffMs: 40 } });
  const { pool, port, server } = nodes;
  const watched = open(pool, port, "x");
  await watched.until(() => watched.bytes === 1);
  await server.close();
  const lost = await watched.closed();
  t.like(lost, { code: "ERR_LINK_LOST" });
  t.false(watched.ended);
  t.false(neverSent(lost!));
  const refused = await open(pool, port).closed();
  t.like(refused, { code: "ERR_LINK_CONNECT" });
  t.regex(refused!.message, /ECONNREFUSED/);
  t.is(pool.status()[0]!.state, "backing-off");
  t.regex((await open(pool, port).closed())!.message, /next attempt in \d+ ms/);

  const back = new LinkServer({
    security: { security: "mtls", trustDomain: "mesh.local", identity: () => nodes.identities.b },
    permits: () => true,
    connect: (request) => echo(request),
  });
  await back.listen(port, "127.0.0.1");
  t.teardown(() => back.close());
  for (let tries = 0; ; tries++) {
    const retry = open(pool, port, "y");
    const error = await Promise.race([retry.closed(), retry.until(() => retry.bytes === 1).catch(() => {})]);
    if (error === undefined && retry.bytes === 1) break;
    if (tries > 100_000) return t.fail("it was never used again");
  }
  t.is(pool.status()[0]!.state, "up");
});

test.serial("a peer that answers no PING loses its link in time", async (t) => {
  const sockets: Socket[] = [];
  const { port: behind, identities } = await twoNodes(t);
  // A relay that swallows everything from one moment on, as a cut cable does.
  const relay = createServer((a) => {
    const b = connect(behind, "127.0.0.1");
    a.pipe(b).pipe(a);
    for (const socket of [a, b]) socket.on("error", () => {});
    sockets.push(a, b);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    relay.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = relay.address() as { port: number };
  const pool = new LinkPool(
    { security: "mtls", trustDomain: "mesh.local", identity: () => identities.a },
    { limits: { pingMs: 10, pingDeadlineMs: 500 } },
  );
  t.teardown(() => pool.close());
  const watched = open(pool, port, "x");
  await watched.until(() => watched.bytes === 1);
  for (const socket of sockets) socket.unpipe().resume();
  const error = await watched.closed();
  t.like(error, { code: "ERR_LINK_LOST" });
  t.regex(error!.message, /no answer to a PING within 500 ms/);
});

test("a server's stream whose client is gone ends with an error, not with an end", async (t) => {
  const got = new Watched();
  const { pool, port } = await twoNodes(t, {
    connect(request) {
      got.stream = request.accept(got);
    },
  });
  open(pool, port, "half of");
  await got.until(() => got.bytes === 7);
  pool.close();
  const error = await got.closed();
  t.like(error, { code: "ERR_LINK_LOST" });
  t.regex(error!.message, /closed by node node-a/);
  t.false(got.ended);
});

test("two servers share a port as workers do", async (t) => {
  const { pool, server, identities } = await twoNodes(t);
  const make = () =>
    new LinkServer({
      security: { security: "mtls", trustDomain: "mesh.local", identity: () => identities.b },
      permits: () => true,
      connect: (request) => echo(request),
    });
  const workers = [make(), make()];
  const port = await workers[0]!.listen(0, "127.0.0.1", true);
  t.is(await workers[1]!.listen(port, "127.0.0.1", true), port);
  const watched = open(pool, port, "x");
  await watched.until(() => watched.bytes === 1);
  t.is(workers[0]!.status().length + workers[1]!.status().length, 1);
  await t.throwsAsync(make().listen(port, "127.0.0.1"), { code: "EADDRINUSE" });
  for (const worker of workers) await worker.close();
  t.is(server.status().length, 0);
});

test("a link without streams is closed after a time, and made again when it is needed", async (t) => {
  const { pool, port, server } = await twoNodes(t, { limits: { idleMs: 30 } });
  for (let round = 0; round < 2; round++) {
    const watched = open(pool, port, "x");
    await watched.until(() => watched.bytes === 1);
    watched.stream.end();
    t.is(await watched.closed(), null);
    await until(() => pool.status()[0]!.state === "idle" && server.status().length === 0, "an idle close");
  }
  t.is(pool.status()[0]!.lastError, null);
});

test("a link that has carried its number of streams is replaced, and no stream is lost by it", async (t) => {
  const { pool, port } = await twoNodes(t, { limits: { streamsPerLink: 10 } });
  for (let i = 0; i < 35; i++) {
    const watched = open(pool, port, "x");
    await watched.until(() => watched.bytes === 1);
    watched.stream.end();
    if ((await watched.closed()) !== null) t.fail(`stream ${i} failed`);
  }
  t.is(pool.status()[0]!.bytesIn, 35);
});

test("plain text carries streams, and what it says of callers does not count", async (t) => {
  const requests: IncomingRequest[] = [];
  const { port } = await twoNodes(t, {
    security: { security: "plain-text" },
    connect: (request) => echo(request, requests),
  });
  const pool = new LinkPool({ security: "plain-text" });
  t.teardown(() => pool.close());
  const watched = open(pool, port, "open to all");
  await watched.until(() => watched.bytes === 11);
  t.like(requests[0]!.caller, { service: "", by: "nobody", address: "127.0.0.1" });
  t.is(requests[0]!.node, "");
  t.is(pool.status()[0]!.security, "plain-text");
});

test("LinkPool.close(graceful) lets streams end and opens no more", async (t) => {
  const { pool, port } = await twoNodes(t);
  const watched = open(pool, port, "x");
  await watched.until(() => watched.bytes === 1);
  pool.close(true);
  t.like(await open(pool, port).closed(), { code: "ERR_LINK_CLOSED" });
  watched.stream.write(Buffer.from("y"), 0, 1);
  watched.stream.end();
  await watched.end();
  t.is(watched.text(), "xy");
  t.is(await watched.closed(), null);
});

test("ByteStream.write() before the link is up is bounded, and drains when it is", async (t) => {
  const { pool, port } = await twoNodes(t);
  const watched = open(pool, port);
  const block = Buffer.alloc(40 * 1024, "a");
  t.true(watched.stream.write(block, 0, block.length));
  t.false(watched.stream.write(block, 0, block.length));
  await watched.until(() => watched.drains === 1 && watched.bytes === 2 * block.length);
  const stream: ByteStream = watched.stream;
  stream.end();
  t.is(await watched.closed(), null);
});
