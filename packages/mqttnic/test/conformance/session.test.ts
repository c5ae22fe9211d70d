/** Sessions over connections: expiry, queues, redelivery in order. [MQTT 5.0 §3.1.2.11.2, §4.1, §4.4] @module */

import { setTimeout as passes } from "node:timers/promises";
import test from "ava";
import { suite } from "./suite.ts";

const check = suite(test);

check.both(
  "session: QoS 1 and 2 wait for a client that is away, in order. v3.1.1 [MQTT-3.1.2-5] [MQTT-4.1.0-1] [MQTT-4.5.0-1] v5 [MQTT-4.5.0-1] [MQTT-3.1.2-23]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    await sub.vanish();
    for (let at = 0; at < 10; at++) await scene.publish(pub, scene.topic, `${at}`, { qos: at % 2 === 0 ? 1 : 2 });
    const again = await scene.durable(clientId);
    for (let at = 0; at < 10; at++) {
      const message = await scene.take(again, `${at}`);
      scene.t.is(message.qos, at % 2 === 0 ? 1 : 2);
      scene.t.false(message.dup, "never sent before");
    }
    await scene.nothing(again);
  },
);

check.both(
  "session: unacknowledged PUBLISH packets are sent again with DUP, their packet ids, in their order. v3.1.1 [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] [MQTT-2.3.1-3] [MQTT-4.3.2-1] v5 [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] [MQTT-4.3.2-3] [MQTT-4.3.3-3]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    const sent = new Map<string, number>();
    for (let at = 0; at < 6; at++) {
      await scene.publish(pub, scene.topic, `${at}`, { qos: at % 2 === 0 ? 1 : 2 });
      sent.set(`${at}`, (await scene.message(sub, `${at}`)).messageId!);
    }
    await sub.vanish();
    await scene.publish(pub, scene.topic, "new");
    const again = await scene.durable(clientId);
    for (const [payload, messageId] of sent) {
      const message = await scene.message(again, payload);
      scene.t.true(message.dup);
      scene.t.is(message.messageId, messageId);
    }
    scene.t.false((await scene.message(again, "new")).dup);
  },
);

check.both("session: what was acknowledged is not sent again. v3.1.1 [MQTT-4.4.0-1] v5 [MQTT-4.4.0-1]", async (scene) => {
  const clientId = scene.id();
  const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 2);
  for (const qos of [1, 2] as const) {
    await scene.publish(pub, scene.topic, `${qos}`, { qos });
    await scene.take(sub, `${qos}`);
  }
  await scene.nothing(sub);
  await sub.vanish();
  await scene.nothing(await scene.durable(clientId));
});

check.both(
  "session: after PUBREC the PUBREL is sent again, and not the PUBLISH. v3.1.1 [MQTT-4.4.0-1] [MQTT-4.3.3-1] v5 [MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.3.3-6]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    await scene.publish(pub, scene.topic, "two", { qos: 2 });
    const { messageId } = await scene.message(sub, "two");
    sub.send({ cmd: "pubrec", messageId: messageId! });
    await sub.expect("pubrel");
    await sub.vanish();
    const again = await scene.durable(clientId);
    scene.t.is((await again.expect("pubrel")).messageId, messageId);
    again.send({ cmd: "pubcomp", messageId: messageId! });
    await scene.nothing(again);
    await again.vanish();
    await scene.nothing(await scene.durable(clientId));
  },
);

check.both(
  "session: a QoS 2 PUBLISH sent again after a reconnect is not delivered twice. v3.1.1 [MQTT-4.3.3-2] v5 [MQTT-4.3.3-10]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.connect(), await scene.durable(clientId)];
    await scene.subscribe(sub, scene.topic, 2);
    const publish = { cmd: "publish", topic: scene.topic, payload: "once", qos: 2, messageId: 8, retain: false } as const;
    pub.send({ ...publish, dup: false });
    await pub.expect("pubrec");
    await pub.vanish();
    const again = await scene.durable(clientId);
    again.send({ ...publish, dup: true });
    scene.t.is((await again.pick("pubrec")).messageId, 8);
    again.send({ cmd: "pubrel", messageId: 8 });
    scene.t.is((await again.pick("pubcomp")).messageId, 8);
    await scene.take(sub, "once");
    await scene.nothing(sub);
  },
);

check.both("session: PUBREL after a reconnect is answered by PUBCOMP. v3.1.1 [MQTT-4.3.3-2] v5 [MQTT-4.3.3-11]", async (scene) => {
  const clientId = scene.id();
  const [sub, pub] = [await scene.connect(), await scene.durable(clientId)];
  await scene.subscribe(sub, scene.topic, 2);
  pub.send({ cmd: "publish", topic: scene.topic, payload: "once", qos: 2, messageId: 8, dup: false, retain: false });
  await pub.expect("pubrec");
  await pub.vanish();
  const again = await scene.durable(clientId);
  again.send({ cmd: "pubrel", messageId: 8 });
  const pubcomp = await again.pick("pubcomp");
  scene.t.is(pubcomp.reasonCode ?? 0, 0);
  await scene.take(sub, "once");
});

check.both("session: a new one knows no packet ids of the old. v3.1.1 [MQTT-3.1.2-6] v5 [MQTT-3.1.2-4]", async (scene) => {
  const clientId = scene.id();
  const [sub, pub] = [await scene.connect(), await scene.durable(clientId)];
  await scene.subscribe(sub, scene.topic, 2);
  const publish = { cmd: "publish", topic: scene.topic, payload: "x", qos: 2, messageId: 8, dup: false, retain: false } as const;
  await scene.publish(pub, `${scene.topic}/else`, "x");
  pub.send(publish);
  await pub.expect("pubrec");
  await pub.vanish();
  const clean = await scene.connect({ clientId, clean: true });
  clean.send(publish);
  await clean.expect("pubrec");
  clean.send({ cmd: "pubrel", messageId: 8 });
  await clean.expect("pubcomp");
  await scene.take(sub, "x");
  // The first one counts as taken over when PUBREC was sent; it may have been delivered then, or never.
  const rest = (await sub.untilPong()).filter((one) => one.cmd === "publish");
  scene.t.true(rest.length <= 1);
});

check.both("session: subscriptions are kept with their options. v3.1.1 [MQTT-3.1.2-4] v5 [MQTT-3.1.2-5]", async (scene) => {
  const clientId = scene.id();
  const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
  await scene.subscribe(sub, [{ topic: scene.topic, qos: 1, rap: true, nl: true }], 0, scene.version === 5 ? 77 : 0);
  await sub.disconnect();
  const again = await scene.durable(clientId);
  await scene.publish(pub, scene.topic, "x", { retain: true });
  const message = await scene.take(again, "x");
  scene.t.is(message.qos, 1);
  if (scene.version !== 5) return;
  scene.t.true(message.retain);
  scene.t.is(message.properties?.subscriptionIdentifier, 77);
  await scene.publish(again, scene.topic, "own");
  await scene.nothing(again);
});

check.both("session: lasts as long as its connection, whatever its expiry. v3.1.1 [MQTT-4.1.0-2] v5 [MQTT-4.1.0-1]", async (scene) => {
  const [sub, pub] = [await scene.durable(scene.id(), {}, 1), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 1);
  await passes(1500);
  await scene.publish(pub, scene.topic, "still there");
  await scene.take(sub, "still there");
});

check.v5("session: ends with its connection when its expiry is 0 or not said. v5 [MQTT-4.1.0-2]", async (scene) => {
  for (const properties of [{}, { properties: { sessionExpiryInterval: 0 } }]) {
    const clientId = scene.id();
    const sub = await scene.connect({ clientId, ...properties });
    await scene.subscribe(sub, scene.topic, 1);
    await sub.disconnect();
    const again = await scene.durable(clientId);
    scene.t.false(again.connack?.sessionPresent);
    await again.disconnect({ sessionExpiryInterval: 0 });
  }
});

check.v5("session: ends when its expiry has passed, and not before. v5 [MQTT-4.1.0-2] [MQTT-3.1.2-23]", async (scene) => {
  const [short, long] = [scene.id("short"), scene.id("long")];
  await (await scene.durable(short, {}, 1)).vanish();
  await (await scene.durable(long, {}, 60)).vanish();
  await passes(2500);
  scene.t.false((await scene.durable(short)).connack?.sessionPresent);
  scene.t.true((await scene.durable(long)).connack?.sessionPresent);
});

check.v5("session: 0xFFFFFFFF is for ever. v5 [MQTT-3.1.2-23]", async (scene) => {
  const clientId = scene.id();
  await (await scene.durable(clientId, {}, 0xffff_ffff)).vanish();
  const again = await scene.durable(clientId);
  scene.t.true(again.connack?.sessionPresent);
  await again.disconnect({ sessionExpiryInterval: 0 });
});

check.v5("session: each connection says its expiry anew. v5 [MQTT-4.1.0-2]", async (scene) => {
  const clientId = scene.id();
  await (await scene.durable(clientId, {}, 300)).disconnect();
  const second = await scene.connect({ clientId, clean: false });
  scene.t.true(second.connack?.sessionPresent);
  await second.disconnect();
  scene.t.false((await scene.durable(clientId)).connack?.sessionPresent);
});

check.v5("DISCONNECT may change the expiry: shorter, longer, to 0. v5 [MQTT-4.1.0-2]", async (scene) => {
  const [ended, kept] = [scene.id("ended"), scene.id("kept")];
  await (await scene.durable(ended, {}, 300)).disconnect({ sessionExpiryInterval: 0 });
  await (await scene.durable(kept, {}, 1)).disconnect({ sessionExpiryInterval: 300 });
  await passes(1800);
  scene.t.false((await scene.durable(ended)).connack?.sessionPresent);
  scene.t.true((await scene.durable(kept)).connack?.sessionPresent);
});

check.v5("DISCONNECT with an expiry though it was 0 is a protocol error. v5 [MQTT-4.13.1-1]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic, 0);
  const client = await scene.connect({ will: { topic: scene.topic, payload: "not in peace", qos: 0, retain: false } });
  client.send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 10 } });
  await scene.refused(client, 0x82);
  await scene.message(other, "not in peace");
});

check.v5("CONNACK says the session's expiry only when it is another than was asked for. v5 [MQTT-3.2.2-3]", async (scene) => {
  const client = await scene.durable(scene.id(), {}, 120);
  const told = client.connack?.properties?.sessionExpiryInterval;
  scene.t.true(told === undefined || told === 120, `${told}`);
});

check.both(
  "session: QoS 0 for a client that is away is lost or kept, never out of order. v3.1.1 [MQTT-3.1.2-5] v5 [MQTT-4.5.0-1]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    await sub.vanish();
    for (const [at, qos] of ([0, 1, 0, 2, 1] as const).entries()) await scene.publish(pub, scene.topic, `${at}`, { qos });
    const again = await scene.durable(clientId);
    const got: number[] = [];
    for (;;) {
      const message = await scene.take(again);
      got.push(Number(message.payload.toString()));
      if (got.at(-1) === 4) break;
    }
    scene.t.deepEqual(
      got,
      got.toSorted((one, other) => one - other),
    );
    scene.t.true([1, 3, 4].every((at) => got.includes(at)));
  },
);

check.both(
  "session: a 5.0 client resumes what a 3.1.1 client left, and the other way about. v3.1.1 [MQTT-3.1.2-4] v5 [MQTT-3.1.2-5]",
  async (scene) => {
    const clientId = scene.id();
    const other = scene.version === 5 ? 4 : 5;
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await sub.disconnect();
    await scene.publish(pub, scene.topic, "over versions");
    const again = await scene.durable(clientId, { protocolVersion: other });
    scene.t.true(again.connack?.sessionPresent);
    await scene.take(again, "over versions");
  },
);

check.both(
  "session: take-over sends what the old connection had not acknowledged to the new one, and what came meanwhile after it. v3.1.1 [MQTT-4.4.0-1] [MQTT-3.3.1-1] v5 [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-3.1.4-3]",
  async (scene) => {
    const clientId = scene.id();
    const [old, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(old, scene.topic, 2);
    await scene.publish(pub, scene.topic, "one");
    await scene.publish(pub, scene.topic, "two", { qos: 2 });
    await scene.publish(pub, scene.topic, "three", { qos: 2 });
    await scene.message(old, "one");
    const two = await scene.message(old, "two");
    await scene.message(old, "three");
    old.send({ cmd: "pubrec", messageId: two.messageId! });
    await old.expect("pubrel");
    const taker = await scene.durable(clientId);
    await old.closed();
    await scene.publish(pub, scene.topic, "four");
    const got: string[] = [];
    while (got.length < 4) {
      const next = await taker.next();
      got.push(next?.cmd === "publish" ? `${next.payload}${next.dup ? " again" : ""}` : `${next?.cmd} ${next?.messageId}`);
    }
    // The order of PUBLISH packets is prescribed, and that of PUBRELs, not that of one to the other.
    const pubrel = `pubrel ${two.messageId}`;
    scene.t.true(got.includes(pubrel), `${got}`);
    scene.t.deepEqual(
      got.filter((one) => one !== pubrel),
      ["one again", "three again", "four"],
    );
  },
);

check.v5(
  "session: exchanges after PUBREC count against the Receive Maximum of the connection that resumes. v5 [MQTT-3.3.4-9] [MQTT-4.9.0-2]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    await scene.publish(pub, scene.topic, "begun", { qos: 2 });
    const { messageId } = await scene.message(sub, "begun");
    sub.send({ cmd: "pubrec", messageId: messageId! });
    await sub.expect("pubrel");
    await sub.vanish();
    await scene.publish(pub, scene.topic, "waits", { qos: 2 });
    const again = await scene.durable(clientId, { properties: { receiveMaximum: 1 } });
    await again.expect("pubrel");
    await scene.nothing(again);
    again.send({ cmd: "pubcomp", messageId: messageId! });
    await scene.take(again, "waits");
  },
);
