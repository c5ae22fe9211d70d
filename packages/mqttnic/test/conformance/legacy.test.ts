/** Clients of MQTT 3.1: `MQIsdp`, level 3. [MQTT V3.1 Protocol Specification] @module */
import test from "ava";
import { suite } from "./suite.ts";
import { connectBytes, packet, text } from "./wire.ts";

const check = suite(test);
const old = { protocolVersion: 3 } as const;

check.v3("3.1: CONNECT, SUBSCRIBE, PUBLISH at each QoS, UNSUBSCRIBE and DISCONNECT work.", async (scene) => {
  const client = await scene.connect(old);
  scene.t.is(client.connack?.bytes.toString("hex"), "20020000");
  scene.t.deepEqual(await scene.subscribe(client, scene.topic, 2), [2]);
  for (const qos of [0, 1, 2] as const) {
    await scene.publish(client, scene.topic, `at ${qos}`, { qos });
    scene.t.is((await scene.take(client, `at ${qos}`)).qos, qos);
  }
  client.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: [scene.topic] });
  await client.expect("unsuback");
  await client.disconnect();
});

check.v3("3.1: will, Clean Session 0 and what waits meanwhile.", async (scene) => {
  const clientId = scene.id("o").slice(0, 23);
  const [client, other] = [
    await scene.durable(clientId, { ...old, will: { topic: `${scene.topic}/will`, payload: "old words", qos: 1, retain: false } }),
    await scene.connect(),
  ];
  await scene.subscribe(other, `${scene.topic}/will`, 1);
  await scene.subscribe(client, scene.topic, 1);
  await client.vanish();
  await scene.take(other, "old words");
  await scene.publish(other, scene.topic, "while away");
  const again = await scene.durable(clientId, old);
  // 3.1 has no Session Present flag: its byte is reserved.
  scene.t.is(again.connack?.bytes[3], 0);
  await scene.take(again, "while away");
});

check.v3("3.1: an empty client id is refused with 2, or one is chosen.", async (scene) => {
  const client = await scene.open(3);
  client.sendBytes(connectBytes({ version: 3, payload: [text("")] }));
  const connack = await client.expect("connack");
  scene.t.true(connack.returnCode === 0 || connack.returnCode === 2);
});

check.v3("3.1: its name with the level of 3.1.1, and the other way about, are refused.", async (scene) => {
  for (const [protocol, version] of [
    ["MQIsdp", 4],
    ["MQTT", 3],
    ["MQIsdp", 5],
  ] as const) {
    const client = await scene.open();
    client.sendBytes(connectBytes({ version, protocol, payload: [text(scene.id())] }));
    const before = await client.closed();
    scene.t.true(
      before.every(({ cmd, bytes }) => cmd === "connack" && bytes[3] !== 0),
      `${protocol} ${version}`,
    );
  }
});

check.v3("3.1: clients of all three versions exchange messages.", async (scene) => {
  const clients = await Promise.all(([3, 4, 5] as const).map((protocolVersion) => scene.connect({ protocolVersion })));
  for (const client of clients) await scene.subscribe(client, scene.topic, 1);
  for (const [at, pub] of clients.entries()) {
    await scene.publish(pub, scene.topic, `from ${at}`);
    for (const client of clients) await scene.take(client, `from ${at}`);
  }
});

check.v3("3.1: a protocol violation closes.", async (scene) => {
  const client = await scene.connect(old);
  client.sendBytes(packet("publish", 0, text("a/+"), 1));
  scene.t.deepEqual(await client.closed(), []);
});
