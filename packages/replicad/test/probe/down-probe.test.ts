import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { Worker } from "node:worker_threads";
import test, { type ExecutionContext } from "ava";
import { DownProbe, type DownProbeOptions } from "../../src/probe/down-probe.ts";

/** A probe whose ups and tries can be awaited. */
function probing(t: ExecutionContext, options: Partial<DownProbeOptions> = {}) {
  const ups: string[] = [];
  const waits = new Set<() => void>();
  const probe = new DownProbe({
    everyMs: 5,
    onUp(key) {
      ups.push(key);
      for (const look of waits) look();
    },
    ...options,
  });
  const timer = setInterval(() => {
    for (const look of waits) look();
  }, 2);
  t.teardown(() => {
    clearInterval(timer);
    probe[Symbol.dispose]();
  });
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        waits.delete(look);
        resolve();
      };
      waits.add(look);
      look();
    });
  return { probe, ups, until };
}

async function listening(t: ExecutionContext, host = "127.0.0.1", port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer();
  t.teardown(() => server.close());
  server.listen(port, host);
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** A port where nobody listens. */
async function closedPort(t: ExecutionContext): Promise<number> {
  const { server, port } = await listening(t);
  server.close();
  await once(server, "close");
  return port;
}

test("DownProbe tries a refusing replica again and again, says once that it is up, and closes its connection at once", async (t) => {
  const { probe, ups, until } = probing(t);
  const port = await closedPort(t);
  const key = `127.0.0.1:${port}`;
  t.true(probe.watch(key));
  t.true(probe.watch(key));
  t.is(probe.size, 1);
  await until(() => probe.tries >= 3);
  t.deepEqual(ups, []);
  const { server } = await listening(t, "127.0.0.1", port);
  const closed = Promise.withResolvers<void>();
  let connections = 0;
  server.on("connection", (socket) => {
    connections++;
    socket.resume().once("end", () => closed.resolve());
  });
  await until(() => ups.length === 1);
  await closed.promise;
  t.deepEqual(ups, [key]);
  t.is(probe.size, 0);
  const { tries } = probe;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.is(probe.tries, tries);
  t.is(connections, 1);
  t.is(probe.ups, 1);
});

test("DownProbe speaks IPv6, and refuses what is no address and port", async (t) => {
  const { probe, ups, until } = probing(t);
  const { port } = await listening(t, "::1");
  probe.watch(`[::1]:${port}`);
  await until(() => ups.length === 1);
  for (const key of ["web:80", "127.0.0.1", "127.0.0.1:0"]) t.throws(() => probe.watch(key), { code: "ERR_REPLICA_KEY" });
  t.is(probe.size, 0);
});

/** A port whose program does not accept, with a full queue of connections, so that the kernel drops further ones. */
async function stuckPort(t: ExecutionContext): Promise<number> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
    const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`,
    { eval: true },
  );
  t.teardown(() => worker.terminate());
  const [port] = (await once(worker, "message")) as [number];
  const filling = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  t.teardown(() => {
    for (const socket of filling) socket.destroy();
  });
  // The queue takes one more than it was asked for.
  await Promise.all(filling.slice(0, 2).map((socket) => once(socket, "connect")));
  return port;
}

test("DownProbe gives up a try that nobody answers after timeoutMs, with one at a time for each replica", async (t) => {
  const { probe, ups, until } = probing(t, { timeoutMs: 20 });
  const key = `127.0.0.1:${await stuckPort(t)}`;
  probe.watch(key);
  await until(() => probe.tries >= 4);
  t.deepEqual(ups, []);
  t.is(probe.timeouts, 3);
  probe.forget(key);
  t.is(probe.size, 0);
});

test("DownProbe has at most so many tries at a time, and all replicas get their turn", async (t) => {
  const { probe, ups, until } = probing(t, { most: 2 });
  const port = await closedPort(t);
  const { port: open } = await listening(t);
  for (let index = 1; index <= 9; index++) probe.watch(`127.0.0.${index}:${port}`);
  probe.watch(`127.0.0.1:${open}`);
  await until(() => ups.length === 1);
  t.true(probe.tries >= 10, String(probe.tries));
});

test("DownProbe watches no more than a node has replicas, and counts the rest", (t) => {
  const { probe } = probing(t, { everyMs: 60_000 });
  for (let index = 0; index < 1024; index++) t.true(probe.watch(`127.0.0.1:${index + 1}`));
  t.false(probe.watch("127.0.0.2:1"));
  t.is(probe.overflows, 1);
  t.is(probe.size, 1024);
});

test("DownProbe runs no timer while nothing is watched", (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const probe = new DownProbe({ onUp: () => {} });
  const before = timers();
  probe.watch("127.0.0.1:1");
  t.is(timers(), before + 1);
  probe.forget("127.0.0.1:1");
  t.is(timers(), before);
  probe.watch("127.0.0.1:1");
  probe[Symbol.dispose]();
  t.is(timers(), before);
});
