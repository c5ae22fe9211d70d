/** The stream of bytes: pipelined, cut anywhere, long. [MQTT 5.0 §4.2] @module */
import test from "ava";
import { encode } from "./raw-client.ts";
import { suite } from "./suite.ts";
import { bytes, connectBytes, packet, text, u16, variable } from "./wire.ts";

const check = suite(test);
const plain = { dup: false, retain: false } as const;

check.both("Stream: packets may be cut at any byte. v3.1.1 [MQTT-7.1.1-1] v5 [MQTT-4.2.0-1]", async (scene) => {
  const v = scene.version;
  const client = await scene.open();
  const all = Buffer.concat([
    connectBytes({ version: v, payload: [text(scene.id())] }),
    encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: scene.topic, qos: 2 }] }, v),
    ...[0, 1, 2].map((qos) =>
      encode({ cmd: "publish", topic: scene.topic, payload: `at ${qos}`, qos: qos as 0 | 1 | 2, messageId: 7 + qos, ...plain }, v),
    ),
    encode({ cmd: "pubrel", messageId: 9 }, v),
    encode({ cmd: "pingreq" }, v),
  ]);
  for (const byte of all) {
    // Each write is a segment of its own: Nagle is off, and the next waits until this one is with the kernel.
    await new Promise<void>((written) => client.socket.write(bytes(byte), () => written()));
  }
  await client.expect("connack");
  await client.expect("suback");
  for (const qos of [0, 1, 2]) scene.t.is((await client.pick("publish")).payload.toString(), `at ${qos}`);
  await client.pick("puback", 8);
  await client.pick("pubrec", 9);
  await client.pick("pubcomp", 9);
  await client.pick("pingresp");
});

check.both("Stream: every cut of two packets in two segments. v3.1.1 [MQTT-7.1.1-1] v5 [MQTT-4.2.0-1]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 0);
  const pair = Buffer.concat(
    [0, 1].map((at) => encode({ cmd: "publish", topic: scene.topic, payload: `${at}`.repeat(130), qos: 0, ...plain }, scene.version)),
  );
  for (let cut = 1; cut < pair.length; cut += 7) {
    await new Promise<void>((written) => pub.socket.write(pair.subarray(0, cut), () => written()));
    await new Promise<void>((next) => setImmediate(next));
    pub.sendBytes(pair.subarray(cut));
    await scene.message(sub, "0".repeat(130));
    await scene.message(sub, "1".repeat(130));
  }
});

check.both(
  "Stream: a thousand packets in one segment are all answered. v3.1.1 [MQTT-7.1.1-1] [MQTT-4.6.0-6] v5 [MQTT-4.2.0-1] [MQTT-4.6.0-5]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 0);
    pub.sendBytes(
      Buffer.concat(
        Array.from({ length: 1000 }, (_, at) =>
          encode({ cmd: "publish", topic: scene.topic, payload: `${at}`, qos: 1, messageId: at + 1, ...plain }, scene.version),
        ),
      ),
    );
    for (let at = 0; at < 1000; at++) scene.t.is((await pub.expect("puback")).messageId, at + 1);
    for (let at = 0; at < 1000; at++) await scene.message(sub, `${at}`);
  },
);

check.both(
  "Stream: a message of 1 MB arrives whole, at each QoS, beside small ones. v3.1.1 [MQTT-4.5.0-1] v5 [MQTT-4.5.0-1]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/#`, 2);
    const large = Buffer.alloc(1_000_000);
    for (let at = 0; at < large.length; at++) large[at] = (at * 31) >> 3;
    for (const qos of [0, 1, 2] as const) {
      await scene.publish(pub, `${scene.topic}/large`, large, { qos });
      await scene.publish(pub, `${scene.topic}/small`, "small", { qos });
      scene.t.true(large.equals((await scene.take(sub)).payload as Buffer));
      await scene.take(sub, "small");
    }
  },
);

check.both("Stream: a topic of 65 535 bytes, of many levels. v3.1.1 [MQTT-4.7.3-3] v5 [MQTT-4.7.3-3]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  const topic = `${scene.topic}/${"x".repeat(65_535 - scene.topic.length - 1)}`;
  scene.t.is((await scene.subscribe(sub, topic, 0))[0], 0);
  await scene.publish(pub, topic, "long", { qos: 0 });
  scene.t.is((await scene.message(sub, "long")).topic, topic);
  const deep = `${scene.topic}${"/l".repeat(150)}`;
  await scene.subscribe(sub, `${deep}/#`, 0);
  await scene.publish(pub, `${deep}/m`, "deep", { qos: 0 });
  await scene.message(sub, "deep");
});

check.both(
  "Stream: payload lengths around every change of the Remaining Length. v3.1.1 [MQTT-4.5.0-1] v5 [MQTT-4.5.0-1] [MQTT-1.5.5-1]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 0);
    const head = 2 + scene.topic.length + (scene.version === 5 ? 1 : 0);
    for (const edge of [128, 16_384]) {
      for (const length of [edge - 1, edge, edge + 1]) {
        const payload = Buffer.alloc(length - head, "p");
        pub.sendBytes(packet("publish", 0, text(scene.topic), scene.version === 5 ? 0 : [], payload));
        const message = await scene.message(sub);
        scene.t.is(message.payload.length, payload.length);
        scene.t.deepEqual(message.bytes.subarray(1, 1 + variable(length).length), variable(length));
      }
    }
  },
);

check.both("Stream: ten thousand topics, each to the one that subscribes to it. v3.1.1 [MQTT-3.3.2-3] v5 [MQTT-3.3.2-3]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  const count = 10_000;
  await scene.subscribe(
    sub,
    Array.from({ length: count / 10 }, (_, at) => ({ topic: `${scene.topic}/${at * 10}`, qos: 0 })),
  );
  for (let from = 0; from < count; from += 1000) {
    pub.sendBytes(
      Buffer.concat(
        Array.from({ length: 1000 }, (_, at) =>
          packet("publish", 0, text(`${scene.topic}/${from + at}`), scene.version === 5 ? 0 : [], u16(1)),
        ),
      ),
    );
    for (let at = 0; at < 100; at++) scene.t.is((await scene.message(sub)).topic, `${scene.topic}/${from + at * 10}`);
  }
  await scene.nothing(sub);
});

check.both(
  "Stream: a client that ends in the middle of a packet has its will published. v3.1.1 [MQTT-3.1.2-8] v5 [MQTT-3.1.2-8]",
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic, 0);
    const client = await scene.connect({ will: { topic: scene.topic, payload: "cut off", qos: 0, retain: false } });
    client.sendBytes(packet("publish", 0, text(scene.topic), scene.version === 5 ? 0 : [], Buffer.alloc(100)).subarray(0, 50));
    await client.vanish();
    await scene.message(other, "cut off");
  },
);

check.both(
  "Stream: what a client sent before it reset the connection at once is not lost when it was acknowledged. v3.1.1 [MQTT-4.3.2-2] v5 [MQTT-4.3.2-4]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await scene.publish(pub, scene.topic, "acknowledged");
    pub.socket.resetAndDestroy();
    await scene.take(sub, "acknowledged");
  },
);
