/** `$SYS` as mosquitto names it. [mosquitto(8), Broker Status] @module */
import test from "ava";
import { suite } from "./suite.ts";

const check = suite(test, { daemon: true });

const names = [
  "version",
  "uptime",
  "clients/total",
  "clients/connected",
  "clients/disconnected",
  "clients/maximum",
  "clients/expired",
  "messages/received",
  "messages/sent",
  "messages/stored",
  "publish/messages/received",
  "publish/messages/sent",
  "publish/messages/dropped",
  "publish/bytes/received",
  "publish/bytes/sent",
  "bytes/received",
  "bytes/sent",
  "subscriptions/count",
  "shared_subscriptions/count",
  "retained messages/count",
  "store/messages/count",
  "store/messages/bytes",
  "load/messages/received/1min",
  "load/messages/sent/5min",
  "load/publish/sent/15min",
  "load/bytes/received/1min",
  "load/bytes/sent/1min",
  "load/sockets/1min",
  "load/connections/1min",
];

check.v5("$SYS: the topics mosquitto has are there and hold figures.", async (scene) => {
  const [client, other] = [await scene.connect(), await scene.connect()];
  await scene.publish(other, scene.topic, "so that something is counted");
  await scene.subscribe(client, "$SYS/#", 0);
  const missing = new Set(names.map((name) => `$SYS/broker/${name}`));
  // Those that are retained come at once; others are published when they first have a value.
  while (missing.size > 0) {
    const message = await client.pick("publish").catch(() => undefined);
    if (!message) break;
    missing.delete(message.topic);
    if (!message.topic.endsWith("/version") && message.topic.startsWith("$SYS/broker/"))
      scene.t.regex(message.payload.toString(), /^-?[\d.]+( seconds)?$/, message.topic);
  }
  scene.t.deepEqual([...missing], []);
});

check.both("$SYS: clients cannot write it. v3.1.1 [MQTT-4.7.2-1] v5 [MQTT-4.7.2-1]", async (scene) => {
  const [sub, pub] = [await scene.connect(), await scene.connect()];
  const topic = `$SYS/broker/${scene.id()}`;
  await scene.subscribe(sub, topic, 0);
  pub.send({ cmd: "publish", topic, payload: "mine", qos: 0, dup: false, retain: false });
  pub.send({ cmd: "pingreq" });
  await pub.next(); // PINGRESP, or the close
  await scene.nothing(sub);
});

check.both(
  "$SYS: a filter that begins with `+` does not match it, retained as it is. v3.1.1 [MQTT-4.7.2-1] v5 [MQTT-4.7.2-1]",
  async (scene) => {
    const client = await scene.connect();
    await scene.subscribe(client, "+/broker/version", 0);
    await scene.nothing(client);
    await scene.subscribe(client, "$SYS/broker/version", 0);
    scene.t.true((await scene.message(client)).retain);
  },
);
