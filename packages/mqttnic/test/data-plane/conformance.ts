/**
 * What every data plane must do, over TCP and Unix sockets; each plane's own test file runs it.
 *
 * Longer than 300 lines because it is one list of criteria.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext, TestFn } from "ava";
import fc from "fast-check";
import type { ListenerConfig } from "../../src/config/broker-config.ts";
import { defaultListener } from "../../src/config/defaults.ts";
import { Client, type MakePlane, Rig } from "./rig.ts";

const tcp: ListenerConfig = { ...defaultListener, name: "test", port: 0 };
const mebibyte = 1024 * 1024;
/** More than the kernel takes for a reader that does not read. */
const much = 16 * mebibyte;

/**
 * Adds the tests of a plane.
 *
 * @param test - ava's.
 * @param name - Of the class, for titles.
 * @example
 * ```ts
 * planeTests(test, "NetPlane", (events) => new NetPlane(events));
 * ```
 */
export function planeTests(test: TestFn, name: string, makePlane: MakePlane): void {
  async function rigOf(t: ExecutionContext): Promise<Rig> {
    const rig = await Rig.make(makePlane);
    t.teardown(async () => {
      await rig.plane.stop();
      if (rig.faults.length > 0) throw new Error(`the plane broke its contract: ${rig.faults.join("; ")}`);
    });
    return rig;
  }
  async function clientsOf(t: ExecutionContext, rig: Rig, count: number): Promise<Client[]> {
    const bound = await rig.listen(tcp);
    const clients: Client[] = [];
    for (let index = 0; index < count; index++) clients.push(await rig.client(bound));
    t.teardown(() => {
      for (const client of clients) client.socket.destroy();
    });
    return clients;
  }
  const clientOf = async (t: ExecutionContext, rig: Rig) => (await clientsOf(t, rig, 1))[0] as Client;

  test(`${name} listen() takes a port of the kernel's choice and tells of a TCP client where it comes from`, async (t) => {
    const rig = await rigOf(t);
    const bound = await rig.listen(tcp);
    t.true(bound.port > 0);
    t.is(bound.address, "127.0.0.1");
    t.is(bound.config, tcp);
    const client = await rig.client(bound);
    t.deepEqual(rig.peers.get(client.id), {
      listener: tcp,
      address: "127.0.0.1",
      port: client.socket.localPort as number,
      local: true,
      transport: "tcp",
      certificate: undefined,
      identity: undefined,
    });
    client.socket.destroy();
  });

  test(`${name} listen() on both families calls an IPv4 client by its IPv4 address`, async (t) => {
    const rig = await rigOf(t);
    const bound = await rig.listen({ ...tcp, address: "::" });
    const client = await rig.client(bound);
    t.is(rig.peers.get(client.id)?.address, "127.0.0.1");
    t.true(rig.peers.get(client.id)?.local);
    client.socket.destroy();
  });

  test(`${name} listen() on a port in use throws ERR_LISTEN with a hint`, async (t) => {
    const rig = await rigOf(t);
    const server = createServer().listen(0, "127.0.0.1");
    t.teardown(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const error = await t.throwsAsync(rig.listen({ ...tcp, port }), { code: "ERR_LISTEN" });
    t.regex(String(error?.message), new RegExp(`cannot listen (on|at) 127\\.0\\.0\\.1:${port}`));
    t.truthy((error as Error & { hint?: string }).hint);
  });

  test(`${name} onBytes() tells bytes in order, and onTurn() follows what a turn told`, async (t) => {
    const rig = await rigOf(t);
    const clients = await clientsOf(t, rig, 3);
    const text = Array.from({ length: 5000 }, (_, index) => `${index};`).join("");
    for (const client of clients) for (let at = 0; at < text.length; at += 777) client.socket.write(text.slice(at, at + 777));
    await rig.until(() => clients.every(({ id }) => rig.received.get(id)?.length === text.length) && rig.told.at(-1)?.what === "turn");
    for (const { id } of clients) t.is(rig.received.get(id), text);
    // Never two turns without an event between them.
    t.false(rig.told.some(({ what }, index) => what === "turn" && (index === 0 || rig.told[index - 1]?.what === "turn")));
  });

  test(`${name} flush() from onTurn answers what came in the same turn`, async (t) => {
    const rig = await rigOf(t);
    rig.onEachBytes = (id, bytes) => rig.send(id, Buffer.from(bytes));
    const client = await clientOf(t, rig);
    client.socket.write("ping");
    await client.until(4);
    t.is(client.text, "ping");
  });

  test(`${name} fan() and send() keep the order of parts for each connection`, async (t) => {
    const rig = await rigOf(t);
    const clients = await clientsOf(t, rig, 4);
    const [a, b, c, d] = clients.map(({ id }) => id) as [number, number, number, number];
    const all = rig.plane.installRoute(Int32Array.of(a, b, c, d));
    const some = rig.plane.installRoute(Int32Array.of(b, d));
    for (let round = 0; round < 3; round++) {
      rig.fan(all, `[all ${round}]`);
      rig.send(b, `[b ${round}]`);
      rig.fan(some, `[some ${round}]`);
      rig.gap();
      rig.fan(all, `[end ${round}]`);
      rig.send(a, `[a ${round}]`);
      if (round !== 1) rig.flush();
    }
    const expect = (parts: (round: number) => string) => [0, 1, 2].map(parts).join("");
    const expected = [
      expect((round) => `[all ${round}][end ${round}][a ${round}]`),
      expect((round) => `[all ${round}][b ${round}][some ${round}][end ${round}]`),
      expect((round) => `[all ${round}][end ${round}]`),
      expect((round) => `[all ${round}][some ${round}][end ${round}]`),
    ];
    for (const [index, client] of clients.entries()) {
      await client.until(expected[index]?.length ?? 0);
      t.is(client.text, expected[index] as string);
    }
  });

  test(`${name} installRoute() keeps a copy and gives numbers out again, and what is no connection in a route is passed over`, async (t) => {
    const rig = await rigOf(t);
    const [a, b] = (await clientsOf(t, rig, 2)) as [Client, Client];
    const ids = Int32Array.of(a.id, 4711, b.id);
    const route = rig.plane.installRoute(ids);
    ids.fill(0);
    rig.fan(route, "one");
    rig.flush();
    rig.plane.uninstallRoute(route);
    const again = rig.plane.installRoute(Int32Array.of(b.id));
    t.is(again, route);
    rig.fan(again, "two");
    rig.flush();
    await Promise.all([a.until(3), b.until(6)]);
    t.is(a.text, "one");
    t.is(b.text, "onetwo");
  });

  test(`${name} waitingBytes rises with a reader that does not read, and onDrain() follows when all has left`, async (t) => {
    const rig = await rigOf(t);
    const [slow, other] = (await clientsOf(t, rig, 2)) as [Client, Client];
    slow.socket.pause();
    const part = patterned(much);
    rig.send(slow.id, part);
    rig.send(slow.id, "[end]");
    rig.flush();
    t.true((rig.plane.waitingBytes[slow.id] as number) > 0);
    // A slow one does not hold up the others, nor the slab for ever.
    rig.send(other.id, "quick");
    rig.flush();
    await other.until(5);
    t.is(rig.plane.waitingBytes[other.id], 0);
    rig.send(slow.id, "[late]");
    rig.flush();
    slow.socket.resume();
    await rig.until(() => rig.drains.includes(slow.id));
    t.is(rig.plane.waitingBytes[slow.id], 0);
    await slow.until(much + 11);
    t.true(slow.bytes.equals(Buffer.concat([part, Buffer.from("[end][late]")])));
    t.deepEqual(rig.drains, [slow.id]);
  });

  test(`${name} waitingBytes of a little that waits drains too`, async (t) => {
    const rig = await rigOf(t);
    const client = await clientOf(t, rig);
    client.socket.pause();
    // Until something waits: how much the kernel takes is its own affair.
    let sent = 0;
    while (rig.plane.waitingBytes[client.id] === 0) {
      rig.send(client.id, Buffer.alloc(4096, "x"));
      rig.flush();
      sent += 4096;
    }
    client.socket.resume();
    await rig.until(() => rig.drains.length > 0);
    t.is(rig.plane.waitingBytes[client.id], 0);
    await client.until(sent);
    t.pass();
  });

  test(`${name} dropAboveBytes leaves droppable parts out for who is behind, and dropped counts their messages`, async (t) => {
    const rig = await rigOf(t);
    const [slow, other] = (await clientsOf(t, rig, 2)) as [Client, Client];
    const route = rig.plane.installRoute(Int32Array.of(slow.id, other.id));
    rig.plane.dropAboveBytes = 1000;
    slow.socket.pause();
    rig.send(slow.id, patterned(much), true);
    rig.flush();
    t.true((rig.plane.waitingBytes[slow.id] as number) > 1000);
    rig.fan(route, "[dropped]", true, 3);
    rig.fan(route, "[kept]", false, 2);
    rig.send(slow.id, "[dropped too]", true);
    rig.flush();
    t.is(rig.plane.dropped[slow.id], 4);
    t.is(rig.plane.dropped[other.id], 0);
    slow.socket.resume();
    await rig.until(() => rig.drains.includes(slow.id));
    rig.send(slow.id, "[again]", true);
    rig.flush();
    await Promise.all([slow.until(much + 13), other.until(15)]);
    t.is(slow.bytes.toString("latin1", much), "[kept][again]");
    t.is(other.text, "[dropped][kept]");
    t.is(rig.plane.dropped[slow.id], 4);
  });

  test(`${name} close() with grace lets what was queued before it leave, and nothing after it`, async (t) => {
    const rig = await rigOf(t);
    const client = await clientOf(t, rig);
    rig.send(client.id, "[last]");
    rig.within((plane) => plane.close(client.id, 5000));
    rig.send(client.id, "[too late]");
    rig.flush();
    await client.closed;
    t.is(client.text, "[last]");
    t.true(client.ended);
    await rig.until(() => rig.closes.length === 1);
    t.deepEqual(rig.closes, [{ id: client.id, error: null }]);
  });

  test(`${name} close() with grace does not lose its last bytes to unread input`, async (t) => {
    const rig = await rigOf(t);
    const client = await clientOf(t, rig);
    rig.within((plane) => plane.pause(client.id));
    client.socket.write(Buffer.alloc(100_000));
    rig.send(client.id, "[last]");
    rig.within((plane) => plane.close(client.id, 5000));
    rig.flush();
    await client.closed;
    t.is(client.text, "[last]");
    t.true(client.ended);
    t.is(rig.received.get(client.id), "");
    await rig.until(() => rig.closes.length === 1);
  });

  test(`${name} close() does not wait for a reader that does not read beyond its grace`, async (t) => {
    const rig = await rigOf(t);
    const client = await clientOf(t, rig);
    client.socket.pause();
    rig.send(client.id, patterned(much));
    rig.flush();
    rig.within((plane) => plane.close(client.id, 30));
    t.is(rig.closes.length, 0);
    await rig.until(() => rig.closes.length === 1);
    t.is(rig.closes[0]?.id, client.id);
    t.is(rig.plane.waitingBytes[client.id], 0);
  });

  test(`${name} close() without grace ends at once, and onClose() is told later`, async (t) => {
    const rig = await rigOf(t);
    const client = await clientOf(t, rig);
    rig.send(client.id, "never sent");
    rig.within((plane) => plane.close(client.id, 0));
    rig.within((plane) => plane.close(client.id, 0));
    t.is(rig.closes.length, 0);
    rig.flush();
    await rig.until(() => rig.closes.length === 1);
    await client.closed;
    t.is(client.text, "");
    // Its number says nothing any more.
    rig.send(client.id, "to nobody");
    rig.within((plane) => plane.close(client.id, 0));
    rig.within((plane) => plane.pause(client.id));
    rig.within((plane) => plane.resume(client.id));
    rig.flush();
    t.is(rig.closes.length, 1);
  });

  test(`${name} onClose() follows a reset by the client, which harms no other`, async (t) => {
    const rig = await rigOf(t);
    const [client, other] = (await clientsOf(t, rig, 2)) as [Client, Client];
    const route = rig.plane.installRoute(Int32Array.of(client.id, other.id));
    client.socket.resetAndDestroy();
    rig.fan(route, "[a]");
    rig.flush();
    await rig.until(() => rig.closes.length === 1);
    t.is(rig.closes[0]?.id, client.id);
    rig.fan(route, "[b]");
    rig.flush();
    await other.until(6);
    t.is(other.text, "[a][b]");
  });

  test(`${name} onClose() follows the client's end, once, without an error`, async (t) => {
    const rig = await rigOf(t);
    const client = await clientOf(t, rig);
    client.socket.end("bye");
    await client.closed;
    await rig.until(() => rig.closes.length === 1);
    t.is(rig.received.get(client.id), "bye");
    t.deepEqual(rig.closes, [{ id: client.id, error: null }]);
  });

  test(`${name} pause() holds bytes up until resume()`, async (t) => {
    const rig = await rigOf(t);
    const [client, other] = (await clientsOf(t, rig, 2)) as [Client, Client];
    rig.within((plane) => plane.pause(client.id));
    client.socket.write("held");
    // Two round trips of another connection: what is not held up would have come.
    rig.onEachBytes = (id, bytes) => rig.send(id, Buffer.from(bytes));
    other.socket.write("1");
    await other.until(1);
    other.socket.write("2");
    await other.until(2);
    t.is(rig.received.get(client.id), "");
    rig.within((plane) => plane.resume(client.id));
    await client.until(4);
    t.is(rig.received.get(client.id), "held");
    // From within an event as well.
    rig.onEachBytes = (id) => rig.within((plane) => plane.pause(id));
    client.socket.write("more");
    await rig.until(() => rig.received.get(client.id) === "heldmore");
    client.socket.write("again");
    rig.within((plane) => plane.resume(client.id));
    await rig.until(() => rig.received.get(client.id) === "heldmoreagain");
    t.pass();
  });

  test(`${name} numbers are places in its arrays, and begin anew when they are used again after onClose()`, async (t) => {
    const rig = await rigOf(t);
    const bound = await rig.listen(tcp);
    const clients = [await rig.client(bound), await rig.client(bound), await rig.client(bound)] as const;
    const last = clients[1];
    t.is(new Set(clients.map(({ id }) => id)).size, 3);
    for (const { id } of clients) t.true(id >= 0 && id < rig.plane.waitingBytes.length && id < rig.plane.dropped.length);
    rig.plane.dropAboveBytes = 0;
    last.socket.pause();
    rig.send(last.id, patterned(much));
    rig.flush();
    rig.send(last.id, "dropped", true);
    rig.flush();
    t.is(rig.plane.dropped[last.id], 1);
    rig.within((plane) => plane.close(last.id, 0));
    last.socket.destroy();
    await Promise.all([rig.until(() => rig.closes.length === 1), last.closed]);
    // Where numbers are descriptors, the client's end may take it instead.
    const more: Client[] = [];
    for (let tries = 0; tries < 20 && more.at(-1)?.id !== last.id; tries++) more.push(await rig.client(bound));
    const next = more.at(-1) as Client;
    t.is(next.id, last.id);
    t.is(rig.plane.dropped[next.id], 0);
    t.is(rig.plane.waitingBytes[next.id], 0);
    rig.send(next.id, "new");
    rig.flush();
    await next.until(3);
    t.is(next.text, "new");
    for (const { socket } of [...clients, ...more]) socket.destroy();
  });

  test(`${name} connections beyond the first hundred have their places`, async (t) => {
    const rig = await rigOf(t);
    const clients = await clientsOf(t, rig, 150);
    const route = rig.plane.installRoute(Int32Array.from(clients, ({ id }) => id));
    rig.fan(route, "[all]");
    for (const { id } of clients) rig.send(id, `[${id}]`);
    rig.flush();
    for (const client of clients) {
      await client.until(6 + String(client.id).length + 1);
      t.is(client.text, `[all][${client.id}]`);
      t.is(rig.plane.waitingBytes[client.id], 0);
    }
  });

  test(`${name} parts of many mebibytes arrive whole at several readers`, async (t) => {
    const rig = await rigOf(t);
    const clients = await clientsOf(t, rig, 3);
    const route = rig.plane.installRoute(Int32Array.from(clients, ({ id }) => id));
    const part = patterned(24 * mebibyte);
    rig.fan(route, part);
    rig.flush();
    for (const client of clients) {
      await client.until(part.length);
      t.true(client.bytes.equals(part));
    }
  });

  test(`${name} opening and closing thousands of connections leaks no descriptor`, async (t) => {
    const rig = await rigOf(t);
    const bound = await rig.listen(tcp);
    const round = async (ways: number) => {
      const clients: Client[] = [];
      for (let index = 0; index < 100; index++) clients.push(await rig.client(bound));
      const before = rig.closes.length;
      for (const [index, { id, socket }] of clients.entries()) {
        const way = (index + ways) % 4;
        if (way === 0) rig.within((plane) => plane.close(id, 0));
        else if (way === 1) rig.within((plane) => plane.close(id, 1000));
        else if (way === 2) socket.resetAndDestroy();
        else socket.end("bye");
      }
      rig.flush();
      await Promise.all([rig.until(() => rig.closes.length === before + 100), ...clients.map(({ closed }) => closed)]);
      rig.told.length = 0;
    };
    const rounds = process.env.MITSU_TEST_ALL === "1" ? 50 : 20;
    await round(0);
    const before = (await readdir("/proc/self/fd")).length;
    for (let index = 0; index < rounds; index++) await round(index);
    t.is((await readdir("/proc/self/fd")).length, before);
    t.deepEqual(rig.open, []);
  });

  test(`${name} close() of a listener takes no more connections, and those there go on`, async (t) => {
    const rig = await rigOf(t);
    const bound = await rig.listen(tcp);
    const client = await rig.client(bound);
    await bound.close();
    const again = await rig.listen({ ...tcp, port: bound.port });
    t.is(again.port, bound.port);
    rig.send(client.id, "still");
    rig.flush();
    await client.until(5);
    t.is(client.text, "still");
    client.socket.destroy();
  });

  test(`${name} stop() ends listeners and connections`, async (t) => {
    const rig = await rigOf(t);
    const bound = await rig.listen(tcp);
    const clients = [await rig.client(bound), await rig.client(bound)];
    await rig.plane.stop();
    await Promise.all(clients.map(({ closed }) => closed));
    const late = new Client(connect(bound.port, "127.0.0.1"));
    await late.closed;
    t.is(late.socket.bytesRead, 0);
    t.is(rig.told.filter(({ what }) => what === "open").length, 2);
  });

  test(`${name} listen() on a Unix socket: its client is local, its file is ours alone and goes with it`, async (t) => {
    const rig = await rigOf(t);
    const path = join(await folderOf(t), "mqtt.sock");
    const config: ListenerConfig = { ...tcp, address: undefined, path };
    if (!rig.plane.carries(config)) return t.pass();
    const bound = await rig.listen(config);
    t.is(bound.address, path);
    t.is((await stat(path)).mode & 0o777, 0o660);
    const client = await rig.client(bound, { path });
    const { address, local, transport } = rig.peers.get(client.id) ?? {};
    t.deepEqual([address, local, transport], ["", true, "unix"]);
    rig.onEachBytes = (id, bytes) => rig.send(id, Buffer.from(bytes));
    client.socket.write("ping");
    await client.until(4);
    client.socket.destroy();
    await bound.close();
    await t.throwsAsync(stat(path), { code: "ENOENT" });
  });

  test(`${name} listen() on a Unix socket's path replaces a stale socket, and neither a live one nor a file`, async (t) => {
    const rig = await rigOf(t);
    const folder = await folderOf(t);
    const path = join(folder, "mqtt.sock");
    const config: ListenerConfig = { ...tcp, address: undefined, path };
    if (!rig.plane.carries(config)) return t.pass();
    await rig.listen(config);
    const live = await t.throwsAsync(rig.listen(config), { code: "ERR_LISTEN" });
    t.regex(String(live?.message), /a program listens there/);

    const stale = join(folder, "stale.sock");
    // A program that is killed leaves its socket behind.
    const script = `require("node:net").createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 9))`;
    await once(spawn(process.execPath, ["-e", script], { stdio: "ignore" }), "exit");
    t.true((await stat(stale)).isSocket());
    await rig.listen({ ...config, path: stale });

    const file = join(folder, "file");
    await writeFile(file, "precious");
    const inTheWay = await t.throwsAsync(rig.listen({ ...config, path: file }), { code: "ERR_LISTEN" });
    t.regex(String(inTheWay?.message), /file that is no socket is in the way/);
    t.is((await stat(file)).size, 8);
    await t.throwsAsync(rig.listen({ ...config, path: join(folder, "none", "mqtt.sock") }), { code: "ERR_LISTEN" });
  });

  test(`${name} delivers random fans, sends and flushes to 20 connections as a model says`, async (t) => {
    const rig = await rigOf(t);
    const clients = await clientsOf(t, rig, 10);
    const path = join(await folderOf(t), "mqtt.sock");
    const unix: ListenerConfig = { ...tcp, address: undefined, path };
    // The kernel takes less for a Unix socket, so that more has to wait.
    if (rig.plane.carries(unix)) {
      const bound = await rig.listen(unix);
      for (let index = 0; index < 10; index++) clients.push(await rig.client(bound, { path }));
    } else clients.push(...(await clientsOf(t, rig, 10)));
    const expected = clients.map(() => [] as Buffer[]);
    const routes = [Array.from(clients.keys()), [0, 1, 2, 3, 4], [3, 4, 5, 17], [19], []];
    const numbers = routes.map((members) => rig.plane.installRoute(Int32Array.from(members, (index) => clients[index]?.id ?? -1)));
    let serial = 0;
    const bytesOf = (size: number) => Buffer.alloc(size, `${serial++}.`);
    const size = fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 1, max: 400 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 200_000 }) },
    );
    const step = fc.oneof(
      fc.record({ kind: fc.constant("fan" as const), to: fc.nat(routes.length - 1), size }),
      fc.record({ kind: fc.constant("send" as const), to: fc.nat(clients.length - 1), size }),
      fc.record({ kind: fc.constantFrom("flush" as const, "gap" as const, "turn" as const), to: fc.constant(0), size: fc.constant(0) }),
      fc.record({ kind: fc.constantFrom("pause" as const, "resume" as const), to: fc.nat(clients.length - 1), size: fc.constant(0) }),
    );
    const model = fc.asyncProperty(fc.array(step, { maxLength: 120, size: "max" }), async (steps) => {
      for (const { kind, to, size } of steps) {
        if (kind === "fan") {
          const bytes = bytesOf(size);
          rig.fan(numbers[to] as number, bytes);
          for (const index of routes[to] ?? []) expected[index]?.push(bytes);
        } else if (kind === "send") {
          const bytes = bytesOf(size);
          rig.send(clients[to]?.id ?? -1, bytes);
          expected[to]?.push(bytes);
        } else if (kind === "flush") rig.flush();
        else if (kind === "gap") rig.gap();
        else if (kind === "turn") await new Promise(setImmediate);
        else clients[to]?.socket[kind]();
      }
      rig.flush();
      for (const [index, client] of clients.entries()) {
        client.socket.resume();
        const all = Buffer.concat(expected[index] ?? []);
        await client.until(all.length);
        if (!client.bytes.equals(all)) throw new Error(`connection ${index} got other bytes`);
        client.forget();
        expected[index] = [];
      }
    });
    await fc.assert(model, { seed: 1, numRuns: process.env.MITSU_TEST_ALL === "1" ? 1000 : 80 });
    t.pass();
  });
}

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mqttnic-plane-"));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

/** Bytes of which no two stretches are alike. */
function patterned(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) % 4_294_967_296, at);
  return bytes;
}
