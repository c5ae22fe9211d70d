import { once } from "node:events";
import test from "ava";
import { decode } from "dns-packet";
import { resolverCounters } from "../src/resolver/mod.ts";
import { framed } from "../src/resolver/tcp-framing.ts";
import { askTcp, askUdp, connectTcp, fakeUpstream, freePort, query, startResolver } from "./resolver-peers.ts";

/** An answer with bytes no DNS library would write: it must come back as it is. */
const oddAnswer = (message: Buffer): Buffer =>
  Buffer.concat([message.subarray(0, 2), Buffer.from([0x84, 0x7f]), Buffer.from("ÿ\0odd".repeat(40), "latin1")]);
const servfail = (answer: Buffer | undefined) => answer !== undefined && (answer[3]! & 0xf) === 2;

for (const address of ["127.0.0.1", "::1"]) {
  for (const transport of ["UDP", "TCP"]) {
    test(`Resolver relays by ${transport} to ${address}, byte for byte both ways`, async (t) => {
      const upstream = await fakeUpstream(t, (message) => [oddAnswer(message)], undefined, address);
      const { port, counters } = await startResolver(t, { upstream: () => upstream });
      const messages = ["example.com", "web.mesh.example.com", "mesh.org", "9.0.18.198.in-addr.arpa", "notmesh"].map((name) =>
        query(name, "TXT"),
      );
      // Bytes after the question that only the upstream may judge.
      messages.push(Buffer.concat([query("eXample.org", "A"), Buffer.from([1, 2, 3])]));
      for (const message of messages) {
        const answer = transport === "UDP" ? await askUdp({ port }, message) : (await askTcp({ port }, message))[0];
        t.deepEqual(answer, oddAnswer(message));
      }
      t.deepEqual(upstream.queries, messages);
      t.like(counters, { relayed: messages.length, answered: 0, failed: 0, timeouts: 0 });
    });
  }
}

test("Resolver relays opcodes other than QUERY", async (t) => {
  const upstream = await fakeUpstream(t, (message) => [oddAnswer(message)]);
  const { port } = await startResolver(t, { upstream: () => upstream });
  const update = query("web.mesh", "A");
  update[2] = 5 << 3;
  t.deepEqual(await askUdp({ port }, update), oddAnswer(update));
});

test("Resolver asks the upstream of the slot", async (t) => {
  const [one, three] = [await fakeUpstream(t, (message) => [oddAnswer(message)]), await fakeUpstream(t, (message) => [oddAnswer(message)])];
  const { port } = await startResolver(t, { upstream: (slot) => ({ 1: one, 3: three })[slot] });
  const message = query("example.com", "A");
  await askUdp({ port, slot: 3 }, message);
  await askTcp({ port, slot: 1 }, message);
  t.deepEqual([one.queries.length, three.queries.length], [1, 1]);
  t.true(servfail(await askUdp({ port, slot: 4 }, message)));
});

test("Resolver answers SERVFAIL when the slot has no upstream, with the question in it", async (t) => {
  const { port, counters } = await startResolver(t);
  const message = query("example.com", "A");
  const answer = await askUdp({ port }, message);
  t.true(servfail(answer));
  t.deepEqual(answer.subarray(12), message.subarray(12));
  t.true(servfail((await askTcp({ port }, message))[0]));
  t.like(counters, { failed: 2, relayed: 0 });
});

test("Resolver answers SERVFAIL at once when the upstream's port is closed", async (t) => {
  const closed = { address: "127.0.0.1", port: freePort() };
  const { port, counters } = await startResolver(t, { upstream: () => closed });
  t.true(servfail(await askUdp({ port }, query("example.com", "A"))));
  t.true(servfail((await askTcp({ port }, query("example.com", "A")))[0]));
  t.like(counters, { relayed: 2, failed: 2, timeouts: 0 });
});

test("Resolver gives a silent upstream up after the timeout and stays silent too", async (t) => {
  const upstream = await fakeUpstream(t, () => []);
  const counters = resolverCounters();
  const timedOut = Promise.withResolvers<void>();
  const watched = new Proxy(counters, {
    set: (target, key, value) => {
      if (key === "timeouts" && value === 2) timedOut.resolve();
      return Reflect.set(target, key, value);
    },
  });
  const { port, resolver } = await startResolver(t, { upstream: () => upstream, timeoutMs: 30, counters: watched });
  const giveUp = new AbortController();
  const udp = askUdp({ port }, query("example.com", "A"), giveUp.signal);
  t.deepEqual(await askTcp({ port }, query("example.com", "A")), []);
  await timedOut.promise;
  giveUp.abort();
  await t.throwsAsync(udp, { name: "AbortError" });
  t.is(resolver.inFlight, 0);
  t.like(counters, { relayed: 2, timeouts: 2, failed: 0 });
});

test("Resolver bounds the queries on their way; those beyond get SERVFAIL", async (t) => {
  const waiting = Promise.withResolvers<void>();
  const upstream = await fakeUpstream(t, () => {
    if (upstream.queries.length === 2) waiting.resolve();
    return [];
  });
  const { port, resolver } = await startResolver(t, { upstream: () => upstream, maxInFlight: 2 });
  const socket = await connectTcp({ port });
  socket.write(Buffer.concat([framed(query("a.example", "A")), framed(query("b.example", "A"))]));
  await waiting.promise;
  t.is(resolver.inFlight, 2);
  t.true(servfail(await askUdp({ port }, query("c.example", "A"))));
  socket.destroy();
});

test("Resolver ignores an upstream's answer with another id", async (t) => {
  const upstream = await fakeUpstream(t, (message) => [Buffer.from([0, 0, 0x80]), Buffer.from([1]), message, oddAnswer(message)]);
  const { port } = await startResolver(t, { upstream: () => upstream });
  const message = query("example.com", "A");
  t.deepEqual(await askUdp({ port }, message), oddAnswer(message));
});

test("Resolver relays every message of a zone transfer (RFC 5936 §2.2)", async (t) => {
  const upstream = await fakeUpstream(t, (message) => [oddAnswer(message), oddAnswer(message), oddAnswer(message)]);
  const { port } = await startResolver(t, { upstream: () => upstream, timeoutMs: 100 });
  t.is((await askTcp({ port }, query("example.com", "AXFR"))).length, 3);
  t.is((await askTcp({ port }, query("example.com", "A"))).length, 1);
});

test("Resolver answers queries that share a connection, cut anywhere (RFC 7766 §6.2.1)", async (t) => {
  const upstream = await fakeUpstream(t, (message) => [oddAnswer(message)]);
  const { port } = await startResolver(t, { upstream: () => upstream });
  const answers = await askTcp({ port }, query("web.mesh", "A"), query("example.com", "A"), query("old.mesh", "A"));
  t.is(answers.length, 3);
  const socket = await connectTcp({ port });
  socket.setNoDelay(true);
  const bytes = framed(query("web.mesh", "A"));
  for (const byte of bytes) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
  const [answer] = (await once(socket, "data")) as [Buffer];
  t.like(decode(answer.subarray(2)).answers?.[0], { data: "198.18.0.1" });
  socket.destroy();
});

test("Resolver drops a relayed query when its TCP client goes away", async (t) => {
  const asked = Promise.withResolvers<void>();
  const upstream = await fakeUpstream(t, () => {
    asked.resolve();
    return [];
  });
  const { port, resolver } = await startResolver(t, { upstream: () => upstream });
  const socket = await connectTcp({ port });
  socket.write(framed(query("example.com", "A")));
  await asked.promise;
  t.is(resolver.inFlight, 1);
  socket.resetAndDestroy();
  // A query after the reset has been seen by the same event loop shows that the close has too.
  while (resolver.inFlight > 0) await askUdp({ port }, query("web.mesh", "A"));
  t.is(resolver.inFlight, 0);
});

test("Resolver.start() says who is in the way and leaves nothing open", async (t) => {
  const { port, resolver } = await startResolver(t);
  const error = await t.throwsAsync(startResolver(t, { port }), { code: "ERR_RESOLVER_SOCKET" });
  t.regex(error?.message ?? "", new RegExp(`^cannot listen on 127\\.53\\.0\\.1:${port}/udp: address already in use$`));
  await resolver.close();
  await startResolver(t, { port });
});

test("Resolver.close() with queries on their way and connections open leaves the port free", async (t) => {
  const asked = Promise.withResolvers<void>();
  const upstream = await fakeUpstream(t, () => {
    asked.resolve();
    return [];
  });
  const { port, resolver } = await startResolver(t, { upstream: () => upstream });
  const socket = await connectTcp({ port });
  socket.on("error", () => {});
  socket.write(framed(query("example.com", "A")));
  await asked.promise;
  await resolver.close();
  t.is(resolver.inFlight, 0);
  await startResolver(t, { port });
});
