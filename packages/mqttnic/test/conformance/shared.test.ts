/** Shared subscriptions. [MQTT 5.0 §4.8.2] @module */
import test from "ava";
import type { RawClient } from "./raw-client.ts";
import { suite } from "./suite.ts";
import { packet, text, u16 } from "./wire.ts";

const check = suite(test);

/** How many messages each client has got. */
async function counts(clients: readonly RawClient[]): Promise<number[]> {
  return await Promise.all(clients.map(async (client) => (await client.untilPong()).filter(({ cmd }) => cmd === "publish").length));
}

check.v5("shared: each message goes to one member, and every member gets its share. v5 [MQTT-4.8.2-1]", async (scene) => {
  const members = await Promise.all(Array.from({ length: 3 }, () => scene.connect()));
  for (const member of members) await scene.subscribe(member, `$share/group/${scene.topic}/+`, 0);
  const pub = await scene.connect();
  for (let at = 0; at < 30; at++) await scene.publish(pub, `${scene.topic}/${at % 4}`, `${at}`, { qos: 0 });
  const got = await counts(members);
  scene.t.is(
    got.reduce((sum, one) => sum + one),
    30,
  );
  scene.t.true(
    got.every((one) => one > 0),
    `${got}`,
  );
});

check.v5("shared: groups are apart from each other and from subscriptions of one's own. v5 [MQTT-4.8.2-1]", async (scene) => {
  const [one, other, alone, pub] = [await scene.connect(), await scene.connect(), await scene.connect(), await scene.connect()];
  await scene.subscribe(one, `$share/one/${scene.topic}`, 0);
  await scene.subscribe(other, `$share/other/${scene.topic}`, 0);
  await scene.subscribe(alone, scene.topic, 0);
  await scene.publish(pub, scene.topic, "to all three");
  for (const client of [one, other, alone]) {
    await scene.message(client, "to all three");
    await scene.nothing(client);
  }
});

check.v5("shared: a client with both gets both. v5 [MQTT-4.8.2-3]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(sub, `$share/group/${scene.topic}`, 0);
  await scene.subscribe(sub, scene.topic, 0);
  await scene.publish(pub, scene.topic, "x");
  const got = (await counts([sub]))[0]!;
  scene.t.true(got === 1 || got === 2, `${got}`); // §4.8.2 leaves copies of overlapping subscriptions to the broker
});

check.v5("shared: the granted QoS counts. v5 [MQTT-4.8.2-3]", async (scene) => {
  const pub = await scene.connect();
  for (const qos of [0, 1, 2] as const) {
    const member = await scene.connect();
    await scene.subscribe(member, `$share/group${qos}/${scene.topic}`, qos);
    await scene.publish(pub, scene.topic, `${qos}`, { qos: 2 });
    scene.t.is((await scene.take(member, `${qos}`)).qos, qos);
    await member.disconnect();
  }
});

check.v5("shared: Subscription Identifiers come with its messages. v5 [MQTT-3.3.4-3]", async (scene) => {
  const [member, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(member, `$share/group/${scene.topic}`, 0, 42);
  await scene.publish(pub, scene.topic, "x");
  scene.t.is((await scene.message(member, "x")).properties?.subscriptionIdentifier, 42);
});

check.v5("shared: no retained messages at SUBSCRIBE (§4.8.2).", { mosquittoFails: "sends them" }, async (scene) => {
  const [member, pub] = [await scene.connect(), await scene.connect()];
  await scene.publish(pub, scene.topic, "kept", { retain: true });
  await scene.subscribe(member, `$share/group/${scene.topic}`, 0);
  await scene.nothing(member);
});

check.v5("shared: No Local is a protocol error. v5 [MQTT-3.8.3-4]", { mosquittoFails: "lets it pass" }, async (scene) => {
  const client = await scene.connect();
  client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: `$share/group/${scene.topic}`, qos: 0, nl: true }] });
  await scene.refused(client, 0x82);
});

check.v5(
  "shared: names and filters that are malformed are refused. v5 [MQTT-4.8.2-1] [MQTT-4.8.2-2]",
  { mosquittoFails: "takes some for plain filters" },
  async (scene) => {
    for (const filter of [
      "$share/",
      "$share//a",
      "$share/group",
      "$share/group/",
      "$share/a+/b",
      "$share/#/b",
      "$share/a#b/c",
      "$share/g/a/#/b",
      "$share/+/a",
    ]) {
      const client = await scene.connect();
      client.sendBytes(packet("subscribe", 2, u16(1), 0, text(filter), 0));
      const answer = await client.next();
      const code = answer?.cmd === "suback" ? (answer.granted as number[])[0]! : answer?.cmd === "disconnect" ? answer.reasonCode! : 0;
      scene.t.true(code >= 0x80, `${filter}: ${answer?.cmd} ${code}`);
    }
  },
);

check.v5("shared: UNSUBSCRIBE takes the name into account. v5 [MQTT-3.10.4-1]", async (scene) => {
  const [member, pub] = [await scene.connect(), await scene.connect()];
  await scene.subscribe(member, `$share/group/${scene.topic}`, 0);
  member.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: [scene.topic, `$share/other/${scene.topic}`] });
  scene.t.deepEqual((await member.expect("unsuback")).granted, [0x11, 0x11]);
  await scene.publish(pub, scene.topic, "still");
  await scene.message(member, "still");
  member.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: [`$share/group/${scene.topic}`] });
  scene.t.deepEqual((await member.expect("unsuback")).granted, [0]);
  await scene.publish(pub, scene.topic, "no more");
  await scene.nothing(member);
});

check.v5("shared: a member that goes leaves the messages to the others. v5 [MQTT-4.8.2-1]", async (scene) => {
  const [stays, goes, pub] = [await scene.connect(), await scene.connect(), await scene.connect()];
  for (const member of [stays, goes]) await scene.subscribe(member, `$share/group/${scene.topic}`, 1);
  await goes.vanish();
  for (let at = 0; at < 6; at++) {
    await scene.publish(pub, scene.topic, `${at}`);
    await scene.take(stays, `${at}`);
  }
});

check.v5(
  "shared: while a member with a session is away, those who are there get the messages. v5 [MQTT-4.8.2-1]",
  { mosquittoFails: "queues for those who are away" },
  async (scene) => {
    const clientId = scene.id("away");
    const [here, away, pub] = [await scene.connect(), await scene.durable(clientId), await scene.connect()];
    for (const member of [here, away]) await scene.subscribe(member, `$share/group/${scene.topic}`, 1);
    await away.vanish();
    for (let at = 0; at < 6; at++) {
      await scene.publish(pub, scene.topic, `${at}`);
      await scene.take(here, `${at}`);
    }
    await scene.nothing(await scene.durable(clientId));
  },
);

check.v5(
  "shared: QoS 1 that a member has not acknowledged goes to another when its session ends. v5 [MQTT-4.5.0-1]",
  { mosquittoFails: "drops it" },
  async (scene) => {
    const [first, pub] = [await scene.connect(), await scene.connect()];
    await scene.subscribe(first, `$share/group/${scene.topic}`, 1);
    await scene.publish(pub, scene.topic, "unacknowledged");
    await scene.message(first, "unacknowledged");
    const second = await scene.connect();
    await scene.subscribe(second, `$share/group/${scene.topic}`, 1);
    await first.vanish();
    await scene.take(second, "unacknowledged");
  },
);

check.v5("shared: QoS 2 that a member has begun is completed when it comes back. v5 [MQTT-4.8.2-4]", async (scene) => {
  const clientId = scene.id("member");
  const [first, pub] = [await scene.durable(clientId), await scene.connect()];
  await scene.subscribe(first, `$share/group/${scene.topic}`, 2);
  await scene.publish(pub, scene.topic, "begun", { qos: 2 });
  await scene.message(first, "begun");
  const second = await scene.connect();
  await scene.subscribe(second, `$share/group/${scene.topic}`, 2);
  await first.vanish();
  await scene.nothing(second);
  scene.t.true((await scene.take(await scene.durable(clientId), "begun")).dup);
});

check.v5("shared: QoS 2 that a member has begun goes to nobody else, also when its session ends. v5 [MQTT-4.8.2-5]", async (scene) => {
  const clientId = scene.id("member");
  const [first, pub] = [await scene.durable(clientId), await scene.connect()];
  await scene.subscribe(first, `$share/group/${scene.topic}`, 2);
  await scene.publish(pub, scene.topic, "begun", { qos: 2 });
  await scene.message(first, "begun");
  const second = await scene.connect();
  await scene.subscribe(second, `$share/group/${scene.topic}`, 2);
  await first.vanish();
  await scene.connect({ clientId, clean: true }); // its session ends
  await scene.nothing(second);
});

check.v5("shared: a message that is refused with 0x80 or more goes to nobody else. v5 [MQTT-4.8.2-6]", async (scene) => {
  const [first, second, pub] = [await scene.connect(), await scene.connect(), await scene.connect()];
  await scene.subscribe(first, `$share/group/${scene.topic}`, 2);
  for (const qos of [1, 2] as const) {
    await scene.publish(pub, scene.topic, "refused", { qos });
    const { messageId } = await scene.message(first, "refused");
    if (qos === 2) await scene.subscribe(second, `$share/group/${scene.topic}`, 2);
    first.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId: messageId!, reasonCode: 0x80 });
    await scene.nothing(first, second);
  }
  await first.vanish();
  await scene.nothing(second);
});

check.v3("shared: 3.1.1 clients may share too. v5 [MQTT-4.8.2-1]", async (scene) => {
  const members = [await scene.connect(), await scene.connect()];
  for (const member of members) await scene.subscribe(member, `$share/group/${scene.topic}`, 0);
  const pub = await scene.connect();
  for (let at = 0; at < 10; at++) await scene.publish(pub, scene.topic, `${at}`, { qos: 0 });
  scene.t.is(
    (await counts(members)).reduce((sum, one) => sum + one),
    10,
  );
});
