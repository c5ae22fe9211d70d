import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { createServer, connect as rawConnect, type Socket } from "node:net";
import { createLog, MitsuError, NotSupportedError, testEnv } from "@mitsu/cli";
import test from "ava";
import { connect, encodeFrame, frameReader, type Handlers, serve } from "../src/mod.ts";
import { type DemoProtocol, demo, fixture, socketPath } from "./fixture.ts";

test("call() asks and gets an answer, many at once on one connection", async (t) => {
  const { open } = await fixture(t);
  const client = await open();
  t.deepEqual(client.daemon, { name: "demo", version: "1", pid: process.pid });
  const sums = await Promise.all(Array.from({ length: 500 }, (_, a) => client.call("add", { a, b: 1 })));
  t.deepEqual(
    sums.map(({ sum }) => sum),
    Array.from({ length: 500 }, (_, a) => a + 1),
  );
});

test("call() carries a megabyte", async (t) => {
  const { open } = await fixture(t);
  const text = "x".repeat(1 << 20);
  t.is((await (await open()).call("echo", { text })).text, text);
});

test("an error crosses with its code, hint, exit status and class", async (t) => {
  const { open } = await fixture(t);
  const client = await open();
  const error = await t.throwsAsync(client.call("fail", { how: "mitsu" }), { instanceOf: MitsuError });
  t.like(error, { message: "no such cgroup", code: "ERR_CGROUP_MISSING", hint: "start the unit first", exit: 65 });
  t.like(await t.throwsAsync(client.call("fail", { how: "unsupported" }), { instanceOf: NotSupportedError }), {
    exit: 95,
    hint: "boot another kernel",
  });
  t.like(await t.throwsAsync(client.call("fail", { how: "plain" })), { code: "ENOENT", message: "no file", exit: 1 });
  t.is((await client.call("add", { a: 1, b: 1 })).sum, 2);
});

test("both ends validate: a bad request never leaves, a bad response never arrives", async (t) => {
  const { open } = await fixture(t);
  const client = await open();
  const wrong = { a: "1", b: 2 } as unknown as { a: number; b: number };
  await t.throwsAsync(client.call("add", wrong), { code: "ERR_IPC_SCHEMA", message: /^add: bad request: a: / });
  await t.throwsAsync(client.call("lie", {}), { code: "ERR_IPC_SCHEMA", message: /^lie: bad response: number: / });
});

test("call() gives up in time, and the connection lives on", async (t) => {
  const { open } = await fixture(t);
  const client = await open();
  await t.throwsAsync(client.call("hang", {}, { timeoutMs: 10 }), { code: "ERR_IPC_TIMEOUT", message: /hang: no answer within 10 ms/ });
  t.is((await client.call("add", { a: 2, b: 2 })).sum, 4);
});

test("close() of the server ends waiting calls with a reason and removes the socket file", async (t) => {
  const { open, server, path } = await fixture(t);
  const client = await open();
  const waiting = client.call("hang", {});
  await client.call("add", { a: 1, b: 1 }); // the server has read `hang` once it answers this
  await Promise.all([t.throwsAsync(waiting, { code: "ERR_IPC_CLOSED" }), server.close()]);
  await t.throwsAsync(client.call("add", { a: 1, b: 1 }), { code: "ERR_IPC_CLOSED" });
  t.false(existsSync(path));
});

test("connect() without a socket file says how to start the daemon", async (t) => {
  const path = socketPath(t);
  const error = await t.throwsAsync(connect(path, demo), { code: "ERR_DAEMON_DOWN", message: /there is no such socket/ });
  t.like(error, { hint: `start it: demo daemon --socket ${path}`, exit: 69 });
  t.like(await t.throwsAsync(connect(path, demo, { startHint: "do x" })), { hint: "do x" });
});

test("connect() tells a dead daemon's socket file", async (t) => {
  const path = socketPath(t);
  spawnSync("python3", ["-c", "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()", path]);
  await t.throwsAsync(connect(path, demo), { code: "ERR_DAEMON_DOWN", message: /nobody listens/ });
});

/** A server that answers every connection with `reply`. */
async function impostor(t: Parameters<typeof socketPath>[0], reply: (socket: Socket) => void): Promise<string> {
  const path = socketPath(t);
  const server = createServer(reply).listen(path);
  await once(server, "listening");
  t.teardown(() => server.close());
  return path;
}

test("connect() names both versions when protocols differ", async (t) => {
  const path = await impostor(t, (socket) => socket.write(encodeFrame({ t: "hello", protocol: 99, daemon: "demo", version: "9", pid: 1 })));
  await t.throwsAsync(connect(path, demo), { code: "ERR_IPC_VERSION", message: "demo 9 speaks protocol 99, this command 1" });
});

test("connect() to something else fails as a bad frame or in time", async (t) => {
  const http = await impostor(t, (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await t.throwsAsync(connect(http, demo), { code: "ERR_IPC_FRAME" });
  const mute = await impostor(t, () => {});
  await t.throwsAsync(connect(mute, demo, { timeoutMs: 10 }), { code: "ERR_IPC_TIMEOUT" });
});

/** Sends raw bytes and collects what comes back until the server closes. */
async function converse(path: string, bytes: Uint8Array): Promise<unknown[]> {
  const socket = rawConnect(path);
  socket.write(bytes);
  const reader = frameReader();
  const got: unknown[] = [];
  for await (const chunk of socket) got.push(...reader.push(chunk as Buffer));
  return got;
}
const hello = encodeFrame({ t: "hello", protocol: 1 });

test("the server answers nonsense with ERR_IPC_FRAME, closes, counts it, and serves on", async (t) => {
  const { path, server, open, env } = await fixture(t);
  const client = await open();
  const nonsense = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from([0, 0, 0, 1, 0xc1]),
    Buffer.alloc(4),
    encodeFrame({ t: "call", id: 1, method: "add", params: {} }),
  ];
  for (const bytes of nonsense) {
    t.like((await converse(path, bytes)).at(-1), { t: "error", error: { code: "ERR_IPC_FRAME" } });
  }
  t.is(server.counts().badFrames, 3); // the fourth is a good frame from a client that did not greet
  t.regex(env.err(), /closing a connection that sent nonsense pid=\d+ error="bad frame: /);
  t.is((await client.call("add", { a: 1, b: 1 })).sum, 2);
});

test("the server refuses a client of another protocol, and an unknown message", async (t) => {
  const { path } = await fixture(t);
  t.like((await converse(path, encodeFrame({ t: "hello", protocol: 2 }))).at(-1), { error: { code: "ERR_IPC_VERSION" } });
  t.like((await converse(path, Buffer.concat([hello, encodeFrame({ t: "shout" })]))).at(-1), { error: { code: "ERR_IPC_SCHEMA" } });
});

test("the server refuses a method it does not have, whatever its name", async (t) => {
  const { path } = await fixture(t);
  for (const name of ["none", "__proto__", "toString"]) {
    const newer: Record<string, DemoProtocol["add"]> = Object.fromEntries([[name, demo.add]]);
    using client = await connect(path, newer);
    await t.throwsAsync(client.call(name, { a: 1, b: 1 }), { code: "ERR_IPC_METHOD", message: `demo has no method '${name}'` });
  }
});

test("the server takes no more clients than it may, and says so", async (t) => {
  const { open, server } = await fixture(t, { maxConnections: 1 });
  await open();
  await t.throwsAsync(open(), { code: "ERR_IPC_BUSY" });
  t.is(server.counts().refused, 1);
});

test("a handler sees who asks, as the kernel knows it", async (t) => {
  const { open } = await fixture(t);
  t.deepEqual(await (await open()).call("who", {}), { pid: process.pid, uid: process.getuid!() });
});

test("the socket file has the mode asked for and is never wider", async (t) => {
  const { path } = await fixture(t);
  t.is(statSync(path).mode & 0o777, 0o660);
  const { path: narrow } = await fixture(t, { mode: 0o600 });
  t.is(statSync(narrow).mode & 0o777, 0o600);
});

test("serve() says why it cannot listen", async (t) => {
  const { path } = await fixture(t);
  const options = { daemon: "demo", version: "1", protocol: demo, log: createLog(testEnv()), handlers: {} as Handlers<DemoProtocol> };
  await t.throwsAsync(serve({ ...options, listen: { path } }), { code: "ERR_IPC_LISTEN", message: /address already in use/ });
  await t.throwsAsync(serve({ ...options, listen: { path: "/nowhere/x.sock" } }), { code: "ERR_IPC_LISTEN" });
});
