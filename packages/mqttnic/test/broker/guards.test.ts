/**
 * Every bound of `Limits` and of a listener is reached here: what happens, what is counted, and that the others do not notice.
 *
 * Past 300 lines: a test for each bound, in the order of `Limits`.
 */
import test from "ava";
import type { DropPolicy } from "../../src/config/broker-config.ts";
import { describe, type RawClient } from "../conformance/raw-client.ts";
import { codeOf, type Scene } from "../conformance/suite.ts";
import { openRig, type Rig, standingClock, until } from "./rig.ts";

const planes = ["epoll", "net"] as const;

/** How often a bound was reached. */
const reached = ({ core }: Rig, name: string): number => core.status().limits[name] ?? 0;

/** Two that are connected still get and send. */
async function othersGoOn(scene: Scene, pub: RawClient, sub: RawClient): Promise<void> {
  await scene.publish(pub, `${scene.topic}/others`, "go on");
  await scene.take(sub, "go on");
}

async function pair(scene: Scene): Promise<{ pub: RawClient; sub: RawClient }> {
  const [pub, sub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, `${scene.topic}/others`, 1);
  return { pub, sub };
}

test("Limits.connections: one more gets CONNACK 0x97, or 3 before 5.0; when one has gone the next comes in", async (t) => {
  const rig = await openRig(t, { limits: { connections: 3 } });
  const [scene, old] = [rig.scene(5), rig.scene(4)];
  const { pub, sub } = await pair(scene);
  const third = await scene.connect();
  const refused = await scene.tryConnect();
  t.is(codeOf(refused.connack!), 0x97);
  t.deepEqual(await refused.closed(), []);
  t.is(codeOf((await old.tryConnect()).connack!), 3);
  await othersGoOn(scene, pub, sub);
  await third.disconnect();
  await until(() => rig.core.doorman.connections <= 2, "the third is gone");
  await scene.connect();
  t.is(reached(rig, "connections"), 2);
  t.is(rig.core.status().refusals.connections, 2);
});

test("ListenerConfig.mostConnections: holds for the one listener only", async (t) => {
  const rig = await openRig(t, { listeners: [{ mostConnections: 1 }, {}] });
  const [narrow, wide] = [rig.scene(5, 0), rig.scene(5, 1)];
  const { pub, sub } = await pair(wide);
  await narrow.connect();
  t.is(codeOf((await narrow.tryConnect()).connack!), 0x97);
  await wide.connect();
  await othersGoOn(wide, pub, sub);
  t.is(reached(rig, "connections"), 1);
});

test("Limits.connectionsPerSecond: bursts of so many, then CONNACK 0x9F, then as many as time gives", async (t) => {
  const { clock, pass } = standingClock();
  const rig = await openRig(t, { limits: { connectionsPerSecond: 4 }, clock });
  const scene = rig.scene();
  const { pub, sub } = await pair(scene);
  for (let more = 0; more < 2; more++) await scene.connect();
  t.is(codeOf((await scene.tryConnect()).connack!), 0x9f);
  pass(500);
  for (let more = 0; more < 2; more++) await scene.connect();
  t.is(codeOf((await scene.tryConnect()).connack!), 0x9f);
  t.is(codeOf((await rig.scene(4).tryConnect()).connack!), 3);
  await othersGoOn(scene, pub, sub);
  t.is(reached(rig, "connectionsPerSecond"), 3);
});

test("Limits.connectWithinMs: who says nothing, or only half a CONNECT, is closed; who has said it stays", async (t) => {
  const { clock, pass } = standingClock();
  const rig = await openRig(t, { limits: { connectWithinMs: 3000 }, clock });
  const scene = rig.scene();
  const { pub, sub } = await pair(scene);
  const [silent, half] = [await scene.open(), await scene.open()];
  half.sendBytes(Buffer.of(0x10, 40, 0, 4, 0x4d));
  await until(() => rig.core.doorman.connections === 4, "both are there");
  pass(3200);
  t.deepEqual(await silent.closed(), []);
  t.deepEqual(await half.closed(), []);
  await othersGoOn(scene, pub, sub);
  t.is(reached(rig, "connectWithinMs"), 2);
  t.is(rig.core.status().refusals["no-connect"], 2);
});

test("Limits.inflight: no more than so many unacknowledged, of QoS 1 and 2 together, also of a client that names no bound", async (t) => {
  const rig = await openRig(t, { limits: { inflight: 3 } });
  for (const version of [4, 5] as const) {
    const scene = rig.scene(version);
    const [slow, quick, pub] = [await scene.connect(), await scene.connect(), await scene.connect()];
    for (const client of [slow, quick]) await scene.subscribe(client, `${scene.topic}/+`, 2);
    for (let at = 0; at < 8; at++) {
      await scene.publish(pub, `${scene.topic}/${at % 3}`, `${at}`, { qos: at % 2 === 0 ? 1 : 2 });
      await scene.take(quick, `${at}`);
    }
    const first = [await scene.message(slow, "0"), await scene.message(slow, "1"), await scene.message(slow, "2")];
    await scene.nothing(slow);
    slow.send({ cmd: "puback", messageId: first[2]!.messageId! });
    const fourth = await scene.message(slow, "3");
    await scene.nothing(slow);
    t.is(new Set([...first, fourth].map(({ messageId }) => messageId)).size, 4);
  }
});

test("Limits.receiveMaximum: one too many ends its connection with 0x93 and no other", async (t) => {
  const rig = await openRig(t, { limits: { receiveMaximum: 4 } });
  const scene = rig.scene();
  const { pub, sub } = await pair(scene);
  const greedy = await scene.connect();
  t.is(greedy.connack?.properties?.receiveMaximum, 4);
  for (let messageId = 1; messageId <= 5; messageId++)
    greedy.send({ cmd: "publish", topic: scene.topic, payload: "x", qos: 2, messageId, dup: false, retain: false });
  const last = (await greedy.closed()).at(-1)!;
  t.is(codeOf(last as never), 0x93, describe(last));
  await othersGoOn(scene, pub, sub);
  t.is(reached(rig, "receiveMaximum"), 1);
});

const kept: Readonly<Record<DropPolicy, readonly string[]>> = {
  "drop-newest": ["0", "1", "2", "3"],
  "drop-oldest": ["0", "7", "8", "9"],
  disconnect: [],
};

for (const bound of ["queuedMessages", "queuedBytes", "queuedBytesInAll"] as const) {
  for (const whenQueueFull of Object.keys(kept) as DropPolicy[]) {
    test(`Limits.${bound}, ${whenQueueFull}: holds for who does not acknowledge; another gets all`, async (t) => {
      // Payloads of ten bytes: three of them wait.
      const rig = await openRig(t, { limits: { [bound]: bound === "queuedMessages" ? 3 : 35, whenQueueFull } });
      const scene = rig.scene();
      const will = { topic: `${scene.topic}/will`, payload: Buffer.from("gone"), qos: 1, retain: false } as const;
      const slow = await scene.connect({ properties: { receiveMaximum: 1 }, will });
      const [quick, pub] = [await scene.connect(), await scene.connect()];
      await scene.subscribe(slow, `${scene.topic}/m`, 1);
      await scene.subscribe(quick, `${scene.topic}/#`, 1);
      // In one piece: the bound is reached while a message passes, and its other subscribers get this message and not the will.
      for (let at = 0; at < 10; at++)
        pub.send({
          cmd: "publish",
          topic: `${scene.topic}/m`,
          payload: `${at}`.padEnd(10),
          qos: 1,
          messageId: at + 1,
          dup: false,
          retain: false,
        });
      const seen: string[] = [];
      for (let at = 0; at < (whenQueueFull === "disconnect" ? 11 : 10); at++)
        seen.push((await scene.take(quick)).payload.toString().trim());
      t.deepEqual(
        seen.filter((one) => one !== "gone"),
        Array.from({ length: 10 }, (_, at) => `${at}`),
      );
      t.is(seen.includes("gone"), whenQueueFull === "disconnect");
      for (let at = 0; at < 10; at++) t.is((await pub.expect("puback")).messageId, at + 1);
      if (whenQueueFull === "disconnect") {
        t.is((await scene.message(slow)).payload.toString().trim(), "0");
        await scene.refused(slow, 0x97);
        t.is(reached(rig, bound), 1);
      } else {
        for (const payload of kept[whenQueueFull]) t.is((await scene.take(slow)).payload.toString().trim(), payload);
        await scene.nothing(slow);
        t.is(reached(rig, bound), 6);
        t.is(rig.core.status().publishDropped, 6);
      }
      t.is(rig.core.status().queued, 0);
      t.is(rig.core.status().queuedBytes, 0);
    });
  }
}

test("Limits.queuedBytes: a message larger than the whole queue is dropped, by each policy, and nothing else", async (t) => {
  for (const whenQueueFull of ["drop-newest", "drop-oldest"] as const) {
    const rig = await openRig(t, { limits: { queuedBytes: 35, whenQueueFull } });
    const scene = rig.scene();
    const [slow, pub] = [await scene.connect({ properties: { receiveMaximum: 1 } }), await scene.connect()];
    await scene.subscribe(slow, scene.topic, 1);
    for (const payload of ["first", "x".repeat(100), "second"]) await scene.publish(pub, scene.topic, payload);
    for (const payload of ["first", "second"]) await scene.take(slow, payload);
    await scene.nothing(slow);
  }
});

test("Limits.queueQos0: QoS 0 waits for a client that is away only where that is wanted", async (t) => {
  for (const queueQos0 of [false, true]) {
    const rig = await openRig(t, { limits: { queueQos0, queuedMessages: 2 } });
    const scene = rig.scene();
    const [away, pub] = [await scene.durable(scene.id()), await scene.connect()];
    await scene.subscribe(away, scene.topic, 1);
    await away.vanish();
    for (const qos of [0, 1, 0] as const) await scene.publish(pub, scene.topic, `of QoS ${qos}`, { qos });
    const back = await scene.durable(scene.id());
    if (queueQos0) await scene.message(back, "of QoS 0");
    await scene.take(back, "of QoS 1");
    await scene.nothing(back);
    t.is(reached(rig, "queuedMessages"), queueQos0 ? 1 : 0);
  }
});

for (const plane of planes) {
  for (const aliases of [0, 10]) {
    test(`Limits.waitingBytes: who does not read ${aliases > 0 ? "and has topic aliases " : ""}loses QoS 0, counted, while another gets 10 000 messages in order (${plane})`, async (t) => {
      const waitingBytes = 256 * 1024;
      const rig = await openRig(t, { limits: { waitingBytes }, plane });
      const scene = rig.scene();
      const slow = await scene.connect(aliases > 0 ? { properties: { topicAliasMaximum: aliases } } : {});
      const [quick, pub] = [await scene.connect(), await scene.connect()];
      for (const client of [slow, quick]) await scene.subscribe(client, scene.topic, 0);
      slow.socket.pause();
      const count = 10_000;
      const payload = Buffer.alloc(2000);
      const plain = { cmd: "publish", topic: scene.topic, payload, qos: 0, dup: false, retain: false } as const;
      let most = 0;
      for (let at = 0; at < count; ) {
        for (const end = at + 250; at < end; at++) {
          payload.writeUInt32BE(at);
          pub.send(plain);
        }
        for (let seen = at - 250; seen < at; seen++) {
          const message = await quick.expect("publish");
          if ((message.payload as Buffer).readUInt32BE() !== seen) return t.fail(`message ${seen} is missing or late`);
        }
        for (const one of rig.core.clients()) most = Math.max(most, one.waitingBytes);
      }
      // One turn may bring as much again as the plane reads at a time.
      t.true(most < waitingBytes + 1024 * 1024, `${most} bytes waited`);
      const dropped = reached(rig, "waitingBytes");
      t.true(dropped > 1000, `${dropped} dropped`);
      t.is(rig.core.status().publishDropped, dropped);
      slow.socket.resume();
      let last = -1;
      for (let left = count - dropped; left > 0; left--) {
        const at = ((await slow.expect("publish")).payload as Buffer).readUInt32BE();
        if (at <= last) t.fail(`${at} after ${last}`);
        last = at;
      }
      await scene.nothing(slow);
      await scene.publish(pub, scene.topic, "after all", { qos: 0 });
      await scene.message(slow, "after all");
      await slow.disconnect();
      await until(() => rig.core.doorman.connections === 2, "it is gone");
      t.is(reached(rig, "waitingBytes"), dropped);
    });
  }

  test(`Limits.waitingBytes: who does not read gets QoS 1 later, all and in order, while another gets it at once (${plane})`, async (t) => {
    const rig = await openRig(t, { limits: { waitingBytes: 64 * 1024, queuedMessages: 0, inflight: 30_000 }, plane });
    const scene = rig.scene();
    const [slow, quick, pub] = [await scene.connect(), await scene.connect(), await scene.connect()];
    for (const client of [slow, quick]) await scene.subscribe(client, scene.topic, 1);
    slow.socket.pause();
    const count = 6000;
    const payload = Buffer.alloc(3000);
    const numbers = async (client: RawClient, from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at++) {
        const { payload: got, messageId, dup } = await client.expect("publish");
        if ((got as Buffer).readUInt32BE() !== at || dup) throw new Error(`got ${(got as Buffer).readUInt32BE()} instead of ${at}`);
        client.send({ cmd: "puback", messageId: messageId! });
      }
    };
    for (let at = 0; at < count; at += 250) {
      for (let one = 0; one < 250; one++) {
        payload.writeUInt32BE(at + one);
        pub.send({ cmd: "publish", topic: scene.topic, payload, qos: 1, messageId: one + 1, dup: false, retain: false });
      }
      await numbers(quick, at, at + 250);
      for (let one = 0; one < 250; one++) await pub.expect("puback");
    }
    t.true(rig.core.status().queued > 500, `${rig.core.status().queued} queued`);
    for (const one of rig.core.clients()) t.true(one.waitingBytes < 2 * 1024 * 1024, `${one.waitingBytes} bytes wait`);
    slow.socket.resume();
    await numbers(slow, 0, count);
    await scene.nothing(slow);
    t.is(rig.core.status().queued, 0);
    t.is(rig.core.status().inflight, 0);
    t.is(rig.core.status().publishDropped, 0);
  });

  test(`Limits.waitingBytesDisconnect: who neither reads nor says anything is ended; its will goes out (${plane})`, async (t) => {
    const rig = await openRig(t, { limits: { waitingBytesDisconnect: 1024 * 1024, waitingBytes: 1 << 30 }, plane });
    const scene = rig.scene();
    const { pub, sub } = await pair(scene);
    const will = { topic: `${scene.topic}/others`, payload: Buffer.from("it went"), qos: 0, retain: false } as const;
    const slow = await scene.connect({ will });
    await scene.subscribe(slow, `${scene.topic}/big`, 0);
    slow.socket.pause();
    const payload = Buffer.alloc(500_000);
    for (let sent = 0; sent < 200 && reached(rig, "waitingBytesDisconnect") === 0; sent++)
      await scene.publish(pub, `${scene.topic}/big`, payload, { qos: 1 });
    await scene.message(sub, "it went");
    t.is(reached(rig, "waitingBytesDisconnect"), 1);
    t.is(rig.core.status().refusals.slow, 1);
    await othersGoOn(scene, pub, sub);
  });
}

test("Limits.packetBytes: told to 5.0 clients; a larger packet ends its connection with 0x95 when its length is known", async (t) => {
  const rig = await openRig(t, { limits: { packetBytes: 1000 } });
  for (const version of [5, 4] as const) {
    const scene = rig.scene(version);
    const large = await scene.connect();
    t.is(large.connack?.properties?.maximumPacketSize, version === 5 ? 1000 : undefined);
    await scene.publish(large, "t", Buffer.alloc(version === 5 ? 993 : 994), { qos: 0 }); // 1000 bytes in all
  }
  for (const version of [5, 4] as const) {
    const scene = rig.scene(version);
    const { pub, sub } = await pair(scene);
    const large = await scene.connect();
    large.sendBytes(Buffer.of(0x30, 0xe6, 0x07)); // the head of 1001
    await scene.refused(large, 0x95);
    await othersGoOn(scene, pub, sub);
  }
  t.is(reached(rig, "packetBytes"), 2);
});

test("Limits.payloadBytes: a larger payload is refused by PUBACK or PUBREC 0x97, dropped before 5.0 and at QoS 0, and goes to nobody", async (t) => {
  const rig = await openRig(t, { limits: { payloadBytes: 100 } });
  for (const version of [5, 4] as const) {
    const scene = rig.scene(version);
    const [pub, sub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    const plain = { cmd: "publish", topic: scene.topic, payload: Buffer.alloc(101), dup: false, retain: true } as const;
    pub.send({ ...plain, qos: 0 }, { ...plain, qos: 1, messageId: 1 }, { ...plain, qos: 2, messageId: 2 });
    const expected = version === 5 ? 0x97 : 0;
    t.is(codeOf((await pub.expect("puback")) as never), expected);
    t.is(codeOf((await pub.expect("pubrec")) as never), expected);
    await scene.nothing(sub);
    await scene.publish(pub, scene.topic, Buffer.alloc(100), { qos: 0 });
    t.is((await scene.message(sub)).payload.length, 100);
  }
  t.is(reached(rig, "payloadBytes"), 6);
  t.is(rig.core.status().retained, 0);
});

test("Limits.retainedMessages and retainedBytes: one more is not kept though it is delivered; those there can be changed and deleted", async (t) => {
  for (const limits of [{ retainedMessages: 2 }, { retainedBytes: 20 }]) {
    const rig = await openRig(t, { limits });
    const name = Object.keys(limits)[0]!;
    const scene = rig.scene();
    const [pub, sub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/#`, 0);
    for (const level of ["a", "b", "c"]) {
      await scene.publish(pub, `${scene.topic}/${level}`, `ten of ${level}..`, { retain: true });
      await scene.message(sub, `ten of ${level}..`);
    }
    t.is(reached(rig, name), 1);
    await scene.publish(pub, `${scene.topic}/a`, "another..a", { retain: true });
    t.is(reached(rig, name), 1);
    const kept = (): string[] => [...rig.core.retainedMessages(`${scene.topic}/+`)].map(({ payload }) => payload.toString()).sort();
    t.deepEqual(kept(), ["another..a", "ten of b.."]);
    await scene.publish(pub, `${scene.topic}/b`, "", { retain: true });
    await scene.publish(pub, `${scene.topic}/c`, "ten of c..", { retain: true });
    t.deepEqual(kept(), ["another..a", "ten of c.."]);
    t.is(rig.core.status().retainedBytes, 20);
  }
});

test("Retained messages: a subscription gets all of them at QoS 1, though they are more than its queue holds", async (t) => {
  const rig = await openRig(t, { limits: { inflight: 20, queuedMessages: 10 } });
  const scene = rig.scene();
  const count = 3000;
  for (let at = 0; at < count; at++)
    rig.core.publish({ topic: `${scene.topic}/${at}`, payload: Buffer.from(`${at}`), qos: 1, retain: true });
  const sub = await scene.connect();
  sub.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: `${scene.topic}/+`, qos: 1 }] });
  await sub.expect("suback");
  const seen = new Set<string>();
  for (let at = 0; at < count; at++) seen.add((await scene.take(sub)).payload.toString());
  t.is(seen.size, count);
  await scene.nothing(sub);
  t.is(rig.core.status().publishDropped, 0);
});

test("Limits.retainedMessages: those that have expired make room", async (t) => {
  const { clock, pass } = standingClock();
  const rig = await openRig(t, { limits: { retainedMessages: 2 }, clock });
  const scene = rig.scene();
  const pub = await scene.connect();
  const expiring = { retain: true, properties: { messageExpiryInterval: 5 } };
  for (const level of ["a", "b"]) await scene.publish(pub, `${scene.topic}/${level}`, level, expiring);
  await scene.publish(pub, `${scene.topic}/b`, "for good", { retain: true });
  pass(6000);
  await until(() => rig.core.status().retained === 1, "one has gone");
  await scene.publish(pub, `${scene.topic}/c`, "c", { retain: true });
  t.is(reached(rig, "retainedMessages"), 0);
  t.is(rig.core.status().retained, 2);
});

for (const plane of planes) {
  test(`Limits.waitingBytes: a long queue of large messages, redeliveries and retained ones go out piece by piece (${plane})`, async (t) => {
    const rig = await openRig(t, { plane, limits: { waitingBytes: 1 << 20, waitingBytesDisconnect: 8 << 20 } });
    const scene = rig.scene();
    const count = 60;
    const payload = Buffer.alloc(200_000);
    let most = 0;
    const watching = setInterval(() => {
      for (const { waitingBytes } of rig.core.clients()) most = Math.max(most, waitingBytes);
    }, 1);
    t.teardown(() => clearInterval(watching));
    const [away, pub] = [await scene.durable(scene.id()), await scene.connect()];
    await scene.subscribe(away, `${scene.topic}/+`, 1);
    await away.vanish();
    for (let at = 0; at < count; at++) {
      payload.writeUInt32BE(at);
      await scene.publish(pub, `${scene.topic}/${at}`, payload, { retain: true });
    }
    for (const dup of [false, true]) {
      const back = await scene.durable(scene.id());
      for (let at = 0; at < count; at++) {
        const message = await back.expect("publish");
        if (message.dup !== dup || (message.payload as Buffer).readUInt32BE() !== at)
          return t.fail(`${describe(message)} instead of ${at}`);
        if (dup) back.send({ cmd: "puback", messageId: message.messageId! });
      }
      await scene.nothing(back);
      await back.vanish();
    }
    for (const qos of [0, 1] as const) {
      const reader = await scene.connect();
      await scene.subscribe(reader, `${scene.topic}/+`, qos);
      for (let at = 0; at < count; at++) await scene.take(reader);
      await scene.nothing(reader);
    }
    t.is(reached(rig, "waitingBytesDisconnect"), 0);
    t.true(most < 3 << 20, `${most} bytes waited`);
  });
}

test("Limits.subscriptionsPerClient: one more is refused by SUBACK 0x97, or 0x80 before 5.0; those there can be changed", async (t) => {
  const rig = await openRig(t, { limits: { subscriptionsPerClient: 2 } });
  for (const version of [5, 4] as const) {
    const scene = rig.scene(version);
    const [one, other] = [await scene.connect(), await scene.connect()];
    const three = ["a", "b", "c"].map((level) => ({ topic: `${scene.topic}/${level}`, qos: 1 as const }));
    t.deepEqual(await scene.subscribe(one, three), [1, 1, version === 5 ? 0x97 : 0x80]);
    t.deepEqual(await scene.subscribe(one, `${scene.topic}/a`, 2), [2]);
    t.deepEqual(await scene.subscribe(other, `${scene.topic}/c`, 0), [0]);
    one.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: [`${scene.topic}/b`] });
    await one.expect("unsuback");
    t.deepEqual(await scene.subscribe(one, `${scene.topic}/c`, 0), [0]);
  }
  t.is(reached(rig, "subscriptionsPerClient"), 2);
});

test("Limits.topicLevels: a deeper topic ends its connection with 0x90, a deeper filter gets 0x97; without a bound 1000 levels are taken", async (t) => {
  const rig = await openRig(t, { limits: { topicLevels: 6 } });
  const scene = rig.scene();
  const { pub, sub } = await pair(scene);
  const deep = await scene.connect();
  t.deepEqual(await scene.subscribe(deep, "1/2/3/4/5/6/7"), [0x97]);
  t.deepEqual(await scene.subscribe(deep, "$share/group/1/2/3/4/5/6"), [0]);
  deep.send({ cmd: "publish", topic: "1/2/3/4/5/6/7", payload: "", qos: 0, dup: false, retain: false });
  await scene.refused(deep, 0x90);
  await othersGoOn(scene, pub, sub);
  t.is(reached(rig, "topicLevels"), 2);

  const unbounded = await openRig(t, { limits: { topicLevels: 0 } });
  const there = unbounded.scene();
  const topic = "/".repeat(999);
  const [one, other] = [await there.connect(), await there.connect()];
  t.deepEqual(await there.subscribe(one, topic, 1), [1]);
  await there.publish(other, topic, "from the deep", { retain: true });
  t.is((await there.take(one)).topic, topic);
  t.deepEqual(await there.subscribe(other, topic, 0), [0]);
  await there.message(other, "from the deep");
  t.deepEqual(
    await there.subscribe(one, [
      { topic: `${topic}/`, qos: 0 },
      { topic: `${topic.slice(1)}/#`, qos: 0 },
      { topic: "+/#", qos: 0 },
    ]),
    [0x97, 0, 0],
  );
  t.is((await there.message(one, "from the deep")).topic, topic);
  for (const deep of ["/".repeat(1000), "/".repeat(60_000)]) {
    const client = await there.connect();
    client.send({ cmd: "publish", topic: deep, payload: "", qos: 0, dup: false, retain: true });
    await there.refused(client, 0x90);
  }
});

test("Limits.keepAliveS: told to 5.0 clients and enforced after one and a half times, DISCONNECT 0x8D; who is heard of stays", async (t) => {
  const { clock, pass } = standingClock();
  const rig = await openRig(t, { limits: { keepAliveS: 20 }, clock });
  const [scene, old] = [rig.scene(5), rig.scene(4)];
  const silent = await scene.connect({ keepalive: 60 });
  t.is(silent.connack?.properties?.serverKeepAlive, 20);
  const heard = await scene.connect({ keepalive: 10 });
  t.is(heard.connack?.properties?.serverKeepAlive, undefined);
  const oldSilent = await old.connect({ keepalive: 20 });
  const oldEternal = await old.connect({ keepalive: 0 });
  for (let passed = 0; passed < 29; passed += 14.5) {
    pass(14_500);
    await scene.nothing(heard);
  }
  t.is(rig.core.doorman.connections, 4);
  pass(1500);
  await scene.refused(silent, 0x8d);
  await old.refused(oldSilent);
  await scene.nothing(heard);
  await old.nothing(oldEternal);
  t.is(rig.core.status().refusals["keep-alive"], 2);
});

test("Limits.sessionExpiryS: caps what clients ask for; then the session, its messages and its will are over", async (t) => {
  const { clock, pass } = standingClock();
  const rig = await openRig(t, { limits: { sessionExpiryS: 100 }, clock });
  for (const version of [5, 4] as const) {
    const scene = rig.scene(version);
    const { pub, sub } = await pair(scene);
    const will = { topic: `${scene.topic}/others`, payload: Buffer.from("will"), qos: 1, retain: false } as const;
    const options = version === 5 ? { will: { ...will, properties: { willDelayInterval: 1000 } } } : {};
    const client = await scene.durable(scene.id(), options, 5000);
    t.is(client.connack?.properties?.sessionExpiryInterval, version === 5 ? 100 : undefined);
    await scene.subscribe(client, scene.topic, 1);
    await client.vanish();
    await until(() => rig.core.sessions.get(scene.id())?.connection === undefined, "it is away");
    await scene.publish(pub, scene.topic, "waits");
    pass(99_000);
    await scene.nothing(sub);
    t.true(rig.core.sessions.has(scene.id()));
    t.is(rig.core.status().queued, 1);
    pass(1100);
    if (version === 5) await scene.take(sub, "will");
    await until(() => !rig.core.sessions.has(scene.id()), "its session is over");
    t.is(rig.core.status().queued, 0);
    const again = await scene.durable(scene.id());
    t.false(again.connack!.sessionPresent);
    await scene.nothing(again);
    await again.disconnect();
  }
  t.is(rig.core.counters.sessionsExpired, 3); // the 5.0 client's second one too
});

test("Message expiry: what is too old when its turn comes is not sent; what is not says how long is left. [MQTT-3.3.2-5] [MQTT-3.3.2-6]", async (t) => {
  const { clock, pass } = standingClock();
  const rig = await openRig(t, { clock });
  const scene = rig.scene();
  const [away, pub] = [await scene.durable(scene.id()), await scene.connect()];
  await scene.subscribe(away, scene.topic, 2);
  await away.vanish();
  for (const [payload, messageExpiryInterval] of [
    ["short", 10],
    ["long", 100],
  ] as const)
    for (const qos of [1, 2] as const)
      await scene.publish(pub, scene.topic, payload, { qos, retain: qos === 2, properties: { messageExpiryInterval } });
  await scene.publish(pub, `${scene.topic}/r`, "short", { retain: true, properties: { messageExpiryInterval: 10 } });
  pass(30_000);
  // A round trip: a client that comes in the very turn of the jump would be 30 s late with its CONNECT.
  await scene.publish(pub, `${scene.topic}-other`, "", { qos: 1 });
  const back = await scene.durable(scene.id());
  for (let count = 0; count < 2; count++) t.is((await scene.take(back, "long")).properties?.messageExpiryInterval, 70);
  await scene.nothing(back);
  await scene.subscribe(pub, `${scene.topic}/#`, 0);
  await scene.message(pub, "long");
  await scene.nothing(pub);
});

test("Limits.sessions: bounds those of clients that are away, not those that are here", async (t) => {
  const rig = await openRig(t, { limits: { sessions: 2 } });
  const scene = rig.scene();
  for (let at = 0; at < 5; at++) await scene.durable(scene.id(`here${at}`));
  for (let at = 0; at < 3; at++) {
    await (await scene.durable(scene.id(`away${at}`))).vanish();
    const gone = (): boolean => rig.core.sessions.get(scene.id(`away${at}`))?.connection === undefined;
    await until(gone, "it is away");
  }
  t.is(rig.core.sessions.size, 7);
  t.is(reached(rig, "sessions"), 1);
  for (let at = 0; at < 3; at++) t.is((await scene.durable(scene.id(`away${at}`))).connack!.sessionPresent, at < 2);
  await (await scene.durable(scene.id("away3"))).vanish();
  await until(() => rig.core.sessions.get(scene.id("away3"))?.connection === undefined, "it is away");
  t.is(reached(rig, "sessions"), 1);
});

test("ListenerConfig.mostQos: told, kept to and granted no more; a QoS above it ends the connection with 0x9B", async (t) => {
  const rig = await openRig(t, { listeners: [{ mostQos: 1 }, {}] });
  const [scene, free] = [rig.scene(5, 0), rig.scene(5, 1)];
  const { pub, sub } = await pair(free);
  const client = await scene.connect();
  t.is(client.connack?.properties?.maximumQoS, 1);
  t.deepEqual(await scene.subscribe(client, scene.topic, 2), [1]);
  await scene.publish(pub, scene.topic, "lowered", { qos: 2 });
  t.is((await scene.take(client, "lowered")).qos, 1);
  client.send({ cmd: "publish", topic: scene.topic, payload: "", qos: 2, messageId: 1, dup: false, retain: false });
  await scene.refused(client, 0x9b);
  const will = { topic: scene.topic, payload: Buffer.alloc(0), qos: 2, retain: false } as const;
  t.is(codeOf((await scene.tryConnect({ will })).connack!), 0x9b);
  await othersGoOn(free, pub, sub);
});

test("ListenerConfig.mountPoint: put before what its clients publish, subscribe to, share, retain and will, and taken off what they get", async (t) => {
  const rig = await openRig(t, { listeners: [{ mountPoint: "house/7/" }, {}] });
  for (const version of [4, 5] as const) {
    const [inside, outside] = [rig.scene(version, 0), rig.scene(version, 1)];
    const will = { topic: `${inside.topic}/will`, payload: Buffer.from("will"), qos: 1, retain: false } as const;
    const [tenant, owner] = [await inside.connect({ will }), await outside.connect()];
    await inside.subscribe(tenant, [
      { topic: `${inside.topic}/+`, qos: 1 },
      { topic: `$share/g/${inside.topic}/s/#`, qos: 1 },
    ]);
    await outside.subscribe(owner, `house/7/${inside.topic}/#`, 1);
    await inside.publish(tenant, `${inside.topic}/up`, "from inside", { retain: true });
    t.is((await inside.take(tenant, "from inside")).topic, `${inside.topic}/up`);
    t.is((await outside.take(owner, "from inside")).topic, `house/7/${inside.topic}/up`);
    await outside.publish(owner, `house/7/${inside.topic}/down`, "from outside");
    t.is((await inside.take(tenant, "from outside")).topic, `${inside.topic}/down`);
    await outside.take(owner, "from outside");
    await outside.publish(owner, `house/7/${inside.topic}/s/1`, "shared");
    t.is((await inside.take(tenant, "shared")).topic, `${inside.topic}/s/1`);
    await outside.take(owner, "shared");
    await outside.publish(owner, `${inside.topic}/down`, "elsewhere");
    await inside.nothing(tenant);
    await inside.subscribe(tenant, `${inside.topic}/up`, 0);
    t.is((await inside.message(tenant, "from inside")).topic, `${inside.topic}/up`);
    tenant.socket.destroy();
    t.is((await outside.take(owner, "will")).topic, `house/7/${inside.topic}/will`);
  }
});

test("BrokerConfig.emptyClientIds and assignedIdPrefix: a client without an id gets one, or is refused with 0x85, 2 before 5.0", async (t) => {
  const open = await openRig(t, { config: { assignedIdPrefix: "given-" } });
  const given = (await open.scene().connect({ clientId: "" })).connack!.properties!.assignedClientIdentifier!;
  t.regex(given, /^given-[0-9a-f]{24}$/);
  const closed = await openRig(t, { config: { emptyClientIds: false } });
  t.is(codeOf((await closed.scene(5).tryConnect({ clientId: "" })).connack!), 0x85);
  t.is(codeOf((await closed.scene(4).tryConnect({ clientId: "" })).connack!), 2);
});

test("SecurityConfig.clientIdPrefix: only ids that begin with it come in", async (t) => {
  const rig = await openRig(t, {
    config: {
      security: { passwordFile: undefined, aclFile: undefined, jwt: undefined, scram: false, auditLog: undefined, clientIdPrefix: "ours-" },
    },
  });
  const scene = rig.scene();
  await scene.connect({ clientId: "ours-1" });
  t.not(codeOf((await scene.tryConnect({ clientId: "theirs-1" })).connack!), 0);
});
