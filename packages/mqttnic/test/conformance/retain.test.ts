/** Retained messages: set, replaced, cleared, expired, and who gets them when. [MQTT 5.0 §3.3.1.3] @module */

import { setTimeout as passes } from "node:timers/promises";
import test from "ava";
import { suite } from "./suite.ts";

const check = suite(test);

check.both(
  "retain: kept for later subscribers, sent with RETAIN, at the lower QoS. v3.1.1 [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-8] v5 [MQTT-3.3.1-5] [MQTT-3.3.1-9]",
  async (scene) => {
    const pub = await scene.connect();
    await scene.publish(pub, `${scene.topic}/a`, "A", { retain: true, qos: 2 });
    await scene.publish(pub, `${scene.topic}/b`, "B", { retain: true, qos: 1 });
    for (const [qos, expected] of [
      [0, [0, 0]],
      [1, [1, 1]],
      [2, [2, 1]],
    ] as const) {
      const late = await scene.connect();
      await scene.subscribe(late, `${scene.topic}/+`, qos);
      const got = [await scene.take(late), await scene.take(late)].toSorted((one, other) => (one.topic < other.topic ? -1 : 1));
      scene.t.deepEqual(
        got.map(({ payload }) => payload.toString()),
        ["A", "B"],
      );
      scene.t.deepEqual(
        got.map((one) => one.qos),
        [...expected],
      );
      scene.t.true(got.every((one) => one.retain && !one.dup));
    }
  },
);

check.both("retain: replaced by the next, whatever its QoS. v3.1.1 [MQTT-3.3.1-7] [MQTT-3.3.1-5] v5 [MQTT-3.3.1-5]", async (scene) => {
  const pub = await scene.connect();
  for (const qos of [2, 1, 0] as const) await scene.publish(pub, scene.topic, `at ${qos}`, { retain: true, qos });
  const late = await scene.connect();
  await scene.subscribe(late, scene.topic, 2);
  scene.t.is((await scene.take(late, "at 0")).qos, 0);
  await scene.nothing(late);
});

check.both(
  "retain: an empty payload clears it, is delivered, and is not kept. v3.1.1 [MQTT-3.3.1-10] [MQTT-3.3.1-11] v5 [MQTT-3.3.1-6] [MQTT-3.3.1-7]",
  async (scene) => {
    const [pub, live] = [await scene.connect(), await scene.connect()];
    await scene.publish(pub, scene.topic, "kept", { retain: true });
    await scene.subscribe(live, scene.topic, 0);
    await scene.message(live, "kept");
    await scene.publish(pub, scene.topic, "", { retain: true });
    scene.t.false((await scene.message(live, "")).retain);
    const late = await scene.connect();
    await scene.subscribe(late, scene.topic, 0);
    await scene.nothing(late);
  },
);

check.both("retain: a message without the flag neither replaces nor clears. v3.1.1 [MQTT-3.3.1-12] v5 [MQTT-3.3.1-8]", async (scene) => {
  const pub = await scene.connect();
  await scene.publish(pub, scene.topic, "kept", { retain: true });
  await scene.publish(pub, scene.topic, "passing");
  await scene.publish(pub, scene.topic, "");
  const late = await scene.connect();
  await scene.subscribe(late, scene.topic, 0);
  await scene.message(late, "kept");
  await scene.nothing(late);
});

check.both("retain: forwarded without the flag to those who subscribed before. v3.1.1 [MQTT-3.3.1-9] v5 [MQTT-3.3.1-12]", async (scene) => {
  const [pub, live] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(live, scene.topic, 1);
  await scene.publish(pub, scene.topic, "live", { retain: true });
  scene.t.false((await scene.take(live, "live")).retain);
});

check.both("retain: not part of a session, and outlives it. v3.1.1 [MQTT-3.1.2-7] v5 [MQTT-3.3.1-5]", async (scene) => {
  const pub = await scene.connect();
  await scene.publish(pub, scene.topic, "stays", { retain: true });
  await pub.disconnect();
  const late = await scene.connect();
  await scene.subscribe(late, scene.topic, 0);
  await scene.message(late, "stays");
});

check.both(
  "retain: sent again when the same filter is subscribed again. v3.1.1 [MQTT-3.8.4-3] v5 [MQTT-3.8.4-4] [MQTT-3.3.1-9]",
  async (scene) => {
    const client = await scene.connect();
    await scene.publish(client, scene.topic, "again", { retain: true });
    for (let time = 0; time < 2; time++) {
      await scene.subscribe(client, scene.topic, 0);
      scene.t.true((await scene.message(client, "again")).retain);
    }
  },
);

check.v5("Retain Handling 1: only when the subscription is new. v5 [MQTT-3.3.1-10]", async (scene) => {
  const client = await scene.connect();
  await scene.publish(client, scene.topic, "new", { retain: true });
  const subscription = { topic: scene.topic, qos: 0, rh: 1 } as const;
  await scene.subscribe(client, [subscription]);
  await scene.message(client, "new");
  await scene.subscribe(client, [{ ...subscription, qos: 1 }]);
  await scene.nothing(client);
  client.send({ cmd: "unsubscribe", messageId: 4, unsubscriptions: [scene.topic] });
  await client.expect("unsuback");
  await scene.subscribe(client, [subscription]);
  await scene.message(client, "new");
});

check.v5("Retain Handling 1: a resumed session's subscription is not new. v5 [MQTT-3.3.1-10]", async (scene) => {
  const clientId = scene.id();
  const client = await scene.durable(clientId);
  await scene.publish(client, scene.topic, "new", { retain: true });
  await scene.subscribe(client, [{ topic: scene.topic, qos: 0, rh: 1 }]);
  await scene.message(client, "new");
  await client.disconnect();
  const again = await scene.durable(clientId);
  await scene.subscribe(again, [{ topic: scene.topic, qos: 0, rh: 1 }]);
  await scene.nothing(again);
});

check.v5("Retain Handling 2: never. v5 [MQTT-3.3.1-11]", async (scene) => {
  const client = await scene.connect();
  await scene.publish(client, scene.topic, "kept", { retain: true });
  await scene.subscribe(client, [{ topic: scene.topic, qos: 1, rh: 2 }]);
  await scene.nothing(client);
  await scene.publish(client, scene.topic, "live");
  await scene.take(client, "live");
});

check.v5("Retain As Published: RETAIN is passed on as it came. v5 [MQTT-3.3.1-13] [MQTT-3.3.1-12]", async (scene) => {
  const [pub, as, not] = [await scene.connect(), await scene.connect(), await scene.connect()];
  await scene.subscribe(as, [{ topic: scene.topic, qos: 0, rap: true }]);
  await scene.subscribe(not, [{ topic: scene.topic, qos: 0, rap: false }]);
  await scene.publish(pub, scene.topic, "one", { retain: true });
  await scene.publish(pub, scene.topic, "two", { retain: false });
  scene.t.true((await scene.message(as, "one")).retain);
  scene.t.false((await scene.message(as, "two")).retain);
  scene.t.false((await scene.message(not, "one")).retain);
  scene.t.false((await scene.message(not, "two")).retain);
});

check.v5("Retain As Published: what was retained has the flag either way. v5 [MQTT-3.3.1-9]", async (scene) => {
  const pub = await scene.connect();
  await scene.publish(pub, scene.topic, "kept", { retain: true });
  for (const rap of [true, false]) {
    const late = await scene.connect();
    await scene.subscribe(late, [{ topic: scene.topic, qos: 0, rap }]);
    scene.t.true((await scene.message(late, "kept")).retain);
  }
});

check.v5("retain: its properties are kept with it. v5 [MQTT-3.3.2-17] [MQTT-3.3.2-20]", async (scene) => {
  const pub = await scene.connect();
  await scene.publish(pub, scene.topic, "{}", {
    retain: true,
    properties: { contentType: "application/json", userProperties: { a: "1" }, messageExpiryInterval: 500 },
  });
  const late = await scene.connect();
  await scene.subscribe(late, scene.topic, 0, 12);
  const { properties } = await scene.message(late, "{}");
  scene.t.is(properties?.contentType, "application/json");
  scene.t.is(properties?.userProperties?.a, "1");
  scene.t.is(properties?.subscriptionIdentifier, 12);
  scene.t.true(properties!.messageExpiryInterval! > 490 && properties!.messageExpiryInterval! <= 500);
});

check.v5(
  "retain: one that has expired is not sent any more; one that has not says what is left. v5 [MQTT-3.3.2-5] [MQTT-3.3.2-6]",
  async (scene) => {
    const pub = await scene.connect();
    await scene.publish(pub, `${scene.topic}/short`, "short", { retain: true, properties: { messageExpiryInterval: 1 } });
    await scene.publish(pub, `${scene.topic}/long`, "long", { retain: true, properties: { messageExpiryInterval: 100 } });
    await passes(2100);
    const late = await scene.connect();
    await scene.subscribe(late, `${scene.topic}/#`, 0);
    const left = (await scene.message(late, "long")).properties!.messageExpiryInterval!;
    scene.t.true(left >= 96 && left <= 98, `${left} s left`);
    await scene.nothing(late);
  },
);

check.both("retain: a thousand of them arrive, each once. v3.1.1 [MQTT-3.3.1-6] v5 [MQTT-3.3.1-9]", async (scene) => {
  const pub = await scene.connect();
  const count = 1000;
  for (let at = 0; at < count; at++)
    pub.send({ cmd: "publish", topic: `${scene.topic}/${at}`, payload: `${at}`, qos: 0, dup: false, retain: true });
  await scene.nothing(pub);
  const late = await scene.connect();
  await scene.subscribe(late, `${scene.topic}/+`, 0);
  const got = new Set<string>();
  for (let at = 0; at < count; at++) got.add((await scene.message(late)).payload.toString());
  scene.t.is(got.size, count);
  await scene.nothing(late);
  // What was kept is given back, so that other tests' brokers stay small.
  for (let at = 0; at < count; at++)
    pub.send({ cmd: "publish", topic: `${scene.topic}/${at}`, payload: "", qos: 0, dup: false, retain: true });
  await scene.nothing(pub);
});
