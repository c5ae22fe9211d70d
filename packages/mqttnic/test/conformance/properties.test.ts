/** What PUBLISH carries besides its payload: expiry, aliases, request and response, User Properties. [MQTT 5.0 §3.3.2.3] @module */

import { setTimeout as passes } from "node:timers/promises";
import test from "ava";
import { suite } from "./suite.ts";
import { bytes, packet, properties, text, u16, u32 } from "./wire.ts";

const check = suite(test);

check.v5(
  "Payload Format, Content Type, Response Topic and Correlation Data are forwarded unaltered. v5 [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-20] [MQTT-3.3.2-13] [MQTT-3.3.2-19]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 2);
    const correlationData = Buffer.from([0, 1, 2, 254, 255, 0]);
    for (const qos of [0, 1, 2] as const) {
      await scene.publish(pub, scene.topic, "zwölf", {
        qos,
        properties: { payloadFormatIndicator: true, contentType: "text/plain; ü", responseTopic: "answers/to/ä", correlationData },
      });
      const { properties } = await scene.take(sub, "zwölf");
      scene.t.true(properties?.payloadFormatIndicator);
      scene.t.is(properties?.contentType, "text/plain; ü");
      scene.t.is(properties?.responseTopic, "answers/to/ä");
      scene.t.deepEqual(properties?.correlationData, correlationData);
    }
  },
);

check.v5("Payload Format Indicator 0 is forwarded as 0, or left out, which means the same. v5 [MQTT-3.3.2-4]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 0);
  await scene.publish(pub, scene.topic, "x", { properties: { payloadFormatIndicator: false } });
  scene.t.not((await scene.message(sub, "x")).properties?.payloadFormatIndicator, true);
});

check.v5(
  "User Properties are forwarded all, in their order, equal names too. v5 [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-1.5.7-1]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    const pairs = bytes(...["z", "a", "z", "", "ä"].flatMap((name, at) => [0x26, text(name), text(`${at}`)]));
    pub.sendBytes(packet("publish", 2, text(scene.topic), u16(7), properties(pairs), Buffer.from("x")));
    await pub.expect("puback");
    const message = await scene.take(sub, "x");
    scene.t.true(message.bytes.includes(pairs), message.bytes.toString("hex"));
  },
);

check.v5("A 3.1.1 subscriber gets the message without properties. v5 [MQTT-3.3.2-17]", async (scene) => {
  const [sub, pub] = [await scene.connect({ protocolVersion: 4 }), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 0);
  await scene.publish(pub, scene.topic, "x", { properties: { contentType: "t", userProperties: { a: "b" } } });
  scene.t.is((await scene.message(sub, "x")).bytes.length, 2 + 2 + scene.topic.length + 1);
});

check.v5("A 3.1.1 publisher's message reaches 5.0 subscribers with a property length of 0. v5 [MQTT-2.2.2-1]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect({ protocolVersion: 4 })];
  await scene.subscribe(sub, scene.topic, 0);
  await scene.publish(pub, scene.topic, "x");
  const message = await scene.message(sub, "x");
  scene.t.is(message.bytes.length, 2 + 2 + scene.topic.length + 1 + 1);
  scene.t.is(message.bytes.at(-2), 0);
});

check.v5("Message Expiry: passed on at once as it came. v5 [MQTT-3.3.2-6]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 0);
  await scene.publish(pub, scene.topic, "x", { properties: { messageExpiryInterval: 1000 } });
  const left = (await scene.message(sub, "x")).properties?.messageExpiryInterval;
  scene.t.true(left === 1000 || left === 999, `${left}`);
});

check.v5(
  "Message Expiry: what waits for a client that is away is dropped when it has passed, and says what is left when not. v5 [MQTT-3.3.2-5] [MQTT-3.3.2-6]",
  async (scene) => {
    const clientId = scene.id();
    const [sub, pub] = [await scene.durable(clientId), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 1);
    await sub.disconnect();
    await scene.publish(pub, scene.topic, "short", { properties: { messageExpiryInterval: 1 } });
    await scene.publish(pub, scene.topic, "long", { properties: { messageExpiryInterval: 100 } });
    await scene.publish(pub, scene.topic, "for ever");
    await passes(2100);
    const again = await scene.durable(clientId);
    const left = (await scene.take(again, "long")).properties!.messageExpiryInterval!;
    scene.t.true(left >= 96 && left <= 98, `${left} s left`);
    scene.t.is((await scene.take(again, "for ever")).properties?.messageExpiryInterval, undefined);
  },
);

check.v5("Message Expiry: a QoS 2 exchange that has begun goes on after it. v5 [MQTT-4.3.3-7] [MQTT-4.3.3-13]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, scene.topic, 2);
  const message = {
    cmd: "publish",
    topic: scene.topic,
    qos: 2,
    dup: false,
    retain: false,
    properties: { messageExpiryInterval: 1 },
  } as const;
  await scene.publish(pub, scene.topic, "begun", message);
  const begun = await scene.message(sub, "begun");
  pub.send({ ...message, payload: "to be released", messageId: 5 });
  await pub.expect("pubrec");
  await passes(1500);
  pub.send({ cmd: "pubrel", messageId: 5 });
  scene.t.is((await pub.expect("pubcomp")).messageId, 5);
  sub.send({ cmd: "pubrec", messageId: begun.messageId! });
  await sub.pick("pubrel", begun.messageId);
  sub.send({ cmd: "pubcomp", messageId: begun.messageId! });
  await scene.nothing(pub);
});

check.v5("Topic Alias: set with a topic, used without, changed, up to the broker's maximum. v5 [MQTT-3.3.2-12]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, `${scene.topic}/#`, 1);
  const most = pub.connack?.properties?.topicAliasMaximum ?? 0;
  scene.t.true(most > 0, "the broker takes no aliases");
  const send = async (topic: string, topicAlias: number, payload: string): Promise<string> => {
    await scene.publish(pub, topic, payload, { properties: { topicAlias } });
    const message = await scene.take(sub, payload);
    scene.t.is(message.properties?.topicAlias, undefined, "an alias was passed on");
    return message.topic.slice(scene.topic.length);
  };
  for (const alias of [1, most]) {
    scene.t.is(await send(`${scene.topic}/a`, alias, "with"), "/a");
    scene.t.is(await send("", alias, "without"), "/a");
    scene.t.is(await send(`${scene.topic}/b`, alias, "changed"), "/b");
    scene.t.is(await send("", alias, "without"), "/b");
  }
});

check.v5(
  "Topic Alias: 0 and one above the maximum get DISCONNECT 0x94. v5 [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.2.2-17]",
  { mosquittoFails: "says 0x81 for 0" },
  async (scene) => {
    for (const alias of ["zero", "above"] as const) {
      const pub = await scene.connect();
      const value = alias === "zero" ? 0 : (pub.connack?.properties?.topicAliasMaximum ?? 0) + 1;
      pub.sendBytes(packet("publish", 0, text(scene.topic), properties(0x23, u16(value))));
      await scene.refused(pub, 0x94);
    }
  },
);

check.v5("Topic Alias: one that was never set, and an empty topic without one, are protocol errors. v5 [MQTT-4.7.3-1]", async (scene) => {
  const [unknown, none] = [await scene.connect(), await scene.connect()];
  unknown.sendBytes(packet("publish", 0, text(""), properties(0x23, u16(3))));
  await scene.refused(unknown, 0x82, 0x94);
  none.sendBytes(packet("publish", 0, text(""), properties()));
  await scene.refused(none, 0x82, 0x81, 0x90);
});

check.v5("Topic Alias: not carried over to another connection. v5 [MQTT-3.3.2-7]", async (scene) => {
  const clientId = scene.id();
  const pub = await scene.durable(clientId);
  await scene.publish(pub, scene.topic, "x", { properties: { topicAlias: 2 } });
  await pub.disconnect();
  const again = await scene.durable(clientId);
  scene.t.true(again.connack?.sessionPresent);
  again.sendBytes(packet("publish", 0, text(""), properties(0x23, u16(2))));
  await scene.refused(again, 0x82, 0x94);
});

check.v5("Topic Alias: towards a client that allows none, none is used. v5 [MQTT-3.1.2-27]", async (scene) => {
  const [sub, zero, pub] = [await scene.connect(), await scene.connect({ properties: { topicAliasMaximum: 0 } }), await scene.connect()];
  for (const client of [sub, zero]) await scene.subscribe(client, scene.topic, 0);
  for (let time = 0; time < 3; time++) await scene.publish(pub, scene.topic, `${time}`);
  for (const client of [sub, zero]) {
    for (let time = 0; time < 3; time++) {
      const message = await scene.message(client, `${time}`);
      scene.t.is(message.topic, scene.topic);
      scene.t.is(message.properties?.topicAlias, undefined);
    }
  }
});

check.v5(
  "Topic Alias: towards a client that allows some, at most as many, each set before it is used. v5 [MQTT-3.1.2-26] [MQTT-3.3.2-11]",
  async (scene) => {
    const [sub, pub] = [await scene.connect({ properties: { topicAliasMaximum: 2 } }), await scene.connect()];
    await scene.subscribe(sub, `${scene.topic}/#`, 1);
    const known = new Map<number, string>();
    const sent = ["a", "b", "c", "a", "b", "c", "a", "a"].map((level) => `${scene.topic}/${level}`);
    for (const [at, topic] of sent.entries()) await scene.publish(pub, topic, `${at}`);
    for (const [at, topic] of sent.entries()) {
      const message = await scene.take(sub, `${at}`);
      const alias = message.properties?.topicAlias;
      if (alias !== undefined) {
        scene.t.true(alias >= 1 && alias <= 2, `alias ${alias}`);
        if (message.topic !== "") known.set(alias, message.topic);
      }
      scene.t.is(message.topic === "" ? known.get(alias!) : message.topic, topic);
    }
  },
);

check.v5(
  "Topic Alias: towards a client that allows them, they are used. v5 [MQTT-3.1.2-26]",
  { mosquittoFails: "has none of its own" },
  async (scene) => {
    const [sub, pub] = [await scene.connect({ properties: { topicAliasMaximum: 5 } }), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 0);
    for (let time = 0; time < 3; time++) await scene.publish(pub, scene.topic, `${time}`);
    const first = await scene.message(sub, "0");
    scene.t.is(first.topic, scene.topic);
    const rest = [await scene.message(sub, "1"), await scene.message(sub, "2")];
    scene.t.true(rest.some(({ topic, properties }) => topic === "" && properties?.topicAlias === first.properties?.topicAlias));
  },
);

check.v5(
  "Properties of PUBLISH that are wrong close the connection. v5 [MQTT-3.3.4-6] [MQTT-3.3.2-14] [MQTT-4.13.1-1]",
  { mosquittoFails: "lets some pass, closes without DISCONNECT for others" },
  async (scene) => {
    const cases: Record<string, Buffer> = {
      "Subscription Identifier of a client": properties(0x0b, 1),
      "Response Topic with a wildcard": properties(0x08, text("a/+")),
      "Response Topic with #": properties(0x08, text("#")),
      "Payload Format Indicator 2": properties(0x01, 2),
      "Payload Format Indicator twice": properties(0x01, 1, 0x01, 1),
      "Message Expiry twice": properties(0x02, u32(1), 0x02, u32(1)),
      "Content Type twice": properties(0x03, text("a"), 0x03, text("a")),
      "Response Topic twice": properties(0x08, text("a"), 0x08, text("a")),
      "Correlation Data twice": properties(0x09, text("a"), 0x09, text("a")),
      "Topic Alias twice": properties(0x23, u16(1), 0x23, u16(1)),
      "Session Expiry in PUBLISH": properties(0x11, u32(1)),
      "Reason String in PUBLISH": properties(0x1f, text("a")),
      "an identifier nobody knows": properties(0x7e, 1),
      "an identifier of two bytes": properties(0x81, 0x01, 1),
      "a property that ends early": properties(0x02, 0, 0),
      "Content Type ill-formed": properties(0x03, text(Buffer.from([0xff]))),
      "User Property ill-formed": properties(0x26, text("a"), text(Buffer.from([0xc0, 0x80]))),
      "User Property with U+0000": properties(0x26, text("a\0"), text("b")),
      "a length beyond the packet": bytes(100, 0x01, 1),
    };
    const failed: string[] = [];
    await Promise.all(
      Object.entries(cases).map(async ([name, wrong]) => {
        const client = await scene.connect();
        client.sendBytes(packet("publish", 0, text(scene.topic), wrong));
        const before = await client.closed().catch((error: Error) => error.message);
        const code = Array.isArray(before) && before[0]?.cmd === "disconnect" ? before[0].reasonCode : undefined;
        if (![0x81, 0x82, 0x90].includes(code ?? 0)) failed.push(`${name}: ${code ?? before}`);
      }),
    );
    scene.t.deepEqual(failed, []);
  },
);

check.v5(
  "A payload that is not UTF-8 though its indicator says so is refused with 0x99, or passed on as it is. v5 [MQTT-3.3.2-4]",
  async (scene) => {
    const [sub, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(sub, scene.topic, 0);
    const payload = Buffer.from([0xff, 0xfe]);
    pub.send({
      cmd: "publish",
      topic: scene.topic,
      payload,
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
      properties: { payloadFormatIndicator: true },
    });
    const answer = await pub.next();
    if (answer?.cmd === "puback" && (answer.reasonCode ?? 0) < 0x80) {
      const message = await scene.message(sub);
      scene.t.deepEqual(message.payload, payload);
      scene.t.true(message.properties?.payloadFormatIndicator);
    } else {
      scene.t.is((answer as { reasonCode?: number } | undefined)?.reasonCode, 0x99);
      await scene.nothing(sub);
    }
  },
);
