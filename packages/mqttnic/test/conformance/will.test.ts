/** Wills: when they are published, how, and when they are not. [MQTT 5.0 §3.1.2.5, §3.1.3.2] @module */
import test from "ava";
import { suite } from "./suite.ts";
import { bytes, connectBytes, properties, text, u32 } from "./wire.ts";

const check = suite(test);

check.both(
  "will: published when the connection closes without DISCONNECT, at its QoS. v3.1.1 [MQTT-3.1.2-8] v5 [MQTT-3.1.2-7] [MQTT-3.1.2-8]",
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, `${scene.topic}/#`, 2);
    for (const qos of [0, 1, 2] as const) {
      const client = await scene.connect({ will: { topic: `${scene.topic}/${qos}`, payload: "gone", qos, retain: false } });
      await client.vanish();
      const message = await scene.take(other, "gone");
      scene.t.is(message.topic, `${scene.topic}/${qos}`);
      scene.t.is(message.qos, qos);
      scene.t.false(message.retain);
    }
  },
);

check.both(
  "will: not retained when Will Retain is 0, retained when it is 1. v3.1.1 [MQTT-3.1.2-16] [MQTT-3.1.2-17] v5 [MQTT-3.1.2-14] [MQTT-3.1.2-15]",
  async (scene) => {
    const live = await scene.connect();
    await scene.subscribe(live, `${scene.topic}/#`, 1);
    for (const retain of [false, true]) {
      const client = await scene.connect({ will: { topic: `${scene.topic}/${retain}`, payload: "gone", qos: 1, retain } });
      await client.vanish();
      await scene.take(live, "gone");
    }
    const late = await scene.connect();
    await scene.subscribe(late, `${scene.topic}/#`, 1);
    const message = await scene.take(late, "gone");
    scene.t.is(message.topic, `${scene.topic}/true`);
    scene.t.true(message.retain);
    await scene.nothing(late);
  },
);

check.both(
  "will: DISCONNECT discards it, for good. v3.1.1 [MQTT-3.1.2-10] [MQTT-3.14.4-3] v5 [MQTT-3.1.2-10] [MQTT-3.14.4-3]",
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic);
    const clientId = scene.id();
    const client = await scene.durable(clientId, { will: { topic: scene.topic, payload: "no", qos: 0, retain: false } });
    await client.disconnect();
    await (await scene.durable(clientId)).vanish();
    await scene.publish(await scene.connect(), scene.topic, "after");
    await scene.message(other, "after");
    await scene.nothing(other);
  },
);

check.both(
  "will: published once, though the session lives on. v3.1.1 [MQTT-3.1.2-10] [MQTT-3.1.2-12] v5 [MQTT-3.1.2-10]",
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic);
    const clientId = scene.id();
    await (await scene.durable(clientId, { will: { topic: scene.topic, payload: "once", qos: 0, retain: false } })).vanish();
    await scene.message(other, "once");
    await (await scene.durable(clientId)).vanish();
    await scene.publish(await scene.connect(), scene.topic, "after");
    await scene.message(other, "after");
  },
);

check.both(
  "will: published when a protocol error closes the connection. v3.1.1 [MQTT-3.1.2-8] [MQTT-4.8.0-1] v5 [MQTT-3.1.2-8]",
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic);
    const client = await scene.connect({ will: { topic: scene.topic, payload: "my fault", qos: 0, retain: false } });
    client.sendBytes(bytes(0x00, 0x00));
    await client.closed();
    await scene.message(other, "my fault");
  },
);

check.both("will: published at take-over. v3.1.1 [MQTT-3.1.2-8] v5 [MQTT-3.1.2-8]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic);
  const clientId = scene.id();
  const old = await scene.connect({ clientId, will: { topic: scene.topic, payload: "taken over", qos: 0, retain: false } });
  const taker = await scene.connect({ clientId });
  await old.closed();
  await scene.message(other, "taken over");
  await scene.nothing(taker);
});

check.both(
  "will: an empty payload is published too, and clears what was retained. v3.1.1 [MQTT-3.1.2-17] [MQTT-3.3.1-10] v5 [MQTT-3.1.2-15] [MQTT-3.3.1-6]",
  async (scene) => {
    const other = await scene.connect();
    await scene.publish(other, scene.topic, "kept", { retain: true });
    await scene.subscribe(other, scene.topic);
    await scene.message(other, "kept");
    const client = await scene.open();
    const will = [text(scene.id()), scene.version === 5 ? 0 : [], text(scene.topic), text("")] as const;
    client.sendBytes(connectBytes({ version: scene.version, flags: 0x26, payload: will }));
    await client.expect("connack");
    await client.vanish();
    await scene.message(other, "");
    const late = await scene.connect();
    await scene.subscribe(late, scene.topic);
    await scene.nothing(late);
  },
);

check.v5("will: DISCONNECT with 0x04 publishes it. v5 [MQTT-3.1.2-8]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic);
  const client = await scene.connect({ will: { topic: scene.topic, payload: "with 4", qos: 0, retain: false } });
  await client.disconnect({ reasonCode: 0x04 });
  await scene.message(other, "with 4");
});

check.v5("will: its properties are forwarded, User Properties in their order. v5 [MQTT-3.1.3-10]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic);
  const client = await scene.open();
  const pairs = ["b", "a", "b"].map((name, at) => bytes(0x26, text(name), text(String(at))));
  const forwarded = [
    bytes(0x01, 1),
    bytes(0x03, text("text/plain")),
    bytes(0x08, text("re/ply")),
    bytes(0x09, text(Buffer.from([1, 0, 255]))),
  ];
  const will = properties(0x02, u32(100), ...forwarded, ...pairs);
  client.sendBytes(connectBytes({ version: 5, flags: 0x06, payload: [text(scene.id()), will, text(scene.topic), text("words")] }));
  await client.expect("connack");
  await client.vanish();
  const message = await scene.message(other, "words");
  scene.t.is(message.properties?.contentType, "text/plain");
  scene.t.is(message.properties?.responseTopic, "re/ply");
  scene.t.deepEqual(message.properties?.correlationData, Buffer.from([1, 0, 255]));
  scene.t.true(message.properties?.payloadFormatIndicator);
  scene.t.true(message.properties!.messageExpiryInterval! <= 100);
  scene.t.true(message.bytes.includes(Buffer.concat(pairs)), "User Properties out of order");
});

check.v5("will delay: published when it has passed. v5 [MQTT-3.1.2-8]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic);
  const will = { topic: scene.topic, payload: "late", qos: 0, retain: false, properties: { willDelayInterval: 1 } } as const;
  const client = await scene.durable(scene.id(), { will });
  await client.vanish();
  const began = performance.now();
  await scene.nothing(other);
  await scene.message(other, "late");
  scene.t.true(performance.now() - began > 900, "earlier than its delay");
});

check.v5("will delay: not published when the session is resumed before. v5 [MQTT-3.1.3-9] [MQTT-3.1.2-8]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, `${scene.topic}/#`);
  const willOf = (level: string) =>
    ({ topic: `${scene.topic}/${level}`, payload: level, qos: 0, retain: false, properties: { willDelayInterval: 1 } }) as const;
  const clientId = scene.id();
  await (await scene.durable(clientId, { will: willOf("resumed") })).vanish();
  const back = await scene.durable(clientId);
  scene.t.true(back.connack?.sessionPresent);
  // A second client that goes later: when its will is out, the first one's would have been.
  await (await scene.durable(scene.id("second"), { will: willOf("not-resumed") })).vanish();
  scene.t.is((await scene.message(other)).topic, `${scene.topic}/not-resumed`);
  await scene.nothing(other, back);
});

check.v5("will delay: not published when take-over comes before. v5 [MQTT-3.1.3-9]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, `${scene.topic}/#`);
  const willOf = (level: string) =>
    ({ topic: `${scene.topic}/${level}`, payload: level, qos: 0, retain: false, properties: { willDelayInterval: 1 } }) as const;
  const clientId = scene.id();
  await scene.durable(clientId, { will: willOf("taken-over") });
  const taker = await scene.durable(clientId);
  await (await scene.durable(scene.id("second"), { will: willOf("gone") })).vanish();
  scene.t.is((await scene.message(other)).topic, `${scene.topic}/gone`);
  await scene.nothing(other, taker);
});

check.v5("will delay: the session's end comes first, and the will with it. v5 [MQTT-3.1.2-8]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic);
  const will = { topic: scene.topic, payload: "at its end", qos: 0, retain: false, properties: { willDelayInterval: 3600 } } as const;
  const client = await scene.durable(scene.id(), { will }, 1);
  await client.vanish();
  const began = performance.now();
  await scene.message(other, "at its end");
  const waited = performance.now() - began;
  scene.t.true(waited > 900 && waited < 4000, `${waited} ms`);
});

check.v5(
  "will delay: take-over with Clean Start ends the session, and the will is published at once. v5 [MQTT-3.1.2-8]",
  { mosquittoFails: "drops it" },
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic);
    const clientId = scene.id();
    const will = { topic: scene.topic, payload: "cleaned", qos: 0, retain: false, properties: { willDelayInterval: 3600 } } as const;
    await scene.durable(clientId, { will });
    await scene.connect({ clientId, clean: true });
    await scene.message(other, "cleaned");
  },
);

check.v5(
  "will delay: none counts when the session ends with the connection. v5 [MQTT-3.1.2-8]",
  { mosquittoFails: "waits for the delay" },
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic);
    const will = { topic: scene.topic, payload: "at once", qos: 0, retain: false, properties: { willDelayInterval: 3600 } } as const;
    await (await scene.connect({ will })).vanish();
    await scene.message(other, "at once");
  },
);

check.v5("will: its Message Expiry Interval starts when it is published. v5 [MQTT-3.3.2-6]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic);
  const will = {
    topic: scene.topic,
    payload: "fresh",
    qos: 0,
    retain: false,
    properties: { willDelayInterval: 1, messageExpiryInterval: 1 },
  } as const;
  await (await scene.durable(scene.id(), { will })).vanish();
  scene.t.is((await scene.message(other, "fresh")).properties?.messageExpiryInterval, 1);
});
