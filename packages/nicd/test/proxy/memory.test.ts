import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { rawClient, rawServer } from "@mitsu/reactor/raw-peer";
import { turns, until } from "@mitsu/reactor/turns";
import test from "ava";
import { testPlane, webAt } from "./test-plane.ts";

const piece = Buffer.alloc(64 * 1024, "x");

/** What this process holds in buffers, bytes: that is where a body would be. */
function held(): number {
  const { arrayBuffers, external } = process.memoryUsage();
  return Math.max(arrayBuffers, external);
}

for (const chunked of [false, true])
  test.serial(`100 MB each way, with ${chunked ? "chunks" : "a length"}, pass whole and at constant memory`, async (t) => {
    const bytes = 100 * 1024 * 1024;
    const ends = new Worker(new URL("big-bodies.ts", import.meta.url), { workerData: { bytes, chunked } });
    t.teardown(() => ends.terminate());
    const [replica] = (await once(ends, "message")) as [number];
    const { port, ended } = await testPlane(t, webAt(replica, "routes: [{ timeout: 0 }]"));
    const before = held();
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, held() - before);
    }, 5);
    ends.postMessage(port);
    const [lengths] = await once(ends, "message");
    clearInterval(watching);
    t.deepEqual(lengths, { uploaded: bytes, downloaded: bytes });
    t.log(`at most ${(most / 1024).toFixed(0)} KiB more than before`);
    t.true(most < 16 * 1024 * 1024);
    await until(() => ended.length === 1, "the end");
    t.like(ended, [{ flag: "", status: 200 }]);
  });

test.serial("a slow reader holds its replica up, in either direction, and nothing is lost when it reads on", async (t) => {
  const server = await rawServer(t);
  const { port, reactor } = await testPlane(t, webAt(server.port, "routes: [{ timeout: 0 }]"));
  const bytes = 40 * 1024 * 1024;
  const client = rawClient(t, port).send(`PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: ${bytes}\r\n\r\n`);
  const replica = await server.next();
  await replica.take(/\r\n\r\n/);
  for (const [writer, reader] of [
    [client, replica],
    [replica, client],
  ] as const) {
    reader.socket.pause();
    const before = held();
    const drained = new Promise<void>((resolve) => {
      let left = bytes;
      const write = (): void => {
        while (left > 0) {
          left -= piece.length;
          if (!writer.socket.write(piece)) {
            writer.socket.once("drain", write);
            return;
          }
        }
        resolve();
      };
      if (writer === replica) writer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
      write();
    });
    // The writer stops: the kernel's buffers are full, and nicd's.
    let written = -1;
    while (written !== writer.socket.bytesWritten - writer.socket.writableLength) {
      written = writer.socket.bytesWritten - writer.socket.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 50));
      await turns(reactor);
    }
    t.true(written < bytes - 1024 * 1024, `${written} of ${bytes} bytes`);
    t.true(held() - before < 8 * 1024 * 1024, `${held() - before} bytes held`);
    reader.socket.resume();
    await drained;
    if (writer === client) await until(() => reader.received.length === bytes, "the body", 20_000);
    else await until(() => reader.received.length > bytes, "the answer", 20_000);
  }
});

test.serial("a client that asks on and on without reading is not read on and on", async (t) => {
  const { port, ended, reactor } = await testPlane(t, webAt(1, `routes: [{ respond: { status: 200, body: ${"x".repeat(4000)} } }]`));
  const client = rawClient(t, port);
  client.socket.pause();
  const many = "GET / HTTP/1.1\r\nHost: web\r\n\r\n".repeat(1000);
  const before = held();
  let rounds = 0;
  while (rounds < 100 && client.socket.write(many)) rounds++;
  for (let round = 0; round < 100; round++) client.socket.write(many);
  let seen = -1;
  while (seen !== ended.length) {
    seen = ended.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    await turns(reactor);
  }
  t.true(ended.length < 100_000, `${ended.length} answered`);
  t.true(held() - before < 16 * 1024 * 1024, `${held() - before} bytes`);
  client.socket.resume();
  await until(() => ended.length === 1000 * (rounds + 101) || ended.length > 100_000, "the rest", 20_000);
});

test.serial("a client that reads its last answer slowly gets all of it, though the connection is to be closed", async (t) => {
  const server = await rawServer(t);
  const { port } = await testPlane(t, webAt(server.port, "routes: [{ timeout: 0 }]"), [], true);
  const client = rawClient(t, port).send("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
  const replica = await server.next();
  await replica.message();
  client.socket.pause();
  const bytes = 20 * 1024 * 1024;
  replica.send(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than the connection lingers
  client.socket.resume();
  t.is(await client.end(), "end");
  t.true(client.received.endsWith("x".repeat(1000)) && client.received.length > bytes);
});
