/** SUBSCRIBE and UNSUBSCRIBE: filters, options, codes, overlaps. [MQTT 5.0 §3.8 to §3.11, §4.7] @module */
import test from "ava";
import { describe, type RawClient } from "./raw-client.ts";
import { type Scene, suite } from "./suite.ts";
import { bytes, packet, properties, text, u16 } from "./wire.ts";

const check = suite(test);

/** Filters under a prefix, and which of the topics under it they match. */
const matching: readonly (readonly [string, readonly string[]])[] = [
  ["a/b/c", ["a/b/c"]],
  ["a/+/c", ["a/b/c", "a//c"]],
  ["a/#", ["a", "a/b", "a/b/c", "a//c", "a/"]],
  ["a/+", ["a/b", "a/"]],
  ["+/+", ["a/b", "a/", "/x", "ü/€"]],
  ["+", ["a", "b", "A", "b c"]],
  ["#", ["a", "a/b", "a/b/c", "a//c", "a/", "b", "/x", "A", "b c", "ü/€"]],
  ["/+", ["/x"]],
  ["+/x", ["/x"]],
  ["a//c", ["a//c"]],
  ["+/b/#", ["a/b", "a/b/c"]],
  ["A", ["A"]],
  ["ü/+", ["ü/€"]],
];
const topics = ["a", "a/b", "a/b/c", "a//c", "a/", "b", "/x", "A", "b c", "ü/€"];

check.both(
  "Filters match as §4.7 says, and nothing else. v3.1.1 [MQTT-4.7.3-4] [MQTT-3.3.2-3] [MQTT-4.7.1-2] [MQTT-4.7.1-3] v5 [MQTT-4.7.3-4] [MQTT-3.3.2-3] [MQTT-4.7.1-1] [MQTT-4.7.1-2]",
  async (scene) => {
    const pub = await scene.connect();
    await Promise.all(
      matching.map(async ([filter, expected]) => {
        // `#` under the prefix matches the prefix itself too, which nobody publishes to.
        const sub = await scene.connect();
        await scene.subscribe(sub, `${scene.topic}/${scene.version}/${filter}`, 1);
        return { sub, filter, expected };
      }),
    ).then(async (subs) => {
      for (const topic of topics) await scene.publish(pub, `${scene.topic}/${scene.version}/${topic}`, topic);
      for (const { sub, filter, expected } of subs) {
        const got = (await sub.untilPong()).map((one) => (one.cmd === "publish" ? one.payload.toString() : one.cmd));
        scene.t.deepEqual(got.toSorted(), [...expected].toSorted(), filter);
      }
    });
  },
);

check.both(
  "Filters with a wildcard out of place, or empty, or with U+0000, are refused. v3.1.1 [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1] [MQTT-4.7.3-2] v5 [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]",
  async (scene) => {
    for (const filter of ["a/#/b", "#/a", "a#", "#a", "a/b#", "a+", "+a", "a/+b/c", "a/b+", "##", "++", "", "a\0b"]) {
      const client = await scene.connect();
      client.sendBytes(packet("subscribe", 2, u16(1), scene.version === 5 ? 0 : [], text(filter), 0));
      // Refusing the filter alone is right too: SUBACK 0x8F, or 0x80 in 3.1.1.
      const answer = await client.next();
      if (answer?.cmd === "suback")
        scene.t.true((answer.granted as number[])[0]! >= 0x80, `${JSON.stringify(filter)}: ${describe(answer)}`);
      else scene.t.true(answer === undefined || answer.cmd === "disconnect", filter);
    }
  },
);

check.both("Wildcards at the front do not match `$` topics. v3.1.1 [MQTT-4.7.2-1] v5 [MQTT-4.7.2-1]", async (scene) => {
  const [sub, exact, pub] = [await scene.connect(), await scene.connect(), await scene.connect()];
  const last = scene.id();
  await scene.subscribe(sub, [
    { topic: `+/${last}`, qos: 0 },
    { topic: `+/${last}/#`, qos: 0 },
  ]);
  await scene.subscribe(exact, [{ topic: `$conformance/${last}`, qos: 0 }]);
  await scene.publish(pub, `$conformance/${last}`, "dollar");
  await scene.nothing(sub);
  // Whether clients may publish to `$` topics is the broker's to say; if they may, an exact filter matches.
  const got = await exact.untilPong();
  scene.t.true(got.length <= 1);
});

check.both(
  "SUBACK: the packet id, one code for each filter in their order, QoS as granted. v3.1.1 [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT-2.3.1-7] v5 [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT-2.2.1-6]",
  async (scene) => {
    const client = await scene.connect();
    for (const messageId of [1, 255, 256, 65_535]) {
      client.send({
        cmd: "subscribe",
        messageId,
        subscriptions: [2, 0, 1, 0, 2].map((qos, at) => ({ topic: `${scene.topic}/${at}`, qos: qos as 0 | 1 | 2 })),
      });
      const suback = await client.expect("suback");
      scene.t.is(suback.messageId, messageId);
      scene.t.deepEqual(suback.granted as number[], [2, 0, 1, 0, 2]);
    }
  },
);

check.both("Messages come at the lower of both QoS. v3.1.1 [MQTT-3.8.4-6] v5 [MQTT-3.8.4-8]", async (scene) => {
  const pub = await scene.connect();
  for (const granted of [0, 1, 2] as const) {
    const sub = await scene.connect();
    await scene.subscribe(sub, scene.topic, granted);
    for (const qos of [0, 1, 2] as const) {
      await scene.publish(pub, scene.topic, `${qos}`, { qos });
      scene.t.is((await scene.take(sub, `${qos}`)).qos as number, Math.min(qos, granted));
    }
  }
});

check.both("Subscribing again replaces the subscription: one copy, the new QoS. v3.1.1 [MQTT-3.8.4-3] v5 [MQTT-3.8.4-3]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  for (const qos of [2, 0, 1] as const) {
    await scene.subscribe(sub, scene.topic, qos);
    await scene.publish(pub, scene.topic, `granted ${qos}`, { qos: 2 });
    scene.t.is((await scene.take(sub, `granted ${qos}`)).qos, qos);
    await scene.nothing(sub);
  }
});

check.both("Replacing a subscription loses nothing that is published meanwhile. v3.1.1 [MQTT-3.8.4-3] v5 [MQTT-3.8.4-4]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 1);
  const count = 50;
  for (let at = 0; at < count; at++) {
    pub.send({ cmd: "publish", topic: scene.topic, payload: `${at}`, qos: 0, dup: false, retain: false });
    sub.send({ cmd: "subscribe", messageId: at + 1, subscriptions: [{ topic: scene.topic, qos: (at % 2) as 0 | 1 }] });
  }
  for (let at = 0; at < count; at++) scene.t.is((await sub.pick("publish")).payload.toString(), `${at}`);
  for (let at = 0; at < count; at++) await sub.pick("suback", at + 1);
});

check.both(
  "Overlapping subscriptions: at least one copy at the highest QoS. v3.1.1 [MQTT-3.3.5-1] v5 [MQTT-3.3.4-2]",
  { mosquittoFails3: "takes the QoS of one of them" },
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, [
      { topic: `${scene.topic}/#`, qos: 0 },
      { topic: `${scene.topic}/+`, qos: 2 },
      { topic: `${scene.topic}/x`, qos: 1 },
    ]);
    pub.send({ cmd: "publish", topic: `${scene.topic}/x`, payload: "x", qos: 2, messageId: 1, dup: false, retain: false });
    pub.send({ cmd: "pubrel", messageId: 1 });
    await pub.pick("pubcomp", 1);
    const copies = (await sub.untilPong()).filter((one) => one.cmd === "publish");
    scene.t.is(Math.max(...copies.map(({ qos }) => qos)), 2);
  },
);

check.v5(
  "Overlapping subscriptions: one PUBLISH with all Subscription Identifiers. v5 [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4]",
  { mosquittoFails: "sends a copy for each identifier" },
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/#`, 0, 1);
    await scene.subscribe(sub, `${scene.topic}/+`, 1, 268_435_455);
    await scene.subscribe(sub, `${scene.topic}/x`, 1, 200);
    await scene.subscribe(sub, `${scene.topic}/+/#`, 1);
    await scene.publish(pub, `${scene.topic}/x`, "x");
    const message = await scene.take(sub, "x");
    const identifiers = [message.properties?.subscriptionIdentifier ?? []].flat();
    scene.t.deepEqual(
      identifiers.toSorted((one, other) => one - other),
      [1, 200, 268_435_455],
    );
    scene.t.is(message.qos, 1);
    await scene.nothing(sub);
  },
);

check.v5(
  "Subscription Identifier: sent with each message, changed and removed by subscribing again. v5 [MQTT-3.3.4-3] [MQTT-3.8.4-3]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    for (const identifier of [127, 128, 16_384, 0]) {
      await scene.subscribe(sub, scene.topic, 0, identifier);
      await scene.publish(pub, scene.topic, `${identifier}`);
      const { properties } = await scene.message(sub, `${identifier}`);
      scene.t.is(properties?.subscriptionIdentifier ?? 0, identifier);
    }
  },
);

check.v5(
  "Subscription Identifier: two subscriptions may have the same, and another client's are not seen. v5 [MQTT-3.3.4-4]",
  async (scene) => {
    const [sub, other, pub] = [await scene.connect(), await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 0, 7);
    await scene.subscribe(other, scene.topic, 0, 8);
    await scene.publish(pub, scene.topic, "x");
    scene.t.is((await scene.message(sub, "x")).properties?.subscriptionIdentifier, 7);
    scene.t.is((await scene.message(other, "x")).properties?.subscriptionIdentifier, 8);
  },
);

check.v5("No Local: not to the client that published, to others yes. v5 [MQTT-3.8.3-3]", async (scene) => {
  const [self, other] = [await scene.connect(), await scene.connect()];
  for (const client of [self, other]) await scene.subscribe(client, [{ topic: scene.topic, qos: 1, nl: true }]);
  await scene.publish(self, scene.topic, "mine");
  await scene.take(other, "mine");
  await scene.nothing(self);
  await scene.publish(other, scene.topic, "theirs");
  await scene.take(self, "theirs");
  await scene.nothing(other);
});

check.v5("No Local beside an overlapping subscription without it: delivered by that one. v5 [MQTT-3.8.3-3]", async (scene) => {
  const self = await scene.connect();
  await scene.subscribe(self, [{ topic: `${scene.topic}/#`, qos: 0, nl: true }]);
  await scene.subscribe(self, `${scene.topic}/x`, 0);
  await scene.publish(self, `${scene.topic}/x`, "mine");
  await scene.message(self, "mine");
  await scene.nothing(self);
});

check.both(
  "SUBSCRIBE: wrong flags, no filter, packet id 0, reserved option bits, QoS 3 and ill-formed filters are malformed. v3.1.1 [MQTT-3.8.1-1] [MQTT-3.8.3-1] [MQTT-3.8.3-3] [MQTT-3.8.3-4] [MQTT-2.3.1-1] [MQTT-4.8.0-1] v5 [MQTT-3.8.1-1] [MQTT-3.8.3-1] [MQTT-3.8.3-2] [MQTT-3.8.3-5] [MQTT-2.2.1-3] [MQTT-4.13.1-1]",
  async (scene) => {
    const none = scene.version === 5 ? 0 : [];
    const filter = text(scene.topic);
    await wrong(scene, {
      "flags 0": packet("subscribe", 0, u16(1), none, filter, 0),
      "flags 3": packet("subscribe", 3, u16(1), none, filter, 0),
      "flags 10": packet("subscribe", 10, u16(1), none, filter, 0),
      "no filter": packet("subscribe", 2, u16(1), none),
      "packet id 0": packet("subscribe", 2, u16(0), none, filter, 0),
      "QoS 3": packet("subscribe", 2, u16(1), none, filter, 3),
      "reserved bit 6": packet("subscribe", 2, u16(1), none, filter, 0x40),
      "reserved bit 7": packet("subscribe", 2, u16(1), none, filter, 0x80),
      "bits that only 5.0 knows": packet("subscribe", 2, u16(1), none, filter, scene.version === 5 ? 0x30 : 0x04),
      "no options": packet("subscribe", 2, u16(1), none, filter),
      "second filter without options": packet("subscribe", 2, u16(1), none, filter, 0, filter),
      "ill-formed filter": packet("subscribe", 2, u16(1), none, text(Buffer.from([0x61, 0xff])), 0),
      "filter longer than the packet": packet("subscribe", 2, u16(1), none, u16(100), 0x61),
      "one byte": packet("subscribe", 2, 0),
    });
  },
);

check.v5(
  "SUBSCRIBE: properties that are wrong. v5 [MQTT-4.13.1-1]",
  { mosquittoFails: "closes without DISCONNECT for some" },
  async (scene) => {
    const filter = text(scene.topic);
    await wrong(scene, {
      "identifier 0": packet("subscribe", 2, u16(1), properties(0x0b, 0), filter, 0),
      "identifier twice": packet("subscribe", 2, u16(1), properties(0x0b, 1, 0x0b, 2), filter, 0),
      "identifier of five bytes": packet("subscribe", 2, u16(1), properties(0x0b, [0xff, 0xff, 0xff, 0xff, 1]), filter, 0),
      "a property of PUBLISH": packet("subscribe", 2, u16(1), properties(0x01, 1), filter, 0),
    });
  },
);

check.both(
  "UNSUBSCRIBE: UNSUBACK has the packet id, whether there was a subscription or not; no more messages. v3.1.1 [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-2.3.1-7] v5 [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.11.3-2] [MQTT-2.2.1-6]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    for (const [messageId, code] of [
      [1, 0],
      [65_535, 0x11],
    ] as const) {
      sub.send({ cmd: "unsubscribe", messageId, unsubscriptions: [scene.topic] });
      const unsuback = await sub.expect("unsuback");
      scene.t.is(unsuback.messageId, messageId);
      if (scene.version === 5) scene.t.deepEqual(unsuback.granted, [code]);
    }
    await scene.publish(pub, scene.topic, "to nobody");
    await scene.nothing(sub);
  },
);

check.both(
  "UNSUBSCRIBE: several filters at once, one UNSUBACK, codes in their order. v3.1.1 [MQTT-3.10.4-6] v5 [MQTT-3.10.4-6] [MQTT-3.11.3-1]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    const at = (level: string): string => `${scene.topic}/${level}`;
    await scene.subscribe(
      sub,
      ["a", "b", "c"].map((level) => ({ topic: at(level), qos: 0 })),
    );
    sub.send({ cmd: "unsubscribe", messageId: 5, unsubscriptions: [at("x"), at("a"), at("y"), at("c")] });
    const unsuback = await sub.expect("unsuback");
    if (scene.version === 5) scene.t.deepEqual(unsuback.granted, [0x11, 0, 0x11, 0]);
    for (const level of ["a", "b", "c"]) await scene.publish(pub, at(level), level);
    await scene.message(sub, "b");
    await scene.nothing(sub);
  },
);

check.both("UNSUBSCRIBE: filters are compared by character, wildcards too. v3.1.1 [MQTT-3.10.4-1] v5 [MQTT-3.10.4-1]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, `${scene.topic}/+`, 0);
  for (const filter of ["#", "a", "+/", "+/#"]) {
    sub.send({ cmd: "unsubscribe", messageId: 5, unsubscriptions: [`${scene.topic}/${filter}`] });
    await sub.expect("unsuback");
  }
  await scene.publish(pub, `${scene.topic}/a`, "still");
  await scene.message(sub, "still");
});

check.both(
  "UNSUBSCRIBE: what is on its way at QoS 1 and 2 is brought to its end. v3.1.1 [MQTT-3.10.4-3] v5 [MQTT-3.10.4-3]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    await scene.publish(pub, scene.topic, "two", { qos: 2 });
    const message = await scene.message(sub, "two");
    sub.send({ cmd: "unsubscribe", messageId: 5, unsubscriptions: [scene.topic] });
    await sub.expect("unsuback");
    sub.send({ cmd: "pubrec", messageId: message.messageId! });
    scene.t.is((await sub.expect("pubrel")).messageId, message.messageId);
    sub.send({ cmd: "pubcomp", messageId: message.messageId! });
    await scene.nothing(sub);
  },
);

check.both(
  "UNSUBSCRIBE: wrong flags, no filter, packet id 0 and ill-formed filters are malformed. v3.1.1 [MQTT-3.10.1-1] [MQTT-3.10.3-1] [MQTT-3.10.3-2] [MQTT-2.3.1-1] v5 [MQTT-3.10.1-1] [MQTT-3.10.3-1] [MQTT-3.10.3-2] [MQTT-2.2.1-3]",
  async (scene) => {
    const none = scene.version === 5 ? 0 : [];
    await wrong(scene, {
      "flags 0": packet("unsubscribe", 0, u16(1), none, text("a")),
      "flags 6": packet("unsubscribe", 6, u16(1), none, text("a")),
      "no filter": packet("unsubscribe", 2, u16(1), none),
      "packet id 0": packet("unsubscribe", 2, u16(0), none, text("a")),
      "ill-formed filter": packet("unsubscribe", 2, u16(1), none, text(Buffer.from([0x61, 0xff]))),
      "filter longer than the packet": packet("unsubscribe", 2, u16(1), none, u16(100), 0x61),
      "one byte": packet("unsubscribe", 2, 0),
    });
  },
);

check.both(
  "A subscription of a thousand filters in one packet is answered by a thousand codes. v3.1.1 [MQTT-3.8.4-5] v5 [MQTT-3.8.4-6]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    const filters = Array.from({ length: 1000 }, (_, at) => `${scene.topic}/${at}`);
    const codes = await scene.subscribe(
      sub,
      filters.map((topic) => ({ topic, qos: 1 })),
    );
    scene.t.deepEqual(codes, Array(1000).fill(1));
    await scene.publish(pub, filters[999]!, "last");
    await scene.take(sub, "last");
    sub.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: filters });
    await sub.expect("unsuback");
  },
);

/** Each of them, sent by a client that is connected, closes its connection, to 5.0 with 0x81, 0x82 or 0x8F. */
async function wrong(scene: Scene, packets: Readonly<Record<string, Buffer>>): Promise<void> {
  const failed: string[] = [];
  await Promise.all(
    Object.entries(packets).map(async ([name, content]) => {
      const client: RawClient = await scene.connect();
      client.sendBytes(bytes(content));
      const before = await client.closed().catch((error: Error) => [error.message]);
      const said = before
        .map((one) => (typeof one === "string" ? one : one.cmd === "disconnect" ? String(one.reasonCode) : describe(one)))
        .join();
      const right = scene.version === 5 ? ["129", "130", "143"] : [""];
      if (!right.includes(said)) failed.push(`${name}: ${said}`);
    }),
  );
  scene.t.deepEqual(failed, []);
}
