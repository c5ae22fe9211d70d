import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import type { ByteStreamEvents } from "../src/byte-stream.ts";
import { Listener } from "../src/listener.ts";
import { Reactor } from "../src/reactor.ts";
import { encodeSocketAddress } from "../src/socket-address.ts";
import { TcpSocket } from "../src/tcp-socket.ts";
import { Timer } from "../src/timers.ts";
import { rawServer } from "./raw-peer.ts";
import { turns, until } from "./turns.ts";

async function running(t: ExecutionContext): Promise<Reactor> {
  const reactor = await Reactor.open();
  reactor.run();
  t.teardown(() => reactor.stop());
  return reactor;
}

/** Notes what it is told. */
class Told implements ByteStreamEvents {
  stream!: TcpSocket;
  readonly events: string[] = [];
  received = "";
  onData(buffer: Buffer, start: number, end: number): void {
    this.received += buffer.toString("latin1", start, end);
  }
  onEnd(): void {
    this.events.push("end");
  }
  onDrain(): void {
    this.events.push("drain");
  }
  onClose(error: Error | null): void {
    this.events.push(error ? String((error as NodeJS.ErrnoException).code) : "close");
  }
}

function dial(reactor: Reactor, port: number): Told {
  const told = new Told();
  told.stream = TcpSocket.connect(reactor, encodeSocketAddress({ address: "127.0.0.1", port }), told);
  return told;
}

const write = (told: Told, text: string): boolean => told.stream.write(Buffer.from(text), 0, text.length);
const openFiles = (): number => readdirSync("/proc/self/fd").length;

test.serial("Node's own sockets, timers and files live beside an idle loop", async (t) => {
  const reactor = await running(t);
  t.true(reactor.wakesForNode);
  const server = createServer((_, answer) => answer.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await (await fetch(url)).text();
  const took: number[] = [];
  for (let round = 0; round < 50; round++) {
    const start = performance.now();
    await (await fetch(url)).text();
    took.push(performance.now() - start);
  }
  const median = took.sort((a, b) => a - b)[25]!;
  t.log(`fetch: median ${median.toFixed(2)} ms`);
  t.true(median < 15, "the loop would make each step of it wait 20 ms if it did not wake for Node");
  const start = performance.now();
  await new Promise((fired) => setTimeout(fired, 30));
  t.true(performance.now() - start < 150);
});

test.serial("an idle loop costs next to nothing, and a paused socket with a hang-up does not spin it", async (t) => {
  const reactor = await running(t);
  const server = await rawServer(t);
  const told = dial(reactor, server.port);
  const peer = await server.next();
  told.stream.pause();
  await new Promise((sent) => peer.socket.end("bytes that wait", () => sent(undefined)));
  told.stream.end();
  await peer.end();
  await turns(reactor);
  const before = process.cpuUsage();
  await new Promise((fired) => setTimeout(fired, 500));
  const { user, system } = process.cpuUsage(before);
  t.true(user + system < 200_000, `${user + system} µs of 500 ms`);
  t.is(told.received, "");
  told.stream.resume();
  await until(() => told.events.includes("close"), "the end");
  t.is(told.received, "bytes that wait");
  t.deepEqual(told.events, ["end", "close"]);
});

test.serial("timers fire after their time and not before, whatever the loop was doing", async (t) => {
  const reactor = await running(t);
  for (const ms of [1, 5, 15, 40]) {
    // The loop has waited for some time when this runs.
    await new Promise((fired) => setTimeout(fired, 30));
    const start = performance.now();
    await new Promise<void>((fired) => reactor.timers.arm(new Timer(fired), ms));
    const took = performance.now() - start;
    t.true(took >= ms - 1 && took < ms + 100, `${ms} ms took ${took}`);
  }
});

test.serial("Listener accepts on a Unix socket, and leaves a file that is in its way alone", async (t) => {
  const reactor = await running(t);
  const folder = mkdtempSync(join(tmpdir(), "reactor-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "a.sock");
  const told = new Told();
  const listener = new Listener(reactor, { path }, false, (fd, client) => {
    t.deepEqual(client, { address: "", port: 0 });
    told.stream = new TcpSocket(reactor, fd, told);
  });
  t.teardown(() => listener.close());
  t.deepEqual(listener.at, { address: path, port: 0 });
  const client = connect(path);
  t.teardown(() => client.destroy());
  client.write("ping");
  await until(() => told.received === "ping", "the bytes");
  write(told, "pong");
  t.is(String((await once(client, "data"))[0]), "pong");
  const before = openFiles();
  const refused = t.throws(() => new Listener(reactor, { path }, false, () => {}), { code: "ERR_LISTEN" });
  t.like(refused?.cause, { code: "EADDRINUSE" });
  t.is(openFiles(), before);
});

test.serial("Reactor.scratchWith() is what was read with room before it, as far as there is room", async (t) => {
  const reactor = await running(t);
  reactor.scratch.write("read");
  for (const bytes of [0, 1, 100, 512]) {
    const roomy = reactor.scratchWith(bytes)!;
    t.is(roomy.toString("latin1", bytes, bytes + 4), "read");
    t.is(roomy.length, bytes + reactor.scratch.length);
    t.is(reactor.scratchWith(bytes), roomy);
  }
  t.is(reactor.scratchWith(513), null);
});

test.serial("2000 connections opened and closed leave no file descriptor", async (t) => {
  const reactor = await running(t);
  const accepted: Told[] = [];
  const listener = new Listener(reactor, { address: "127.0.0.1", port: 0 }, false, (fd, client) => {
    t.is(client.address, "127.0.0.1");
    const told = new Told();
    told.stream = new TcpSocket(reactor, fd, told);
    accepted.push(told);
  });
  t.teardown(() => listener.close());
  const before = openFiles();
  for (let round = 0; round < 4; round++) {
    accepted.length = 0;
    const dialled = Array.from({ length: 500 }, () => dial(reactor, listener.at.port));
    for (const told of dialled) write(told, "hello");
    await until(() => accepted.length === 500 && accepted.every(({ received }) => received === "hello"), "all of them");
    for (const [index, told] of dialled.entries()) {
      if (index % 3 === 0) told.stream.end();
      else told.stream.destroy(index % 3 === 1);
    }
    await until(() => accepted.every(({ events }) => events.length > 0), "their ends");
    for (const told of accepted) told.stream.destroy();
    await until(() => [...dialled, ...accepted].every(({ events }) => /close|ECONN/.test(events.at(-1)!)), "all closed");
    for (const told of [...dialled, ...accepted]) t.is(told.events.filter((event) => /close|ECONN/.test(event)).length, 1);
  }
  t.is(openFiles(), before);
});

test.serial("TcpSocket.connect() tells by onClose that it failed, and what was written is lost", async (t) => {
  const reactor = await running(t);
  const server = await rawServer(t);
  const { port } = server;
  await new Promise((closed) => server.server.close(closed));
  const told = dial(reactor, port);
  t.false(write(told, "hello"));
  t.deepEqual(told.events, []);
  await until(() => told.events.length > 0, "the failure");
  t.deepEqual(told.events, ["ECONNREFUSED"]);
  const nowhere = new Told();
  nowhere.stream = TcpSocket.connect(reactor, encodeSocketAddress({ address: "255.255.255.255", port: 1 }), nowhere);
  t.deepEqual(nowhere.events, [], "never from within");
  await until(() => nowhere.events.length > 0, "the failure");
});

test.serial("TcpSocket.write() returns false when the reader is slow, onDrain follows, and all arrives in order", async (t) => {
  const reactor = await running(t);
  const server = await rawServer(t);
  const told = dial(reactor, server.port);
  const peer = await server.next();
  await until(() => told.stream.isOpen, "the connection");
  peer.socket.pause();
  let sent = "";
  for (let n = 0; n < 100_000; n++) {
    const text = `${n} `.repeat(1000);
    sent += text;
    if (!write(told, text)) break;
  }
  t.true(told.stream.waitingBytes > 0);
  write(told, "last");
  told.stream.end();
  await turns(reactor);
  t.deepEqual(told.events, told.events.filter((event) => event === "drain").slice(0, 1));
  peer.socket.resume();
  await peer.end();
  t.is(peer.received.length, sent.length + 4);
  t.true(peer.received === `${sent}last`);
  peer.socket.end();
  await until(() => told.events.includes("close"), "the end");
});

test.serial("what the other end said before it reset the connection under a write is read", async (t) => {
  const reactor = await running(t);
  const server = await rawServer(t);
  const told = dial(reactor, server.port);
  const peer = await server.next();
  await until(() => told.stream.isOpen, "the connection");
  peer.socket.pause();
  write(told, "unread");
  // With bytes unread, closing resets.
  await new Promise<void>((sent) => peer.socket.write("why", () => sent()));
  peer.socket.destroy();
  await once(peer.socket, "close");
  write(told, "more");
  write(told, "and more");
  await until(() => told.events.length > 0, "the end");
  t.is(told.received, "why");
  t.deepEqual(told.events, ["ECONNRESET"]);
});

test.serial("a socket whose turn comes in the same batch as its end is told nothing more, nor is who gets its number", async (t) => {
  const reactor = await running(t);
  const server = await rawServer(t);
  const pairs = Array.from({ length: 20 }, () => dial(reactor, server.port));
  await until(() => server.peers.length === 20, "all connected");
  const others: Told[] = [];
  for (const told of pairs)
    told.onData = () => {
      for (const one of pairs.splice(0)) {
        one.stream.destroy();
        others.push(dial(reactor, server.port)); // takes the number over
      }
    };
  const all = [...pairs];
  for (const peer of server.peers.slice(0, 20)) peer.send("x");
  await until(() => others.length === 20 && server.peers.length === 40, "the others");
  await turns(reactor);
  t.true(all.every(({ events }) => events.length === 1 && events[0] === "close"));
  t.true(others.every(({ events, received }) => events.length === 0 && received === ""));
  for (const told of others) told.stream.destroy();
});

test.serial("a listener without file descriptors goes on when there are some again", async (t) => {
  const script = new URL("few-files.ts", import.meta.url).pathname;
  const child = spawn("bash", ["-c", 'ulimit -n 64; exec "$0" "$1"', process.execPath, script], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value: port } = await lines.next();
  const clients = Array.from({ length: 100 }, () => connect(Number(port), "127.0.0.1").on("error", () => {}));
  t.is((await lines.next()).value, "accepted all");
  for (const client of clients) client.destroy();
  await once(child, "close");
});

test.serial("a listener says why it cannot listen", async (t) => {
  const reactor = await running(t);
  const listener = new Listener(reactor, { address: "127.0.0.1", port: 0 }, false, () => {});
  t.throws(() => new Listener(reactor, listener.at, false, () => {}), { code: "ERR_LISTEN", message: /EADDRINUSE/ });
  const before = openFiles();
  t.throws(() => new Listener(reactor, { address: "192.0.2.1", port: 1 }, false, () => {}), { code: "ERR_LISTEN" });
  t.is(openFiles(), before);
  listener.close();
  const six = new Listener(reactor, { address: "::1", port: 0 }, false, (fd, client) => {
    t.is(client.address, "::1");
    new TcpSocket(reactor, fd, new Told()).destroy();
  });
  const socket: Socket = connect(six.at.port, "::1");
  socket.on("error", () => {});
  await once(socket, "close");
  six.close();
});
