/** PUBLISH and its acknowledgements: flows of QoS 0, 1 and 2, packet ids, DUP. [MQTT 5.0 §3.3 to §3.7, §4.3] @module */
import test from "ava";
import type { RawClient } from "./raw-client.ts";
import { codeOf, suite } from "./suite.ts";

const check = suite(test);

const plain = { dup: false, retain: false } as const;

check.both(
  "QoS 0: delivered without packet id and DUP, and answered by nothing. v3.1.1 [MQTT-4.3.1-1] [MQTT-2.3.1-5] [MQTT-3.3.1-2] v5 [MQTT-4.3.1-1] [MQTT-2.2.1-2] [MQTT-3.3.1-2]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    await scene.publish(pub, scene.topic, "zero", { qos: 0 });
    const message = await scene.message(sub, "zero");
    scene.t.is(message.bytes[0], 0x30);
    scene.t.is(message.messageId, undefined);
  },
);

check.both(
  "QoS 1: PUBACK has the packet id; the delivery has one of its own, not 0, without DUP. v3.1.1 [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-2.3.1-1] [MQTT-2.3.1-4] [MQTT-2.3.1-6] [MQTT-3.3.4-1] v5 [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.2-4] [MQTT-2.2.1-4] [MQTT-2.2.1-5] [MQTT-3.3.4-1] [MQTT-3.4.2-1]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    for (const messageId of [1, 65_535, 300]) await scene.publish(pub, scene.topic, String(messageId), { messageId });
    const ids = new Set<number>();
    for (const payload of ["1", "65535", "300"]) {
      const message = await scene.message(sub, payload);
      scene.t.is(message.bytes[0], 0x32);
      scene.t.true(message.messageId! > 0);
      ids.add(message.messageId!);
    }
    scene.t.is(ids.size, 3, "a packet id was used twice while unacknowledged");
  },
);

check.both(
  "QoS 1: a packet id may be used again after PUBACK, DUP or not, and is a new message. v3.1.1 [MQTT-4.3.2-2] v5 [MQTT-4.3.2-5]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await scene.publish(pub, scene.topic, "one", { messageId: 5 });
    await scene.publish(pub, scene.topic, "two", { messageId: 5, dup: true });
    await scene.publish(pub, scene.topic, "three", { messageId: 5 });
    for (const payload of ["one", "two", "three"]) await scene.take(sub, payload);
  },
);

check.both("DUP of a publisher is not passed on. v3.1.1 [MQTT-3.3.1-3] v5 [MQTT-3.3.1-3] [MQTT-4.3.3-2]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 2);
  for (const qos of [1, 2] as const) {
    await scene.publish(pub, scene.topic, `dup ${qos}`, { qos, dup: true });
    scene.t.false((await scene.take(sub, `dup ${qos}`)).dup);
  }
});

check.both(
  "QoS 2: PUBREC, PUBREL, PUBCOMP with one packet id, in both directions. v3.1.1 [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-2.3.1-6] v5 [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    pub.send({ cmd: "publish", topic: scene.topic, payload: "two", qos: 2, messageId: 1000, ...plain });
    const pubrec = await pub.expect("pubrec");
    scene.t.is(pubrec.messageId, 1000);
    scene.t.true(codeOf(pubrec) < 0x80);
    pub.send({ cmd: "pubrel", messageId: 1000 });
    const pubcomp = await pub.expect("pubcomp");
    scene.t.is(pubcomp.messageId, 1000);
    scene.t.is(codeOf(pubcomp), 0);
    const message = await scene.message(sub, "two");
    scene.t.is(message.bytes[0], 0x34);
    sub.send({ cmd: "pubrec", messageId: message.messageId! });
    const pubrel = await sub.expect("pubrel");
    scene.t.is(pubrel.messageId, message.messageId);
    scene.t.is(pubrel.bytes[0], 0x62);
    sub.send({ cmd: "pubcomp", messageId: message.messageId! });
    await scene.nothing(sub);
  },
);

check.both(
  "QoS 2: the same packet id before PUBREL is answered by PUBREC and not delivered again. v3.1.1 [MQTT-4.3.3-2] v5 [MQTT-4.3.3-10]",
  { mosquittoFails: "closes with 0x82" },
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    for (const dup of [false, true, true]) {
      pub.send({ cmd: "publish", topic: scene.topic, payload: "once", qos: 2, messageId: 3, dup, retain: false });
      scene.t.is((await pub.expect("pubrec")).messageId, 3);
    }
    pub.send({ cmd: "pubrel", messageId: 3 });
    await pub.expect("pubcomp");
    await scene.take(sub, "once");
    await scene.nothing(sub);
  },
);

check.both("QoS 2: after PUBCOMP the packet id is a new message's. v3.1.1 [MQTT-4.3.3-2] v5 [MQTT-4.3.3-12]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 2);
  for (const payload of ["first", "second"])
    await scene.publish(pub, scene.topic, payload, { qos: 2, messageId: 3, dup: payload === "second" });
  for (const payload of ["first", "second"]) await scene.take(sub, payload);
});

check.both(
  "QoS 2: PUBREL for a packet id nobody knows is answered by PUBCOMP, in 5.0 with 0x92. v3.1.1 [MQTT-4.3.3-2] v5 [MQTT-4.3.3-11] [MQTT-3.7.2-1]",
  { mosquittoFails5: "says 0x00" },
  async (scene) => {
    const pub = await scene.connect();
    pub.send({ cmd: "pubrel", messageId: 4321 });
    const pubcomp = await pub.expect("pubcomp");
    scene.t.is(pubcomp.messageId, 4321);
    if (scene.version === 5) scene.t.is(pubcomp.reasonCode, 0x92);
  },
);

check.both("QoS 2: several at a time, PUBRELs in the order of the PUBRECs. v3.1.1 [MQTT-4.6.0-4] v5 [MQTT-4.6.0-4]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 2);
  const payloads = Array.from({ length: 10 }, (_, at) => `${at}`);
  for (const [at, payload] of payloads.entries()) await scene.publish(pub, scene.topic, payload, { qos: 2, messageId: at + 1 });
  const ids: number[] = [];
  for (const payload of payloads) ids.push((await scene.message(sub, payload)).messageId!);
  for (const messageId of ids) sub.send({ cmd: "pubrec", messageId });
  const released: number[] = [];
  for (const _ of ids) released.push((await sub.expect("pubrel")).messageId!);
  scene.t.deepEqual(released, ids);
});

check.both("PUBACKs and PUBRECs come in the order of the PUBLISHes. v3.1.1 [MQTT-3.3.4-1] v5 [MQTT-3.3.4-1]", async (scene) => {
  const pub = await scene.connect();
  const ids = Array.from({ length: 15 }, (_, at) => at + 10);
  pub.send(
    ...ids.map(
      (messageId) => ({ cmd: "publish", topic: scene.topic, payload: "x", qos: messageId % 2 === 0 ? 1 : 2, messageId, ...plain }) as const,
    ),
  );
  const answers: string[] = [];
  for (const _ of ids) {
    const answer = await pub.next();
    answers.push(`${answer?.cmd} ${answer?.messageId}`);
  }
  const of = (cmd: string): string[] => answers.filter((answer) => answer.startsWith(cmd));
  scene.t.deepEqual(
    of("puback"),
    ids.filter((id) => id % 2 === 0).map((id) => `puback ${id}`),
  );
  scene.t.deepEqual(
    of("pubrec"),
    ids.filter((id) => id % 2 === 1).map((id) => `pubrec ${id}`),
  );
});

check.v5(
  "Reason 0x10 when nobody subscribes, 0x00 when somebody does. v5 [MQTT-3.4.2-1] [MQTT-3.5.2-1]",
  { mosquittoFails: "says 0x00 in PUBREC" },
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    const code = async (qos: 1 | 2, messageId: number): Promise<number> => {
      pub.send({ cmd: "publish", topic: scene.topic, payload: "x", qos, messageId, ...plain });
      const answer = await pub.expect(qos === 1 ? "puback" : "pubrec");
      return codeOf(answer);
    };
    scene.t.is(await code(1, 1), 0x10);
    scene.t.is(await code(2, 2), 0x10);
    await scene.subscribe(sub, scene.topic, 0);
    scene.t.is(await code(1, 3), 0);
    scene.t.is(await code(2, 4), 0);
  },
);

check.v5(
  "Acknowledgements with reason code and properties are read, also those of length 3 and those with a property length of 0. v5 [MQTT-2.2.2-1] [MQTT-4.3.2-3]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    const tails = [[], [0], [0, 0], [0, 5, 0x1f, 0, 2, 0x6f, 0x6b], [0x10]];
    for (const [at, tail] of tails.entries()) {
      await scene.publish(pub, scene.topic, `${at}`);
      const id = (await scene.message(sub, `${at}`)).messageId!;
      sub.sendBytes(Buffer.from([0x40, 2 + tail.length, id >> 8, id & 255, ...tail]));
    }
    await scene.nothing(sub);
  },
);

/** A message that waits for an acknowledgement it never gets is not sent again while the connection lasts. */
const waits = async (sub: RawClient, nothing: () => Promise<void>): Promise<void> => {
  for (let ping = 0; ping < 3; ping++) await nothing();
  sub.send({ cmd: "pingreq" });
  await sub.expect("pingresp");
};

check.both("QoS 1 and 2: what is unacknowledged is not sent again on the same connection. v5 [MQTT-4.4.0-1]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 2);
  await scene.publish(pub, scene.topic, "one", { qos: 1 });
  await scene.publish(pub, scene.topic, "two", { qos: 2 });
  await scene.message(sub, "one");
  await scene.message(sub, "two");
  await waits(sub, () => scene.nothing(sub));
});

check.v5("PUBACK and PUBREC with a code of 0x80 and more end the exchange. v5 [MQTT-4.4.0-2] [MQTT-4.3.3-4]", async (scene) => {
  const clientId = scene.id();
  const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 2);
  await scene.publish(pub, scene.topic, "no 1", { qos: 1 });
  const one = await scene.message(sub, "no 1");
  sub.send({ cmd: "puback", messageId: one.messageId!, reasonCode: 0x83 });
  await scene.publish(pub, scene.topic, "no 2", { qos: 2 });
  const two = await scene.message(sub, "no 2");
  sub.send({ cmd: "pubrec", messageId: two.messageId!, reasonCode: 0x83 });
  await scene.nothing(sub); // no PUBREL
  await sub.vanish();
  const again = await scene.durable(clientId);
  await scene.nothing(again); // and no redelivery
});

check.both("An empty payload is a message like others. v3.1.1 [MQTT-3.3.4-1] v5 [MQTT-3.3.4-1]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 1);
  await scene.publish(pub, scene.topic, "");
  scene.t.is((await scene.take(sub, "")).payload.length, 0);
});

check.both(
  "Topics are passed on as they are: spaces, slashes, letters beyond ASCII, U+FEFF. v3.1.1 [MQTT-4.7.3-4] [MQTT-1.4.0-3] [MQTT-3.3.2-3] [MQTT-3.3.2-1] v5 [MQTT-4.7.3-4] [MQTT-1.5.4-3] [MQTT-3.3.2-3] [MQTT-3.3.2-1]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/#`, 1);
    for (const tail of ["/", "//", "/ a b ", "/äöü/€/😀", "/\ufeffbom", "/A", "/a", "/e\u0301", "/é", "/a/", "/."]) {
      await scene.publish(pub, scene.topic + tail, tail);
      const message = await scene.take(sub, tail);
      scene.t.is(message.topic, scene.topic + tail);
      scene.t.true(message.bytes.includes(Buffer.from(scene.topic + tail)));
    }
  },
);

check.both("Payloads are passed on byte by byte. v3.1.1 [MQTT-4.5.0-1] v5 [MQTT-4.5.0-1]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 1);
  const every = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
  await scene.publish(pub, scene.topic, every);
  scene.t.deepEqual((await scene.take(sub)).payload, every);
});

check.both("A publisher that subscribes gets its own message. v3.1.1 [MQTT-4.5.0-1] v5 [MQTT-4.5.0-1]", async (scene) => {
  const client = await scene.connect();
  await scene.subscribe(client, scene.topic, 0);
  client.send({ cmd: "publish", topic: scene.topic, payload: "mine", qos: 0, ...plain });
  await scene.message(client, "mine");
});

check.v5(
  "PUBACK ends the exchange of its packet id and no other, whichever way the broker chooses ids. v5 [MQTT-4.3.2-3] [MQTT-4.4.0-1]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId, { properties: { receiveMaximum: 3 } }), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await scene.publish(pub, scene.topic, "held");
    const { messageId: held } = await scene.message(sub, "held");
    // Ours takes ids from another range for a client with little room: as many of them as bring both counters equally far from where they began.
    const count = Math.max(held! % 32_768, 10);
    for (let at = 0; at < count; at++) {
      await scene.publish(pub, scene.topic, `${at}`);
      scene.t.not((await scene.take(sub, `${at}`)).messageId, held);
    }
    await scene.nothing(sub);
    await sub.vanish();
    const again = await scene.durable(clientId);
    scene.t.is((await scene.message(again, "held")).messageId, held);
  },
);
