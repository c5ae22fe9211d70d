/** CONNECT and CONNACK: what is refused, who gets which session, client ids, take-over. [MQTT 5.0 §3.1, §3.2] @module */
import test from "ava";
import { encode } from "./raw-client.ts";
import { codeOf, suite } from "./suite.ts";
import { bytes, connectBytes, packet, properties, text, u16, u32, variable } from "./wire.ts";

const check = suite(test);
/** Codes for what no specification names more closely. */
const malformed = [0x81, 0x82] as const;
/** mosquitto 2.0.11 closes in places where it should say why first. */
const silent = { mosquittoFails5: "closes without DISCONNECT" };
const illFormed = Buffer.from([0x61, 0xff, 0xfe]);

check.both(
  "CONNECT: any other packet that comes first closes the connection. v3.1.1 [MQTT-3.1.0-1] v5 [MQTT-3.1.0-1] [MQTT-3.14.0-1]",
  async (scene) => {
    const v5 = scene.version === 5 ? [0] : [];
    const firsts = [
      packet("pingreq", 0),
      packet("disconnect", 0),
      packet("publish", 0, text("a"), v5, [1]),
      packet("subscribe", 2, u16(1), v5, text("a"), 0),
      packet("connack", 0, 0, 0, v5),
      packet("auth", 0),
    ];
    await Promise.all(
      firsts.map(async (first) => {
        const client = await scene.open();
        client.sendBytes(first);
        await scene.refused(client, ...malformed);
      }),
    );
  },
);

check.both(
  "CONNECT: a second one is a protocol error. v3.1.1 [MQTT-3.1.0-2] v5 [MQTT-3.1.0-2] [MQTT-4.13.1-1] [MQTT-3.2.0-2]",
  silent,
  async (scene) => {
    const client = await scene.connect();
    client.send({ cmd: "connect", protocolId: "MQTT", protocolVersion: scene.version, clientId: scene.id(), clean: true, keepalive: 0 });
    await scene.refused(client, 0x82);
  },
);

check.both("CONNECT: another protocol name closes the connection. v3.1.1 [MQTT-3.1.2-1] v5 [MQTT-3.1.2-1]", async (scene) => {
  for (const protocol of ["MQTTX", "mqtt", "", "MQT", "HTTP"]) {
    const client = await scene.open();
    client.sendBytes(connectBytes({ version: scene.version, protocol, payload: [text(scene.id())] }));
    await scene.refused(client, 0x84, ...malformed);
  }
});

check.v3(
  "CONNECT: a protocol level nobody knows gets CONNACK 0x01 and the close. v3.1.1 [MQTT-3.1.2-2] [MQTT-3.2.2-5] v5 [MQTT-3.1.2-2]",
  async (scene) => {
    for (const version of [2, 6, 100]) {
      const client = await scene.open();
      client.sendBytes(connectBytes({ version, payload: [text(scene.id())] }));
      const answers = (await client.closed()).map(({ bytes }) => bytes.toString("hex"));
      // Above 5 the client may be told in the form of 5.0 or of 3.1.1: neither specification knows what it reads.
      const right = version > 5 ? ["20020001", "2003008400"] : ["20020001"];
      scene.t.true(answers.length === 1 && right.includes(answers[0]!), `level ${version}: ${answers}`);
    }
  },
);

check.both("CONNECT: the reserved flag must be 0. v3.1.1 [MQTT-3.1.2-3] v5 [MQTT-3.1.2-3]", async (scene) => {
  const client = await scene.open();
  client.sendBytes(connectBytes({ version: scene.version, flags: 0x03, payload: [text(scene.id())] }));
  await scene.refused(client, ...malformed);
});

check.both(
  "CONNECT: flags in its fixed header must be 0. v3.1.1 [MQTT-2.2.2-1] [MQTT-2.2.2-2] [MQTT-3.1.4-1] v5 [MQTT-2.1.3-1] [MQTT-3.1.4-1]",
  async (scene) => {
    for (const flag of [1, 2, 4, 8]) {
      const client = await scene.open();
      const whole = connectBytes({ version: scene.version, payload: [text(scene.id())] });
      client.sendBytes(bytes(whole[0]! | flag, whole.subarray(1)));
      await scene.refused(client, ...malformed);
    }
  },
);

check.both(
  "CONNECT: bytes after the last field close the connection without a CONNACK of success. v3.1.1 [MQTT-3.1.4-1] [MQTT-3.2.2-6] v5 [MQTT-3.1.4-1]",
  async (scene) => {
    const client = await scene.open();
    client.sendBytes(connectBytes({ version: scene.version, payload: [text(scene.id()), 0, 0, 0] }));
    await scene.refused(client, ...malformed);
  },
);

check.both(
  "CONNECT: one that ends early at any byte closes the connection. v3.1.1 [MQTT-3.1.4-1] [MQTT-3.1.3-3] v5 [MQTT-3.1.4-1] [MQTT-3.1.3-3]",
  async (scene) => {
    const whole = connectBytes({
      version: scene.version,
      flags: 0xc6,
      payload: [text(scene.id()), scene.version === 5 ? 0 : [], text("will"), text("x"), text("user"), text("word")],
    });
    const content = whole.subarray(2);
    await Promise.all(
      Array.from({ length: content.length }, async (_, length) => {
        const client = await scene.open();
        client.sendBytes(bytes(0x10, variable(length), content.subarray(0, length)));
        await scene.refused(client, 0x84, ...malformed);
      }),
    );
  },
);

check.both(
  "CONNECT with Clean Session or Clean Start discards what there was. v3.1.1 [MQTT-3.1.2-6] [MQTT-3.1.4-3] [MQTT-3.2.2-1] v5 [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2]",
  async (scene) => {
    const clientId = scene.id();
    const other = await scene.connect();
    const first = await scene.durable(clientId);
    await scene.subscribe(first, scene.topic, 1);
    await first.disconnect();
    await scene.publish(other, scene.topic, "while away");
    const clean = await scene.connect({ clientId, clean: true });
    scene.t.false(clean.connack?.sessionPresent);
    await scene.publish(other, scene.topic, "to nobody");
    await scene.nothing(clean);
    await clean.disconnect();
    const again = await scene.durable(clientId);
    scene.t.false(again.connack?.sessionPresent);
    await scene.nothing(again);
  },
);

check.both(
  "CONNECT without it resumes the session, or makes one. v3.1.1 [MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT-3.1.3-2] v5 [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.2.2-3] [MQTT-3.1.2-23] [MQTT-3.1.3-2]",
  async (scene) => {
    const clientId = scene.id();
    const other = await scene.connect();
    const first = await scene.durable(clientId);
    scene.t.false(first.connack?.sessionPresent);
    await scene.subscribe(first, scene.topic, 1);
    await first.vanish();
    const stranger = await scene.durable(scene.id("stranger"));
    scene.t.false(stranger.connack?.sessionPresent);
    const again = await scene.durable(clientId);
    scene.t.true(again.connack?.sessionPresent);
    await scene.publish(other, scene.topic, "still subscribed");
    await scene.take(again, "still subscribed");
    await scene.nothing(stranger);
  },
);

check.both(
  "CONNECT: Will QoS and Will Retain must be 0 without a will. v3.1.1 [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-15] v5 [MQTT-3.1.2-11] [MQTT-3.1.2-13]",
  async (scene) => {
    for (const flags of [0x0a, 0x12, 0x22]) {
      const client = await scene.open();
      client.sendBytes(connectBytes({ version: scene.version, flags, payload: [text(scene.id())] }));
      await scene.refused(client, ...malformed);
    }
  },
);

check.both("CONNECT: a Will QoS of 3 is malformed. v3.1.1 [MQTT-3.1.2-14] v5 [MQTT-3.1.2-12]", async (scene) => {
  const client = await scene.open();
  const will = [text(scene.id()), scene.version === 5 ? 0 : [], text(scene.topic), text("x")] as const;
  client.sendBytes(connectBytes({ version: scene.version, flags: 0x1e, payload: will }));
  await scene.refused(client, ...malformed);
});

check.both(
  "CONNECT: a will's topic and payload must be there when its flag is set. v3.1.1 [MQTT-3.1.2-9] v5 [MQTT-3.1.2-9]",
  async (scene) => {
    for (const payload of [[text(scene.id())], [text(scene.id()), scene.version === 5 ? 0 : [], text(scene.topic)]]) {
      const client = await scene.open();
      client.sendBytes(connectBytes({ version: scene.version, flags: 0x06, payload }));
      await scene.refused(client, ...malformed);
    }
  },
);

check.both(
  "CONNECT: user name and password are there exactly when their flags are set. v3.1.1 [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT-3.1.2-20] [MQTT-3.1.2-21] v5 [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19]",
  async (scene) => {
    const cases = [
      { flags: 0x02, more: [text("user")] },
      { flags: 0x82, more: [] },
      { flags: 0x82, more: [text("user"), text("word")] },
      { flags: 0xc2, more: [text("user")] },
    ];
    for (const { flags, more } of cases) {
      const client = await scene.open();
      client.sendBytes(connectBytes({ version: scene.version, flags, payload: [text(scene.id()), ...more] }));
      await scene.refused(client, ...malformed);
    }
  },
);

check.v3("CONNECT: a password without a user name is malformed in 3.1.1. v3.1.1 [MQTT-3.1.2-22]", async (scene) => {
  const client = await scene.open();
  client.sendBytes(connectBytes({ version: 4, flags: 0x42, payload: [text(scene.id()), text("word")] }));
  await scene.refused(client);
});

check.v5("CONNECT: 5.0 allows a password without a user name (§3.1.2.9).", async (scene) => {
  const client = await scene.open();
  client.sendBytes(connectBytes({ version: 5, flags: 0x42, payload: [text(scene.id()), text("word")] }));
  scene.t.is(codeOf(await client.expect("connack")), 0);
});

check.both(
  "CONNECT: client id, will topic and user name must be well-formed UTF-8 without U+0000. v3.1.1 [MQTT-3.1.3-4] [MQTT-3.1.3-10] [MQTT-3.1.3-11] [MQTT-1.4.0-1] [MQTT-1.4.0-2] v5 [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT-1.5.4-1] [MQTT-1.5.4-2]",
  async (scene) => {
    const none = scene.version === 5 ? 0 : [];
    const surrogate = Buffer.from([0x61, 0xed, 0xa0, 0x80]);
    const overlong = Buffer.from([0x61, 0xc0, 0x80]);
    for (const bad of [illFormed, Buffer.from("a\0b"), surrogate, overlong]) {
      const cases = [
        { flags: 0x02, payload: [text(bad)] },
        { flags: 0x06, payload: [text(scene.id()), none, text(bad), text("x")] },
        { flags: 0x82, payload: [text(scene.id()), text(bad)] },
      ];
      for (const { flags, payload } of cases) {
        const client = await scene.open();
        client.sendBytes(connectBytes({ version: scene.version, flags, payload }));
        await scene.refused(client, 0x85, 0x90, ...malformed);
      }
    }
  },
);

check.both(
  "CONNECT: fields are read in their order, all of them together. v3.1.1 [MQTT-3.1.3-1] [MQTT-3.1.4-4] v5 [MQTT-3.1.3-1] [MQTT-3.1.4-5]",
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic, 1);
    const client = await scene.connect({
      clientId: scene.id("all"),
      username: "user",
      password: Buffer.from("word"),
      will: { topic: scene.topic, payload: "last words", qos: 1, retain: false },
    });
    await client.vanish();
    await scene.take(other, "last words");
  },
);

check.both("CONNECT: client ids of 1 to 23 letters and digits are let in. v3.1.1 [MQTT-3.1.3-5] v5 [MQTT-3.1.3-5]", async (scene) => {
  const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const ids = [...letters.matchAll(/.{1,22}/g)].map(([part]) => `${scene.version}${part}`);
  for (const clientId of [`${scene.version}`, ...ids]) await scene.connect({ clientId });
});

check.v3("CONNECT: an empty client id makes the broker choose one. v3.1.1 [MQTT-3.1.3-6]", async (scene) => {
  const [one, other] = [await scene.connect({ clientId: "" }), await scene.connect({ clientId: "" })];
  await scene.subscribe(one, scene.topic);
  await scene.publish(other, scene.topic, "both live");
  await scene.message(one, "both live");
});

check.v5(
  "CONNECT: an empty client id makes the broker choose one and say it. v5 [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]",
  async (scene) => {
    const nameless = connectBytes({ version: 5, flags: 0, properties: properties(0x11, u32(60)), payload: [text("")] });
    const [one, other] = [await scene.open(), await scene.open()];
    for (const client of [one, other]) client.sendBytes(nameless);
    const [first, second] = [await one.expect("connack"), await other.expect("connack")];
    scene.t.is(codeOf(first), 0);
    const clientId = first.properties?.assignedClientIdentifier;
    scene.t.truthy(clientId);
    scene.t.not(clientId, second.properties?.assignedClientIdentifier);
    await one.disconnect();
    const again = await scene.durable(clientId!);
    scene.t.true(again.connack?.sessionPresent);
    scene.t.is(again.connack?.properties?.assignedClientIdentifier, undefined);
  },
);

check.v3(
  "CONNECT: an empty client id with Clean Session 0 gets CONNACK 0x02 and the close. v3.1.1 [MQTT-3.1.3-8] [MQTT-3.1.3-9] [MQTT-3.2.2-4] [MQTT-3.2.2-5]",
  async (scene) => {
    const client = await scene.open();
    client.sendBytes(connectBytes({ version: 4, flags: 0, payload: [text("")] }));
    scene.t.deepEqual((await client.expect("connack")).bytes, bytes(0x20, 2, 0, 2));
    scene.t.deepEqual(await client.closed(), []);
  },
);

check.both(
  "CONNECT: a client id that is connected already takes the session over; the old connection is told 0x8E. v3.1.1 [MQTT-3.1.4-2] v5 [MQTT-3.1.4-3] [MQTT-3.14.2-2]",
  silent,
  async (scene) => {
    const clientId = scene.id();
    const old = await scene.durable(clientId);
    await scene.subscribe(old, scene.topic, 1);
    const taker = await scene.durable(clientId);
    scene.t.true(taker.connack?.sessionPresent);
    await scene.refused(old, 0x8e);
    await scene.publish(await scene.connect(), scene.topic, "to the new one");
    await scene.take(taker, "to the new one");
  },
);

check.both(
  "CONNECT: take-over ends a clean session and begins another. v3.1.1 [MQTT-3.1.4-2] [MQTT-3.2.2-1] v5 [MQTT-3.1.4-3] [MQTT-3.2.2-2]",
  silent,
  async (scene) => {
    const clientId = scene.id();
    const old = await scene.connect({ clientId });
    await scene.subscribe(old, scene.topic, 1);
    const taker = await scene.connect({ clientId });
    scene.t.false(taker.connack?.sessionPresent);
    await scene.refused(old, 0x8e);
    await scene.publish(await scene.connect(), scene.topic, "to nobody");
    await scene.nothing(taker);
  },
);

check.both(
  "CONNACK comes before anything else, also when all was sent in one segment. v3.1.1 [MQTT-3.2.0-1] v5 [MQTT-3.2.0-1]",
  async (scene) => {
    const client = await scene.open();
    const v = scene.version;
    client.sendBytes(
      connectBytes({ version: v, payload: [text(scene.id())] }),
      encode({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: scene.topic, qos: 1 }] }, v),
      encode({ cmd: "publish", topic: scene.topic, payload: "at once", qos: 1, messageId: 2, dup: false, retain: false }, v),
      encode({ cmd: "pingreq" }, v),
    );
    await client.expect("connack");
    await client.expect("suback");
    const rest = [await client.next(), await client.next(), await client.next()].map((one) => one?.cmd);
    scene.t.deepEqual(rest.toSorted(), ["pingresp", "puback", "publish"]);
  },
);

check.v3("CONNECT that is refused: what follows is not processed. v3.1.1 [MQTT-3.1.4-5]", async (scene) => {
  const other = await scene.connect();
  await scene.subscribe(other, scene.topic);
  const client = await scene.open();
  client.sendBytes(
    connectBytes({ version: 4, flags: 0, payload: [text("")] }),
    encode({ cmd: "publish", topic: scene.topic, payload: "no", qos: 0, dup: false, retain: false }, 4),
  );
  scene.t.is((await client.expect("connack")).returnCode, 2);
  scene.t.deepEqual(await client.closed(), []);
  await scene.nothing(other);
});

check.v5(
  "CONNECT that is refused: CONNACK has the code and no session, and what follows is not processed. v5 [MQTT-3.1.4-6] [MQTT-3.1.4-2] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.2.2-8] [MQTT-4.13.2-1] [MQTT-4.12.0-1]",
  async (scene) => {
    const other = await scene.connect();
    await scene.subscribe(other, scene.topic);
    const clientId = scene.id("known");
    await (await scene.durable(clientId)).disconnect();
    const client = await scene.open();
    client.sendBytes(
      connectBytes({ version: 5, flags: 0, properties: properties(0x15, text("no-such-method")), payload: [text(clientId)] }),
      encode({ cmd: "publish", topic: scene.topic, payload: "no", qos: 0, dup: false, retain: false }, 5),
    );
    const connack = await client.expect("connack");
    scene.t.is(connack.reasonCode, 0x8c);
    scene.t.false(connack.sessionPresent);
    scene.t.deepEqual(await client.closed(), []);
    await scene.nothing(other);
  },
);

check.both("CONNACK: its flags are 0 or Session Present. v3.1.1 [MQTT-2.2.2-1] v5 [MQTT-3.2.2-1]", async (scene) => {
  const clientId = scene.id();
  const first = await scene.durable(clientId);
  const flags = (client: typeof first): number => client.connack!.bytes[2]!;
  scene.t.is(flags(first), 0);
  await first.disconnect();
  const again = await scene.durable(clientId);
  scene.t.is(flags(again), 1);
  scene.t.is(again.connack!.bytes[0], 0x20);
});

check.v5("CONNACK: no Response Information unless it was asked for. v5 [MQTT-3.1.2-28]", async (scene) => {
  const [silent, no] = [await scene.connect(), await scene.connect({ properties: { requestResponseInformation: false } })];
  for (const client of [silent, no]) scene.t.is(client.connack?.properties?.responseInformation, undefined);
});

check.v5(
  "CONNACK: a client id that is well formed is let in though it has 300 characters, or is refused by 0x85. v5 [MQTT-3.1.3-8]",
  async (scene) => {
    const client = await scene.tryConnect({ clientId: `${scene.id()}-${"ä€".repeat(150)}` });
    const code = codeOf(client.connack!);
    scene.t.true(code === 0 || code === 0x85);
    if (code !== 0) scene.t.deepEqual(await client.closed(), []);
  },
);

check.v5("Request Problem Information 0: no Reason String or User Property on acknowledgements. v5 [MQTT-3.1.2-29]", async (scene) => {
  const client = await scene.connect({ properties: { requestProblemInformation: false } });
  client.send({ cmd: "publish", topic: scene.topic, payload: "", qos: 1, messageId: 1, dup: false, retain: false });
  const puback = await client.expect("puback");
  client.send({
    cmd: "subscribe",
    messageId: 2,
    subscriptions: [
      { topic: "a/#/b", qos: 0 },
      { topic: scene.topic, qos: 0 },
    ],
  });
  const suback = await client.next();
  client.send({ cmd: "pubrel", messageId: 999 });
  const pubcomp = await client.next();
  for (const answer of [puback, suback, pubcomp]) {
    if (answer === undefined || answer.cmd === "disconnect") continue;
    const { properties } = answer as { properties?: object };
    scene.t.false("reasonString" in (properties ?? {}) || "userProperties" in (properties ?? {}));
  }
});
