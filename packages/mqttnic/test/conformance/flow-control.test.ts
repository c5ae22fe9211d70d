/** Receive Maximum and Maximum Packet Size, both ways; order of messages. [MQTT 5.0 §4.6, §4.9, §3.1.2.11] @module */

import test from "ava";
import { suite } from "./suite.ts";
import { bytes, connectBytes, properties, text, u16, u32, variable } from "./wire.ts";

const check = suite(test, { conf: ["max_inflight_messages 20"] });

const plain = { dup: false, retain: false } as const;

check.v5(
  "Receive Maximum of a client: no more unacknowledged PUBLISH packets than that; the rest when there is room. v5 [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]",
  { mosquittoFails: "sends one too many after PUBACK" },
  async (scene) => {
    const [sub, pub] = [await scene.connect({ properties: { receiveMaximum: 2 } }), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    for (let at = 0; at < 6; at++) await scene.publish(pub, scene.topic, `${at}`, { qos: at % 2 === 0 ? 1 : 2 });
    const [one, two] = [await scene.message(sub, "0"), await scene.message(sub, "1")];
    await scene.nothing(sub);
    sub.send({ cmd: "puback", messageId: one.messageId! });
    const three = await scene.message(sub, "2");
    await scene.nothing(sub);
    sub.send({ cmd: "pubrec", messageId: two.messageId! });
    await sub.expect("pubrel");
    await scene.nothing(sub); // PUBREC of success gives no room, PUBCOMP does
    sub.send({ cmd: "pubcomp", messageId: two.messageId! });
    const four = await scene.message(sub, "3");
    sub.send({ cmd: "pubrec", messageId: four.messageId!, reasonCode: 0x80 }); // this gives room too
    const five = await scene.message(sub, "4");
    for (const { messageId } of [three, five]) sub.send({ cmd: "puback", messageId: messageId! });
    await scene.message(sub, "5");
  },
);

check.v5("Receive Maximum reached: QoS 0 and all other packets go on. v5 [MQTT-3.3.4-10] [MQTT-4.9.0-3]", async (scene) => {
  const [sub, pub] = [await scene.connect({ properties: { receiveMaximum: 1 } }), await scene.connect()];
  await scene.subscribe(sub, `${scene.topic}/#`, 1);
  for (let at = 0; at < 3; at++) await scene.publish(pub, `${scene.topic}/a`, `${at}`);
  await scene.message(sub, "0");
  await scene.nothing(sub);
  await scene.publish(pub, `${scene.topic}/b`, "zero", { qos: 0 });
  scene.t.is((await scene.message(sub, "zero")).qos, 0);
  await scene.publish(sub, `${scene.topic}-other`, "mine"); // answered by PUBACK
  await scene.subscribe(sub, `${scene.topic}-third`, 0);
  sub.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: [`${scene.topic}-third`] });
  await sub.expect("unsuback");
});

check.v5(
  "Receive Maximum holds for a resumed session too, by what the new connection says. v5 [MQTT-3.3.4-9] [MQTT-4.9.0-1]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await sub.vanish();
    for (let at = 0; at < 5; at++) await scene.publish(pub, scene.topic, `${at}`);
    const again = await scene.durable(clientId, { properties: { receiveMaximum: 1 } });
    for (let at = 0; at < 5; at++) {
      const message = await scene.message(again, `${at}`);
      await scene.nothing(again);
      again.send({ cmd: "puback", messageId: message.messageId! });
    }
  },
);

check.v5(
  "Receive Maximum of the broker: one more gets DISCONNECT 0x93. v5 [MQTT-3.3.4-7] [MQTT-4.13.1-1]",
  { mosquittoFails: "lets it pass" },
  async (scene) => {
    const pub = await scene.connect();
    const most = pub.connack?.properties?.receiveMaximum ?? 65_535;
    for (let at = 1; at <= most + 1; at++) pub.send({ cmd: "publish", topic: scene.topic, payload: "x", qos: 2, messageId: at, ...plain });
    const before = await pub.closed();
    const last = before.pop();
    scene.t.is(last?.cmd, "disconnect");
    scene.t.is((last as { reasonCode?: number }).reasonCode, 0x93);
    scene.t.true(before.every((one) => one.cmd === "pubrec"));
  },
);

check.v5(
  "Receive Maximum of the broker: exactly as many, and QoS 1 beside PUBACKs without end, are let through. v5 [MQTT-4.9.0-3]",
  async (scene) => {
    const pub = await scene.connect();
    const most = Math.min(pub.connack?.properties?.receiveMaximum ?? 65_535, 2000);
    for (let at = 1; at <= most; at++) pub.send({ cmd: "publish", topic: scene.topic, payload: "x", qos: 2, messageId: at, ...plain });
    for (let at = 1; at <= most; at++) scene.t.is((await pub.expect("pubrec")).messageId, at);
    for (let at = 1; at <= most; at++) pub.send({ cmd: "pubrel", messageId: at });
    for (let at = 1; at <= most; at++) scene.t.is((await pub.expect("pubcomp")).messageId, at);
    for (let at = 0; at < most * 2; at += 10) {
      for (let one = 1; one <= 10; one++) pub.send({ cmd: "publish", topic: scene.topic, payload: "x", qos: 1, messageId: one, ...plain });
      for (let one = 1; one <= 10; one++) await pub.expect("puback");
    }
  },
);

check.v5("Receive Maximum 0 and Maximum Packet Size 0 are protocol errors. v5 [MQTT-3.1.4-1] [MQTT-4.9.0-1]", async (scene) => {
  for (const wrong of [properties(0x21, u16(0)), properties(0x27, u32(0))]) {
    const client = await scene.open();
    client.sendBytes(connectBytes({ version: 5, properties: wrong, payload: [text(scene.id())] }));
    await scene.refused(client, 0x82, 0x81);
  }
});

check.v5(
  "Maximum Packet Size of a client: larger messages are not sent, and count as delivered. v5 [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
  async (scene) => {
    const [sub, pub] = [await scene.connect({ properties: { maximumPacketSize: 100 } }), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    for (const qos of [0, 1, 2] as const) {
      await scene.publish(pub, scene.topic, Buffer.alloc(200), { qos });
      await scene.publish(pub, scene.topic, `small ${qos}`, { qos });
      await scene.take(sub, `small ${qos}`);
    }
    await scene.nothing(sub);
  },
);

check.v5(
  "Maximum Packet Size of a client: exactly as large is sent, one byte more is not. v5 [MQTT-3.1.2-24]",
  { mosquittoFails: "sends one byte too many" },
  async (scene) => {
    const size = 120;
    const [sub, pub] = [await scene.connect({ properties: { maximumPacketSize: size } }), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 0);
    const room = size - 2 - 2 - scene.topic.length - 1;
    await scene.publish(pub, scene.topic, Buffer.alloc(room + 1), { qos: 0 });
    await scene.publish(pub, scene.topic, Buffer.alloc(room), { qos: 0 });
    scene.t.is((await scene.message(sub)).bytes.length, size);
    await scene.nothing(sub);
  },
);

check.v5(
  "Maximum Packet Size of a client: a message that waited and is too large leaves its place to the next. v5 [MQTT-3.1.2-25]",
  { mosquittoFails: "keeps its place" },
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await sub.vanish();
    for (let at = 0; at < 3; at++) await scene.publish(pub, scene.topic, Buffer.alloc(200));
    await scene.publish(pub, scene.topic, "small");
    const again = await scene.durable(clientId, { properties: { maximumPacketSize: 100, receiveMaximum: 1 } });
    await scene.take(again, "small");
  },
);

check.v5(
  "Maximum Packet Size of a client: reasons and properties are left out of answers that would be larger. v5 [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4]",
  async (scene) => {
    const most = 40;
    const client = await scene.connect({ properties: { maximumPacketSize: most } });
    scene.t.true(client.connack!.bytes.length <= most);
    client.send({ cmd: "publish", topic: scene.topic, payload: "x", qos: 1, messageId: 1, ...plain });
    client.send({ cmd: "publish", topic: scene.topic, payload: "x", qos: 2, messageId: 2, ...plain });
    client.send({ cmd: "pubrel", messageId: 2 }, { cmd: "pubrel", messageId: 999 });
    client.send({ cmd: "subscribe", messageId: 3, subscriptions: [{ topic: scene.topic, qos: 0 }] });
    client.send({ cmd: "unsubscribe", messageId: 4, unsubscriptions: ["nothing/here"] });
    for (const answer of await client.untilPong()) scene.t.true(answer.bytes.length <= most, answer.cmd);
    client.sendBytes(bytes(0x82, 1, 0));
    for (const answer of await client.closed()) scene.t.true(answer.bytes.length <= most, answer.cmd);
  },
);

check.v5(
  "Maximum Packet Size of the broker: a larger packet gets DISCONNECT 0x95 as soon as its length is known. v5 [MQTT-3.2.2-15] [MQTT-4.13.1-1]",
  async (scene) => {
    const client = await scene.connect();
    const most = client.connack?.properties?.maximumPacketSize;
    scene.t.truthy(most, "the broker has no bound");
    client.sendBytes(bytes(0x30, variable(most! + 1), text(scene.topic)));
    await scene.refused(client, 0x95);
  },
);

check.both(
  "Order: messages of one publisher arrive in its order, at each QoS, whatever is acknowledged when. v3.1.1 [MQTT-4.6.0-5] [MQTT-4.6.0-6] v5 [MQTT-4.6.0-5] [MQTT-4.6.0-6]",
  async (scene) => {
    const pub = await scene.connect();
    for (const qos of [0, 1, 2] as const) {
      const sub = await scene.connect(scene.version === 5 ? { properties: { receiveMaximum: 10 } } : {});
      await scene.subscribe(sub, `${scene.topic}/${qos}`, 2);
      const count = 60;
      const sending = (async () => {
        for (let at = 0; at < count; at++) await scene.publish(pub, `${scene.topic}/${qos}`, `${at}`, { qos, messageId: at + 1 });
      })();
      for (let at = 0; at < count; at++) await scene.take(sub, `${at}`);
      await sending;
    }
  },
);

check.both(
  "Order: a subscriber that acknowledges late and backwards gets the rest in order. v3.1.1 [MQTT-4.6.0-6] v5 [MQTT-4.6.0-5]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(scene.version === 5 ? { properties: { receiveMaximum: 5 } } : {}), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    for (let at = 0; at < 30; at++) await scene.publish(pub, scene.topic, `${at}`);
    let next = 0;
    const open: number[] = [];
    while (next < 30) {
      const message = await scene.message(sub, `${next++}`);
      open.push(message.messageId!);
      if (open.length < 5 && next < 30) continue;
      for (const messageId of open.splice(0).reverse()) sub.send({ cmd: "puback", messageId });
    }
  },
);

check.both(
  "A packet id is used again only when its exchange is over, over 70 000 messages. v3.1.1 [MQTT-2.3.1-4] v5 [MQTT-2.2.1-4]",
  async (scene) => {
    if (process.env.MITSU_TEST_ALL !== "1") {
      scene.t.log("skipped: takes long; MITSU_TEST_ALL=1 runs it");
      scene.t.pass();
      return;
    }
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await scene.publish(pub, scene.topic, "held");
    const { messageId: held } = await scene.message(sub, "held");
    for (let at = 0; at < 70_000; at += 10) {
      for (let one = 1; one <= 10; one++) pub.send({ cmd: "publish", topic: scene.topic, payload: "x", qos: 1, messageId: one, ...plain });
      for (let one = 1; one <= 10; one++) {
        const message = await scene.take(sub, "x");
        if (message.messageId === held) scene.t.fail(`${held} was used again before its PUBACK`);
        await pub.expect("puback");
      }
    }
  },
);

check.both("A slow subscriber does not hold up another. v3.1.1 [MQTT-4.6.0-6] v5 [MQTT-4.6.0-6]", async (scene) => {
  const [slow, quick, pub] = [await scene.connect(), await scene.connect(), await scene.connect()];
  for (const sub of [slow, quick]) await scene.subscribe(sub, scene.topic, 0);
  slow.socket.pause();
  const payload = Buffer.alloc(10_000, 1);
  for (let at = 0; at < 200; at++) {
    pub.send({ cmd: "publish", topic: scene.topic, payload, qos: 0, ...plain });
    scene.t.is((await scene.message(quick)).payload.length, payload.length);
  }
});
