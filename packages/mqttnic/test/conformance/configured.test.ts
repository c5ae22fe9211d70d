/** What a broker says and does when its configuration allows less. [MQTT 5.0 §3.2.2.3] @module */
import test from "ava";
import { codeOf, suite } from "./suite.ts";
import { packet, properties, text, u16 } from "./wire.ts";

const check = suite(test, {
  conf: ["max_keepalive 60", "retain_available false", "allow_zero_length_clientid false"],
  listenerConf: ["max_qos 1"],
});

check.v5(
  "Server Keep Alive: told when the client's is longer, or 0, and not when it is shorter. v5 [MQTT-3.2.2-21] [MQTT-3.2.2-22] [MQTT-3.1.2-21]",
  async (scene) => {
    const told = async (keepalive: number): Promise<number | undefined> =>
      (await scene.connect({ keepalive })).connack?.properties?.serverKeepAlive;
    scene.t.is(await told(600), 60);
    scene.t.is(await told(0), 60);
    scene.t.true([undefined, 30].includes(await told(30)));
  },
);

check.v5(
  "Maximum QoS: told, and a PUBLISH or a will beyond it is refused with 0x9B. v5 [MQTT-3.2.2-9] [MQTT-3.2.2-11] [MQTT-3.2.2-12]",
  async (scene) => {
    const client = await scene.connect({ keepalive: 10 });
    scene.t.is(client.connack?.properties?.maximumQoS, 1);
    client.sendBytes(packet("publish", 4, text(scene.topic), u16(1), properties(), 1));
    await scene.refused(client, 0x9b);
    const will = await scene.tryConnect({ keepalive: 10, will: { topic: scene.topic, payload: "x", qos: 2, retain: false } });
    scene.t.is(codeOf(will.connack!), 0x9b);
    scene.t.deepEqual(await will.closed(), []);
  },
);

check.v5("Maximum QoS: subscriptions at any QoS are taken. v5 [MQTT-3.2.2-10]", async (scene) => {
  const client = await scene.connect({ keepalive: 10 });
  const granted = await scene.subscribe(client, [{ topic: scene.topic, qos: 2 }]);
  scene.t.true(granted[0]! <= 2);
  await scene.publish(client, scene.topic, "x");
  scene.t.is((await scene.take(client, "x")).qos, 1);
});

check.v5(
  "Retain Available 0: told, and a PUBLISH or a will with RETAIN is refused with 0x9A. v5 [MQTT-3.2.2-13] [MQTT-3.2.2-14]",
  async (scene) => {
    const client = await scene.connect({ keepalive: 10 });
    scene.t.is(client.connack?.properties?.retainAvailable, false);
    client.sendBytes(packet("publish", 1, text(scene.topic), properties(), 1));
    await scene.refused(client, 0x9a);
    const will = await scene.tryConnect({ keepalive: 10, will: { topic: scene.topic, payload: "x", qos: 0, retain: true } });
    scene.t.is(codeOf(will.connack!), 0x9a);
    scene.t.deepEqual(await will.closed(), []);
  },
);

check.v5("Empty client ids not allowed: CONNACK 0x85 and the close. v5 [MQTT-3.1.3-8]", { mosquittoFails: "says 0x80" }, async (scene) => {
  const client = await scene.tryConnect({ clientId: "", keepalive: 10 });
  scene.t.is(codeOf(client.connack!), 0x85);
  scene.t.deepEqual(await client.closed(), []);
});

check.v3("Empty client ids not allowed: CONNACK 0x02 and the close. v3.1.1 [MQTT-3.1.3-9]", async (scene) => {
  const client = await scene.tryConnect({ clientId: "", keepalive: 10 });
  scene.t.is(codeOf(client.connack!), 2);
  scene.t.deepEqual(await client.closed(), []);
});
