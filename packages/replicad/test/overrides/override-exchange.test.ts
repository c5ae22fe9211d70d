import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import mqtt from "mqtt";
import { MqttBus, overridePrefix } from "../../src/bus/mqtt-bus.ts";
import { NodeTable } from "../../src/bus/node-table.ts";
import { encodeOverride, type Override, parseOverride } from "../../src/overrides/override.ts";
import { OverrideExchange } from "../../src/overrides/override-exchange.ts";
import { Overrides } from "../../src/overrides/overrides.ts";
import { BrokerProcess, brokerKinds } from "../bus/brokers.ts";

const now = (): number => performance.timeOrigin + performance.now();
const key = "10.0.0.7:8080";

/** Looks again and again at what no event tells of: another process. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

interface NodeOptions {
  readonly overrides?: Overrides;
  readonly skewMs?: number;
  readonly patienceMs?: number;
}

/** A node as the daemon has it. */
async function nodeAt(t: ExecutionContext, url: string, name: string, { overrides, skewMs = 0, patienceMs = 2000 }: NodeOptions = {}) {
  const kept = overrides ?? (await Overrides.open(null));
  const exchange = new OverrideExchange({
    overrides: kept,
    node: name,
    now: () => Date.now() + skewMs,
    settleMs: 30,
    spreadMs: 30,
    patienceMs,
  });
  const bus = new MqttBus({
    url,
    node: name,
    table: new NodeTable({ bootSeconds: 1, bootRandom: 1 }),
    now,
    retryMs: 20,
    onOverride: (topicKey, bytes) => exchange.heard(topicKey, bytes),
    onUp: () => exchange.resync(),
    onDown: () => exchange.lost(),
  });
  exchange.bus = bus;
  let open = true;
  const close = async (): Promise<void> => {
    exchange[Symbol.dispose]();
    if (open) await bus.close();
    open = false;
  };
  t.teardown(close);
  const node = { overrides: kept, exchange, bus, close };
  await until(() => bus.room() !== "down");
  return node;
}

/** Someone with a client of their own. */
async function stranger(t: ExecutionContext, url: string): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5 });
  client.on("error", () => {});
  t.teardown(() => client.end(true));
  return client;
}

const drain = { draining: true };

for (const kind of brokerKinds) {
  test.serial(
    `OverrideExchange over ${kind}: a word at one node holds at all, also at those that come later; the later word holds`,
    async (t) => {
      const broker = await BrokerProcess.start(t, kind);
      const a = await nodeAt(t, broker.url, "a");
      const b = await nodeAt(t, broker.url, "b", { skewMs: -5000 });
      const { override, untold } = await a.exchange.set(key, drain);
      t.is(untold, null);
      await until(() => b.overrides.get(key) !== undefined);
      t.deepEqual(b.overrides.get(key), override);
      // Its clock is behind, and its word is later all the same.
      await b.exchange.set(key, { weight: 0.5 });
      await until(() => a.overrides.get(key)?.weight === 0.5);
      t.true(a.overrides.get(key)!.draining);
      const c = await nodeAt(t, broker.url, "c");
      await until(() => c.overrides.get(key)?.weight === 0.5);
      await c.exchange.set(key, { draining: false, weight: null });
      await until(() => a.overrides.size + b.overrides.size + c.overrides.size === 0);
      await until(() => [a, b, c].every(({ exchange }) => exchange.untold().length === 0));
      t.deepEqual([...a.overrides.refused, ...b.overrides.refused, ...c.overrides.refused], []);
    },
  );

  test.serial(
    `OverrideExchange over ${kind}: a broker that comes back empty is told again, and what was said meanwhile is told then`,
    async (t) => {
      const broker = await BrokerProcess.start(t, kind);
      const a = await nodeAt(t, broker.url, "a");
      const b = await nodeAt(t, broker.url, "b");
      await a.exchange.set(key, drain);
      await until(() => b.overrides.size === 1);
      // The node that said it is gone: others bring it back.
      await a.close();
      await broker.kill();
      await until(() => b.bus.room() === "down");
      const { untold } = await b.exchange.set("10.0.0.8:80", { weight: 3 });
      t.regex(untold ?? "", /^no broker at mqtt:.*: the connection was lost$/);
      await broker.run();
      await until(() => b.bus.connects === 2 && b.exchange.untold().length === 0);
      const c = await nodeAt(t, broker.url, "c");
      await until(() => c.overrides.size === 2);
      t.is(c.overrides.get(key)!.by, "a");
      t.is(c.overrides.get("10.0.0.8:80")!.weight, 3);
    },
  );

  test.serial(`OverrideExchange over ${kind}: a node that was away does not bring back what was taken back meanwhile`, async (t) => {
    const broker = await BrokerProcess.start(t, kind);
    const a = await nodeAt(t, broker.url, "a");
    const away = await Overrides.open(null);
    away.set(key, drain, "b", Date.now() - 1000);
    a.overrides.receive(key, encodeOverride(away.get(key)!), Date.now());
    await a.exchange.set(key, { draining: false });
    const b = await nodeAt(t, broker.url, "b", { overrides: away });
    await until(() => b.overrides.size === 0);
    await until(() => b.exchange.untold().length === 0);
    t.is(a.overrides.size, 0);
  });

  test.serial(
    `OverrideExchange over ${kind}: garbage, older words and deletions by others are refused, counted, and mended at the broker`,
    async (t) => {
      const broker = await BrokerProcess.start(t, kind);
      const a = await nodeAt(t, broker.url, "a");
      const b = await nodeAt(t, broker.url, "b");
      const { override } = await a.exchange.set(key, drain);
      await until(() => b.overrides.size === 1);
      const evil = await stranger(t, broker.url);
      const held: { override: Override | string } = { override: "" };
      evil.on("message", (_topic, bytes) => {
        held.override = parseOverride(key, bytes, Date.now());
      });
      await evil.subscribeAsync(overridePrefix + key);
      const lie = (bytes: Buffer | string): Promise<unknown> => evil.publishAsync(overridePrefix + key, bytes, { qos: 1, retain: true });
      const older = encodeOverride({ ...override, draining: false, weight: 9, atMs: override.atMs - 1 });
      const future = encodeOverride({ ...override, weight: 9, atMs: Date.now() + 4_000_000 });
      for (const [bytes, reason] of [
        [older, "older"],
        [future, "future"],
        ["{", "garbled"],
        [Buffer.alloc(5000, " "), "too-large"],
      ] as const) {
        await lie(bytes);
        await until(() => (a.overrides.refused.get(reason) ?? 0) > 0 && (b.overrides.refused.get(reason) ?? 0) > 0);
        await until(() => typeof held.override === "object" && held.override.atMs === override.atMs);
      }
      await lie("");
      held.override = "deleted";
      await until(() => typeof held.override === "object");
      t.deepEqual(held.override, override);
      t.deepEqual(a.overrides.get(key), override);
      t.deepEqual(b.overrides.get(key), override);
      t.is(a.bus.losses + b.bus.losses, 0);
    },
  );

  test.serial(
    `OverrideExchange over ${kind}: a broker that does not read is waited for no longer than patience, and has it when it goes on`,
    async (t) => {
      const broker = await BrokerProcess.start(t, kind);
      const a = await nodeAt(t, broker.url, "a", { patienceMs: 50 });
      const b = await nodeAt(t, broker.url, "b");
      broker.pause();
      const { untold } = await a.exchange.set(key, drain);
      t.is(untold, "the broker has not taken it within 50 ms");
      t.true(a.overrides.get(key)!.draining);
      // What is said meanwhile does not grow a queue: the latest of each replica waits.
      for (let weight = 1; weight <= 2000; weight++) {
        a.overrides.set(key, { weight }, "a", Date.now());
        void a.bus.publishOverride(key, encodeOverride(a.overrides.get(key)!));
      }
      t.true(a.bus.overrides.length <= 17);
      t.true(a.bus.overrides.replaced > 1900);
      broker.resume();
      await until(() => b.overrides.get(key)?.weight === 2000);
      t.deepEqual([...b.overrides.refused], []);
    },
  );
}

test.serial("MqttBus hears of more overrides than mosquitto queues of QoS 1", async (t) => {
  const broker = await BrokerProcess.start(t, "mosquitto");
  const other = await stranger(t, broker.url);
  const keys = Array.from({ length: 1500 }, (_, index) => `10.0.${index >> 8}.${index & 255}:80`);
  const publish = (one: string): Promise<unknown> =>
    other.publishAsync(overridePrefix + one, encodeOverride({ key: one, draining: true, weight: null, atMs: Date.now(), by: "z" }), {
      qos: 1,
      retain: true,
    });
  await Promise.all(keys.map(publish));
  const a = await nodeAt(t, broker.url, "a");
  await until(() => a.overrides.size === keys.length);
  await publish("10.9.9.9:1");
  await until(() => a.overrides.get("10.9.9.9:1") !== undefined);
  t.deepEqual([...a.overrides.refused], []);
});

test.serial("OverrideExchange.set() says so where the broker lets nobody publish overrides", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "replicad-acl-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "acl"), "topic readwrite mitsu/state/#\n", { mode: 0o600 });
  const broker = await BrokerProcess.start(t, "mosquitto", `acl_file ${folder}/acl`);
  const a = await nodeAt(t, broker.url, "a");
  const { untold } = await a.exchange.set(key, drain);
  t.is(untold, "the broker refused it: Publish error: Not authorized");
  t.true(a.overrides.get(key)!.draining);
  t.is(a.bus.overrides.refused, 1);
});

test.serial("MqttBus is degraded with the reason, and up, where the broker refuses the subscription to overrides only", async (t) => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      if (chunk[0] === 0x10) socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
      else if (chunk[0] === 0x82) socket.write(Buffer.from([0x90, 5, chunk[2]!, chunk[3]!, 0, 0, 0x87]));
    });
    t.teardown(() => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const a = await nodeAt(t, `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, "a");
  t.regex(
    a.bus.degraded()[0]!,
    /^the broker at mqtt:.* refused the subscription to mitsu\/override\/\+; what is drained .* not known here$/,
  );
  t.is(a.bus.connects, 1);
});

/** A bus that has what it is told, and says what it was asked. */
function recorder() {
  const asked: [string, string][] = [];
  return {
    asked,
    answer: null as string | null,
    publishOverride(topicKey: string, bytes: Buffer): Promise<string | null> {
      asked.push([topicKey, String(bytes)]);
      return Promise.resolve(this.answer);
    },
  };
}

test("OverrideExchange without a broker holds and keeps a word, and says that nobody was told", async (t) => {
  using exchange = new OverrideExchange({ overrides: await Overrides.open(null), node: "a", now: Date.now });
  t.is((await exchange.set(key, drain)).untold, "there is no broker");
  t.deepEqual(exchange.untold(), [key]);
});

test("OverrideExchange.resync() publishes what the broker was not heard to have since it was lost, and nothing else", async (t) => {
  const bus = recorder();
  const overrides = await Overrides.open(null);
  using exchange = new OverrideExchange({ overrides, node: "a", now: Date.now, settleMs: 1, spreadMs: 1 });
  exchange.bus = bus;
  const heard = (one: string, by: string): void => {
    const override = overrides.kept(one) ?? { key: one, draining: true, weight: null, atMs: Date.now(), by };
    exchange.heard(one, encodeOverride(override));
  };
  await exchange.set(key, drain);
  for (const one of ["10.0.0.1:1", "10.0.0.2:1"]) heard(one, "z");
  bus.asked.length = 0;
  exchange.lost();
  t.is(exchange.untold().length, 3);
  // Retained messages come before the word that the connection is made.
  heard("10.0.0.1:1", "z");
  exchange.resync();
  await until(() => exchange.untold().length === 0);
  t.deepEqual(
    bus.asked.map(([topicKey]) => topicKey),
    [key, "10.0.0.2:1"],
  );
  t.is(exchange.republished, 2);
});

test("OverrideExchange deletes at the broker what was taken back more than a week ago", async (t) => {
  const bus = recorder();
  let nowMs = 1_800_000_000_000;
  const overrides = await Overrides.open(null);
  using exchange = new OverrideExchange({ overrides, node: "a", now: () => nowMs, settleMs: 1, spreadMs: 1 });
  exchange.bus = bus;
  await exchange.set(key, drain);
  await exchange.set(key, { draining: false });
  t.is(bus.asked.length, 2);
  t.true(bus.asked[1]![1].includes('"draining":false'));
  nowMs += 8 * 86_400_000;
  // One of its own, which it forgets, and one that it hears of only now.
  exchange.resync();
  await until(() => exchange.erased === 1);
  exchange.heard("10.0.0.9:1", encodeOverride({ key: "10.0.0.9:1", draining: false, weight: null, atMs: 1_800_000_000_000, by: "z" }));
  t.deepEqual(bus.asked.slice(2), [
    [key, ""],
    ["10.0.0.9:1", ""],
  ]);
  t.is(overrides.kept(key), undefined);
});

test("OverrideExchange under a stream of deletions publishes once in a while, not once for each", async (t) => {
  const bus = recorder();
  using exchange = new OverrideExchange({ overrides: await Overrides.open(null), node: "a", now: Date.now, settleMs: 20, spreadMs: 1 });
  exchange.bus = bus;
  await exchange.set(key, drain);
  for (let times = 0; times < 1000; times++) exchange.heard(key, new Uint8Array(0));
  await until(() => exchange.untold().length === 0);
  t.is(bus.asked.length, 2);
  t.is(exchange.republished, 1);
});
