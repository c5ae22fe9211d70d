import { once } from "node:events";
import test, { type ExecutionContext } from "ava";
import { defaultListener } from "../../src/config/defaults.ts";
import { NetPlane, openMemoryStream } from "../../src/data-plane/net-plane.ts";
import { planeTests } from "./conformance.ts";
import { Rig } from "./rig.ts";

// One after another: descriptors are counted.
planeTests(test.serial as typeof test, "NetPlane", (events) => new NetPlane(events));

async function rigOf(t: ExecutionContext): Promise<{ rig: Rig; plane: NetPlane }> {
  let plane: NetPlane | undefined;
  const rig = await Rig.make((events) => {
    plane = new NetPlane(events);
    return plane;
  });
  t.teardown(async () => {
    await rig.plane.stop();
    if (rig.faults.length > 0) throw new Error(rig.faults.join("; "));
  });
  return { rig, plane: plane as NetPlane };
}

const tcp = { ...defaultListener, port: 0 };
const much = Buffer.alloc(16 * 1024 * 1024, "much");

test.serial("NetPlane flush() gives the slab back when all has left at once, and else when it has drained", async (t) => {
  const { rig, plane } = await rigOf(t);
  const bound = await plane.listen(tcp);
  const client = await rig.client(bound);
  rig.send(client.id, "little");
  t.true(rig.flush());
  client.socket.pause();
  rig.send(client.id, much);
  t.false(rig.flush());
  // Another slab: what waits with views of the first does not hold it, and what follows those is copied.
  rig.send(client.id, "more");
  t.true(rig.flush());
  client.socket.resume();
  await rig.until(() => rig.drains.length === 1);
  await client.until(6 + much.length + 4);
  t.true(rig.flush());
  // A connection that ends while it waits gives it back too.
  const other = await rig.client(bound);
  const send = (id: number, length: number) => rig.within(() => plane.send(id, much, 0, length, 1, false));
  client.socket.pause();
  send(client.id, much.length);
  t.false(rig.flush());
  send(other.id, 5);
  t.false(rig.flush());
  rig.within(() => plane.close(client.id, 0));
  await rig.until(() => rig.closes.length === 1);
  send(other.id, 5);
  t.true(rig.flush());
});

test.serial("NetPlane flush() says that any buffer of this turn is still referred to, and forgets those of earlier turns", async (t) => {
  const { rig, plane } = await rigOf(t);
  const bound = await plane.listen(tcp);
  const slow = await rig.client(bound);
  const other = await rig.client(bound);
  slow.socket.pause();
  const buffers = [Buffer.from(much), Buffer.from(much), Buffer.alloc(100, "little")] as const;
  const send = (id: number, buffer: Buffer) => rig.within(() => plane.send(id, buffer, 0, buffer.length, 1, false));
  // What is written last has left at once; the two before have not.
  send(slow.id, buffers[0]);
  send(slow.id, buffers[1]);
  send(other.id, buffers[2]);
  t.false(rig.flush());
  // Nothing of this turn waits, though the slow one still does.
  t.true(rig.flush());
  send(other.id, buffers[2]);
  t.true(rig.flush());
  send(other.id, buffers[1].subarray(0, 5));
  t.false(rig.flush());
  slow.socket.resume();
  await Promise.all([slow.until(2 * much.length), rig.until(() => rig.drains.length === 1)]);
  t.true(slow.bytes.equals(Buffer.concat([much, much])));
  send(other.id, buffers[0].subarray(0, 5));
  t.true(rig.flush());
});

test.serial("NetPlane numbers are dense, and stop() tells of each connection's end", async (t) => {
  const { rig, plane } = await rigOf(t);
  const bound = await plane.listen(tcp);
  for (let index = 0; index < 5; index++) t.is((await rig.client(bound)).id, index);
  await Promise.all([plane.stop(), plane.stop()]);
  t.deepEqual(
    rig.closes.map(({ id }) => id).toSorted((one, other) => one - other),
    [0, 1, 2, 3, 4],
  );
  t.deepEqual(rig.open, []);
});

test.serial("NetPlane answers a client that has ended its side, within the same turn", async (t) => {
  const { rig, plane } = await rigOf(t);
  rig.onEachBytes = (id, bytes) => rig.send(id, Buffer.from(bytes));
  const client = await rig.client(await plane.listen(tcp));
  client.socket.allowHalfOpen = true;
  client.socket.end("ping");
  await client.closed;
  t.is(client.text, "ping");
  await rig.until(() => rig.closes.length === 1);
  t.is(rig.closes[0]?.error, null);
});

test.serial("openMemoryStream() opens a connection in-process, whose identity the broker is told", async (t) => {
  const { rig, plane } = await rigOf(t);
  rig.onEachBytes = (id, bytes) => rig.send(id, Buffer.from(bytes));
  const stream = rig.within(() => openMemoryStream(plane, "bridge"));
  stream.write("early");
  await rig.until(() => rig.open.length === 1);
  const peer = rig.peers.get(rig.open[0] ?? -1);
  t.deepEqual([peer?.transport, peer?.identity, peer?.local, peer?.address], ["memory", "bridge", true, ""]);
  const [echo] = (await once(stream, "data")) as [Buffer];
  t.is(String(echo), "early");
  stream.end();
  await once(stream, "close");
  await rig.until(() => rig.closes.length === 1);
  t.is(rig.closes[0]?.error, null);
});

test.serial("openMemoryStream() holds bytes up for a client that does not read, and tells when they have left", async (t) => {
  const { rig, plane } = await rigOf(t);
  const stream = openMemoryStream(plane, "bridge");
  await rig.until(() => rig.open.length === 1);
  const [id] = rig.open as [number];
  for (let part = 0; part < 10; part++) {
    rig.send(id, Buffer.alloc(100_000, String(part)));
    t.true(rig.flush());
  }
  t.is(plane.waitingBytes[id], 1_000_000);
  let got = "";
  stream.on("data", (chunk: Buffer) => {
    got += chunk.toString("latin1");
  });
  await rig.until(() => rig.drains.length === 1);
  t.is(plane.waitingBytes[id], 0);
  rig.within(() => plane.close(id, 1000));
  await Promise.all([once(stream, "end"), rig.until(() => rig.closes.length === 1)]);
  t.is(got, Array.from({ length: 10 }, (_, part) => String(part).repeat(100_000)).join(""));
});

test.serial("openMemoryStream() ends with either end, and a client within onBytes may answer at once", async (t) => {
  const { rig, plane } = await rigOf(t);
  const destroyed = openMemoryStream(plane, "one");
  await rig.until(() => rig.open.length === 1);
  destroyed.destroy();
  await rig.until(() => rig.closes.length === 1);
  const closed = openMemoryStream(plane, "two");
  closed.on("error", () => {});
  await rig.until(() => rig.open.length === 1);
  const [id] = rig.open as [number];
  // Ping-pong: each side writes from within its reading; the rig sees events from within methods.
  let rounds = 0;
  closed.on("data", (chunk) => closed.write(chunk));
  rig.onEachBytes = (of, bytes) => {
    if (++rounds < 50) rig.send(of, Buffer.from(bytes));
  };
  rig.send(id, "ping");
  rig.flush();
  await rig.until(() => rounds === 50);
  rig.within(() => plane.close(id, 0));
  await once(closed, "close");
  await rig.until(() => rig.closes.length === 2);
  await plane.stop();
  t.throws(() => openMemoryStream(plane, "three"), { code: "ERR_PLANE_STOPPED" });
  await t.throwsAsync(plane.listen(tcp), { code: "ERR_PLANE_STOPPED" });
});
