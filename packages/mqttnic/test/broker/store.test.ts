/**
 * What outlives the broker: over a clean restart, over kill -9, when the store takes nothing, and when it is damaged.
 *
 * Past 300 lines: one test has a client in each state that there is.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import type { Store } from "../../src/store/store.ts";
import { codeOf, Scene } from "../conformance/suite.ts";
import { BrokerProcess } from "./broker-process.ts";
import { openRig, until } from "./rig.ts";

/** A folder that goes with the test. */
function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), "mqttnic-"));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

for (const plane of ["epoll", "net"] as const) {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`Broker: sessions, subscriptions, queues, in-flight, retained messages and wills are there after ${signal} (${plane})`, async (t) => {
      t.timeout(60_000);
      const broker = await BrokerProcess.prepare(t, plane);
      await broker.start();
      const scene = new Scene(
        t,
        { kind: "mqttnic", host: "127.0.0.1", port: broker.port, webSocketPort: undefined, stop: async () => {} },
        5,
      );
      const { topic } = scene;
      const pub = await scene.connect();

      // Away, with subscriptions of all kinds and a queue.
      const away = await scene.durable(scene.id("away"));
      await scene.subscribe(
        away,
        [
          { topic: `${topic}/q/+`, qos: 2, rap: true },
          { topic: `${topic}/gone`, qos: 1 },
        ],
        1,
        7,
      );
      await scene.subscribe(away, [{ topic: `$share/g/${topic}/s`, qos: 1 }], 1);
      away.send({ cmd: "unsubscribe", messageId: 5, unsubscriptions: [`${topic}/gone`] });
      await away.expect("unsuback");
      await away.vanish();
      // In flight: one of QoS 1 sent, one of QoS 2 sent, one of QoS 2 after PUBREC, and one that has no room.
      const busy = await scene.durable(scene.id("busy"), { properties: { receiveMaximum: 3 } });
      await scene.subscribe(busy, `${topic}/f/+`, 2);
      for (const [level, qos] of [
        ["1", 1],
        ["2", 2],
        ["3", 2],
        ["4", 1],
        ["5", 1],
      ] as const)
        await scene.publish(pub, `${topic}/f/${level}`, level, { qos });
      const inFlight = [await scene.message(busy, "1"), await scene.message(busy, "2"), await scene.message(busy, "3")];
      busy.send({ cmd: "pubrec", messageId: inFlight[1]!.messageId! });
      await busy.pick("pubrel");
      // An old client, with a session that never ends.
      const old = await scene.durable(scene.id("old"), { protocolVersion: 4 });
      await scene.subscribe(old, `${topic}/q/#`, 1);
      await old.vanish();
      // A publisher that has its PUBREC and has not sent PUBREL.
      const half = await scene.durable(scene.id("half"));
      half.send({ cmd: "publish", topic: `${topic}/q/half`, payload: "half", qos: 2, messageId: 9, dup: false, retain: false });
      await half.expect("pubrec");
      for (const qos of [1, 2] as const)
        await scene.publish(pub, `${topic}/q/${qos}`, `of QoS ${qos}`, {
          qos,
          retain: true,
          properties: { contentType: "text", userProperties: { a: "b" } },
        });
      await scene.publish(pub, `${topic}/s`, "shared");
      await scene.publish(pub, `${topic}/deleted`, "there", { retain: true });
      await scene.publish(pub, `${topic}/deleted`, "", { retain: true });
      // Wills: of one that is here to the end, and of one that waits for its delay.
      const watcher = await scene.durable(scene.id("watcher"));
      await scene.subscribe(watcher, `${topic}/will/+`, 1);
      await watcher.vanish();
      const will = (name: string): { topic: string; payload: Buffer; qos: 1; retain: false } => ({
        topic: `${topic}/will/${name}`,
        payload: Buffer.from(name),
        qos: 1,
        retain: false,
      });
      await scene.durable(scene.id("here"), { will: will("at once") });
      const waits = await scene.durable(scene.id("waits"), { will: { ...will("later"), properties: { willDelayInterval: 2 } } });
      await waits.vanish();
      await scene.nothing(pub);

      await broker.end(signal);
      await broker.start();

      const back = await scene.durable(scene.id("away"));
      t.true(back.connack!.sessionPresent);
      const half2 = await scene.durable(scene.id("half"));
      t.true(half2.connack!.sessionPresent);
      half2.send({ cmd: "publish", topic: `${topic}/q/half`, payload: "half", qos: 2, messageId: 9, dup: true, retain: false });
      await half2.expect("pubrec");
      half2.send({ cmd: "pubrel", messageId: 9 });
      t.is(codeOf((await half2.expect("pubcomp")) as never), 0);
      const queued = [
        await scene.take(back, "half"),
        await scene.take(back, "of QoS 1"),
        await scene.take(back, "of QoS 2"),
        await scene.take(back, "shared"),
      ];
      t.deepEqual(
        queued.map(({ qos, retain, dup, properties }) => [qos, retain, dup, properties?.subscriptionIdentifier, properties?.contentType]),
        [
          [2, false, false, 7, undefined],
          [1, true, false, 7, "text"],
          [2, true, false, 7, "text"],
          [1, false, false, undefined, undefined],
        ],
      );
      t.deepEqual({ ...queued[1]!.properties!.userProperties }, { a: "b" });
      await scene.nothing(back);
      const oldBack = await scene.durable(scene.id("old"), { protocolVersion: 4 });
      for (const payload of ["half", "of QoS 1", "of QoS 2"]) t.is((await scene.take(oldBack, payload)).qos, 1);
      await scene.nothing(oldBack);

      const busyBack = await scene.durable(scene.id("busy"), { properties: { receiveMaximum: 3 } });
      const again = [await busyBack.pick("publish"), await busyBack.pick("publish")];
      t.deepEqual(
        again.map(({ payload, messageId, dup }) => [payload.toString(), messageId, dup]),
        [
          ["1", inFlight[0]!.messageId, true],
          ["3", inFlight[2]!.messageId, true],
        ],
      );
      t.is((await busyBack.pick("pubrel")).messageId, inFlight[1]!.messageId);
      await scene.nothing(busyBack);
      busyBack.send({ cmd: "pubcomp", messageId: inFlight[1]!.messageId! });
      t.false((await scene.take(busyBack, "4")).dup);
      await scene.take(busyBack, "5");
      busyBack.send({ cmd: "puback", messageId: inFlight[0]!.messageId! });
      busyBack.send({ cmd: "pubrec", messageId: inFlight[2]!.messageId! });
      busyBack.send({ cmd: "pubcomp", messageId: (await busyBack.pick("pubrel")).messageId! });
      await scene.nothing(busyBack);

      const reader = await scene.connect();
      await scene.subscribe(reader, [
        { topic: `${topic}/q/+`, qos: 0 },
        { topic: `${topic}/deleted`, qos: 0 },
      ]);
      const retained = [await scene.message(reader), await scene.message(reader)].map(({ payload, retain, properties }) => [
        payload.toString(),
        retain,
        properties?.contentType,
      ]);
      t.deepEqual(retained.sort(), [
        ["of QoS 1", true, "text"],
        ["of QoS 2", true, "text"],
      ]);
      await scene.nothing(reader);

      const watcherBack = await scene.durable(scene.id("watcher"));
      await scene.take(watcherBack, "at once");
      await scene.take(watcherBack, "later");
      await scene.nothing(watcherBack);

      // Subscriptions go on, with all that they were asked for.
      const pubAgain = await scene.connect();
      await scene.publish(pubAgain, `${topic}/gone`, "to nobody");
      await scene.publish(pubAgain, `${topic}/q/new`, "new", { retain: true });
      const fresh = await scene.take(back, "new");
      t.is(fresh.properties?.subscriptionIdentifier, 7);
      t.true(fresh.retain);
      await scene.nothing(back);
      t.is(await broker.end("SIGTERM"), 0);
    });
  }
}

test("Core: while the store takes nothing, who waits for an acknowledgement is sent away without one; then it goes on, and nothing is lost", async (t) => {
  const path = join(folder(t), "store.db");
  let fails = false;
  const wrapStore = (store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (name === "commit")
          return () => {
            if (fails) throw new MitsuError("cannot write the store: the disk is full", { code: "ERR_STORE" });
            target.commit();
          };
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const config = { persistence: { path, sync: false } };
  const rig = await openRig(t, { config, wrapStore });
  const scene = rig.scene();
  const sub = await scene.durable(scene.id("sub"));
  await scene.subscribe(sub, scene.topic, 2);
  const quiet = await scene.connect();
  const plain = { topic: scene.topic, dup: false, retain: false } as const;
  t.deepEqual(rig.core.status().degraded, []);
  fails = true;
  for (const version of [4, 5] as const) {
    for (const qos of [1, 2] as const) {
      const pub = await rig.scene(version).connect();
      pub.send({ cmd: "publish", ...plain, payload: `${version}.${qos}`, qos, messageId: 1 });
      const before = await pub.closed();
      t.deepEqual(
        before.map((packet) => [packet.cmd, codeOf(packet as never)]),
        version === 5 ? [["disconnect", 0x80]] : [],
      );
      await scene.message(sub, `${version}.${qos}`);
    }
  }
  t.deepEqual(rig.core.status().degraded, ["store"]);
  t.is(rig.core.status().refusals.store, 4);
  t.regex(rig.logged(), /the store takes nothing/);
  t.is(rig.logged().match(/the store takes nothing/g)?.length, 1);
  // Who waits for nothing stays.
  await scene.publish(quiet, scene.topic, "QoS 0", { qos: 0 });
  await scene.message(sub, "QoS 0");
  fails = false;
  await until(() => rig.core.status().degraded.length === 0, "the store takes it");
  await sub.vanish();
  const pub = await scene.connect();
  await scene.publish(pub, scene.topic, "after");
  await rig.close();
  const next = await openRig(t, { config });
  t.deepEqual(next.core.status().degraded, []);
  const there = next.scene();
  const back = await there.durable(scene.id("sub"));
  for (const payload of ["4.1", "4.2", "5.1", "5.2"]) t.true((await there.message(back, payload)).dup);
  await there.take(back, "after");
  await there.nothing(back);
});

test("Core: a queued QoS 0 message is sent once, also over restarts", async (t) => {
  const config = { persistence: { path: join(folder(t), "store.db"), sync: false } };
  const limits = { queueQos0: true };
  const first = await openRig(t, { config, limits });
  const scene = first.scene();
  const away = await scene.durable(scene.id());
  await scene.subscribe(away, scene.topic, 1);
  await away.vanish();
  await scene.publish(await scene.connect(), scene.topic, "of QoS 0", { qos: 0 });
  await first.close();
  const second = await openRig(t, { config, limits });
  const back = await second.scene().durable(scene.id());
  t.is((await scene.message(back, "of QoS 0")).qos, 0);
  await back.vanish();
  await second.close();
  const third = await openRig(t, { config, limits });
  const again = await third.scene().durable(scene.id());
  t.true(again.connack!.sessionPresent);
  await scene.nothing(again);
});

test("openBroker() refuses a damaged store, a foreign file and one that is in use, and changes no byte of it", async (t) => {
  const path = join(folder(t), "store.db");
  const config = { persistence: { path, sync: false } };
  const rig = await openRig(t, { config });
  const inUse = await t.throwsAsync(openRig(t, { config }), { instanceOf: MitsuError });
  t.is(inUse?.code, "ERR_STORE");
  t.regex(inUse?.message ?? "", /has it open/);
  const scene = rig.scene();
  const client = await scene.durable(scene.id());
  await scene.subscribe(client, scene.topic, 1);
  await client.vanish();
  const pub = await scene.connect();
  for (let at = 0; at < 400; at++) await scene.publish(pub, scene.topic, Buffer.alloc(400, at));
  await rig.close();
  const good = readFileSync(path);
  const torn = Buffer.from(good);
  torn.fill(0xa5, 100, good.length); // all but SQLite's head
  for (const bad of [Buffer.from("# mosquitto.db, perhaps\n".repeat(100)), torn]) {
    writeFileSync(path, bad);
    const error = await t.throwsAsync(openRig(t, { config }), { instanceOf: MitsuError });
    t.is(error?.code, "ERR_STORE");
    t.true(error?.message.includes(path));
    t.truthy(error?.hint);
    t.deepEqual(readFileSync(path), bad);
  }
  writeFileSync(path, good);
  const again = await openRig(t, { config });
  t.is(again.core.status().queued, 400);
});

test("mqttnic daemon: a damaged store is a clear message and an exit code; it does not listen and overwrites nothing", async (t) => {
  t.timeout(60_000);
  const broker = await BrokerProcess.prepare(t, "net");
  const path = join(broker.folder, "mqttnic.db");
  const bad = Buffer.from("not a store\n".repeat(1000));
  writeFileSync(path, bad);
  const status = await broker.fails();
  t.true(status !== null && status > 0, `exit ${status}`);
  t.true(broker.said.includes(path), broker.said);
  t.notRegex(broker.said, /\n\s+at /); // no stack
  t.deepEqual(readFileSync(path), bad);
  const socket = connect(broker.port, "127.0.0.1");
  await t.throwsAsync(new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject)), { code: "ECONNREFUSED" });
});
