import { once } from "node:events";
import { connect as rawConnect } from "node:net";
import test from "ava";
import { encodeFrame, frameReader, streamCredit } from "../src/mod.ts";
import { fixture } from "./fixture.ts";

test("subscribe() yields every event in order and ends with the source", async (t) => {
  const { open } = await fixture(t);
  const stream = (await open()).subscribe("count", { to: 100 });
  const got: number[] = [];
  for await (const { n } of stream) got.push(n);
  t.deepEqual(
    got,
    Array.from({ length: 100 }, (_, at) => at + 1),
  );
  t.is(stream.dropped(), 0);
});

test("a stream that waits loses nothing, however many events there are", async (t) => {
  const { open } = await fixture(t);
  let expected = 1;
  for await (const { n } of (await open()).subscribe("countAll", { to: 20 * streamCredit + 7 })) t.is(n, expected++);
  t.is(expected, 20 * streamCredit + 8);
});

test("a stream that drops counts what a slow client lost, to the last event", async (t) => {
  const { open, server } = await fixture(t);
  const client = await open();
  const total = 50 * streamCredit;
  const stream = client.subscribe("count", { to: total });
  let received = 0;
  for await (const { n } of stream) {
    // Slow at first: nothing more is taken until the daemon has dropped some, which a call on the same connection can still see.
    if (received++ === 0) while (server.counts().droppedEvents === 0) await client.call("add", { a: n, b: 1 });
  }
  t.true(stream.dropped() > 0);
  t.is(received + stream.dropped(), total);
  t.is(server.counts().droppedEvents, stream.dropped());
});

test("a client that never gives credit gets one queue's worth and costs no more", async (t) => {
  const { path, server } = await fixture(t);
  const socket = rawConnect(path);
  socket.write(encodeFrame({ t: "hello", protocol: 1 }));
  socket.write(encodeFrame({ t: "subscribe", id: 1, method: "count", params: { to: 4 * streamCredit } }));
  const reader = frameReader();
  const got: { t: string; dropped?: number }[] = [];
  while (got.at(-1)?.t !== "end") got.push(...(reader.push((await once(socket, "data"))[0]) as typeof got));
  t.is(got.filter(({ t: type }) => type === "event").length, streamCredit);
  t.is(got.at(-1)?.dropped, 3 * streamCredit);
  t.is(server.counts().droppedEvents, 3 * streamCredit);
  socket.destroy();
});

test("an error in the source reaches the loop after the events before it", async (t) => {
  const { open } = await fixture(t);
  const got: number[] = [];
  const loop = async () => {
    for await (const { n } of (await open()).subscribe("broken", {})) got.push(n);
  };
  await t.throwsAsync(loop(), { code: "ERR_X", message: "the map is gone" });
  t.deepEqual(got, [1]);
});

test("leaving the loop cancels the source, and the connection lives on", async (t) => {
  const { open } = await fixture(t);
  const client = await open();
  for await (const { n } of client.subscribe("countAll", { to: 1e9 })) if (n === 3) break;
  t.is((await client.call("add", { a: 1, b: 1 })).sum, 2);
});

test("cancel() aborts the handler's signal and ends a waiting loop", async (t) => {
  const { open, silentEnded } = await fixture(t);
  const stream = (await open()).subscribe("silent", {});
  const loop = (async () => {
    for await (const _ of stream) t.fail("it is silent");
  })();
  stream.cancel();
  await loop;
  await silentEnded;
  t.pass();
});

test("a client that goes away aborts the handler's signal", async (t) => {
  const { open, silentEnded } = await fixture(t);
  const client = await open();
  client.subscribe("silent", {});
  await client.call("add", { a: 1, b: 1 }); // the subscription was read before this
  client.close();
  await silentEnded;
  t.pass();
});

test("the server going away fails a waiting loop", async (t) => {
  const { open, server } = await fixture(t);
  const client = await open();
  const stream = client.subscribe("silent", {});
  await client.call("add", { a: 1, b: 1 });
  const loop = (async () => {
    for await (const _ of stream) t.fail("it is silent");
  })();
  await Promise.all([t.throwsAsync(loop, { code: "ERR_IPC_CLOSED" }), server.close()]);
});

test("one connection may hold 64 streams and no more", async (t) => {
  const { open } = await fixture(t);
  const client = await open();
  for (let at = 0; at < 64; at++) client.subscribe("silent", {});
  const loop = async () => {
    for await (const _ of client.subscribe("count", { to: 1 })) t.fail("it was taken");
  };
  await t.throwsAsync(loop(), { code: "ERR_IPC_BUSY" });
});
