/** Clients nobody here wrote, each in a small exchange with the daemon as it is started by hand. @module */
import { execFile, spawn } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import mqtt, { type MqttClient } from "mqtt";
import { type Scene, suite } from "./suite.ts";

const check = suite(test, { daemon: true });
const run = promisify(execFile);
const python = "/usr/bin/python3";

/** Whether a program is there; says so when not. */
function has(t: ExecutionContext, path: string): boolean {
  if (existsSync(path)) return true;
  t.log(`skipped: there is no ${path}`);
  t.pass();
  return false;
}

async function connectMqtt(scene: Scene, options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const protocolVersion = scene.version === 5 ? 5 : 4;
  const client = await mqtt.connectAsync(`mqtt://${scene.broker.host}:${scene.broker.port}`, {
    protocolVersion,
    reconnectPeriod: 20,
    ...options,
  });
  scene.t.teardown(() => client.endAsync(true));
  return client;
}

/** The next event of the client; its types are not those of Node's emitters. */
async function event(client: MqttClient, name: string): Promise<unknown[]> {
  return await once(client as unknown as EventEmitter, name, { signal: AbortSignal.timeout(10_000) });
}

/** The next message of the client. */
async function message(client: MqttClient): Promise<{ topic: string; payload: string; packet: mqtt.IPublishPacket }> {
  const [topic, payload, packet] = (await event(client, "message")) as [string, Buffer, mqtt.IPublishPacket];
  return { topic, payload: payload.toString(), packet };
}

check.both("npm mqtt: subscribes, publishes at each QoS, gets a retained message.", async (scene) => {
  const [sub, pub] = [await connectMqtt(scene), await connectMqtt(scene)];
  await sub.subscribeAsync(`${scene.topic}/+`, { qos: 2 });
  for (const qos of [0, 1, 2] as const) {
    const next = message(sub);
    await pub.publishAsync(`${scene.topic}/${qos}`, `at ${qos}`, { qos, retain: qos === 1 });
    const { topic, payload, packet } = await next;
    scene.t.deepEqual([topic, payload, packet.qos], [`${scene.topic}/${qos}`, `at ${qos}`, qos]);
  }
  const late = await connectMqtt(scene);
  const retained = message(late);
  await late.subscribeAsync(`${scene.topic}/+`);
  scene.t.true((await retained).packet.retain);
});

check.both("npm mqtt: its connection is cut, it comes back by itself, and its session has what it missed.", async (scene) => {
  const clientId = scene.id();
  const properties = scene.version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
  const sub = await connectMqtt(scene, { clientId, clean: false, resubscribe: false, reconnectPeriod: 200, ...properties });
  const pub = await connectMqtt(scene);
  await sub.subscribeAsync(scene.topic, { qos: 1 });
  const back = event(sub, "connect");
  const gone = event(sub, "close");
  sub.stream.destroy();
  await gone;
  const next = message(sub);
  await pub.publishAsync(scene.topic, "missed", { qos: 1 });
  const [connack] = (await back) as [mqtt.IConnackPacket];
  scene.t.true(connack.sessionPresent);
  scene.t.is((await next).payload, "missed");
});

check.v5("npm mqtt: request and response with User Properties, aliases and Subscription Identifiers.", async (scene) => {
  const [service, caller] = [
    await connectMqtt(scene, { properties: { topicAliasMaximum: 10 } }),
    await connectMqtt(scene, { autoUseTopicAlias: true, properties: { topicAliasMaximum: 10 } }),
  ];
  await service.subscribeAsync(`${scene.topic}/ask`, { qos: 1, properties: { subscriptionIdentifier: 9 } });
  await caller.subscribeAsync(`${scene.topic}/answer`, { qos: 1 });
  service.on("message", (_topic, payload, { properties }) => {
    scene.t.is(properties?.subscriptionIdentifier, 9);
    service.publish(properties!.responseTopic!, `re: ${payload}`, {
      qos: 1,
      properties: { correlationData: properties!.correlationData! },
    });
  });
  for (let time = 0; time < 3; time++) {
    const answer = message(caller);
    const correlationData = Buffer.from(`${time}`);
    await caller.publishAsync(`${scene.topic}/ask`, `ask ${time}`, {
      qos: 1,
      properties: { responseTopic: `${scene.topic}/answer`, correlationData, userProperties: { who: "caller" } },
    });
    const { payload, packet } = await answer;
    scene.t.is(payload, `re: ask ${time}`);
    scene.t.deepEqual(packet.properties?.correlationData, correlationData);
  }
});

check.both("mosquitto_sub and mosquitto_pub.", async (scene) => {
  if (!has(scene.t, "/usr/bin/mosquitto_sub")) return;
  const { host, port } = scene.broker;
  const common = ["-h", host, "-p", String(port), "-t", scene.topic, "-V", scene.version === 5 ? "5" : "311", "-q", "2"];
  const sub = spawn("/usr/bin/stdbuf", ["-oL", "/usr/bin/mosquitto_sub", ...common, "-C", "2", "-d"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  scene.t.teardown(() => sub.kill());
  let said = "";
  const ended = once(sub, "close"); // its last output has been read by then
  const subscribed = new Promise<void>((resolve) => {
    sub.stdout.on("data", (data) => {
      said += data;
      if (said.includes("Subscribed")) resolve();
    });
  });
  await Promise.race([subscribed, ended]);
  await run("/usr/bin/mosquitto_pub", [...common, "-m", "one"]);
  await run("/usr/bin/mosquitto_pub", [...common, "-m", "two", "-r"]);
  const [code] = await ended;
  scene.t.is(code, 0, said);
  scene.t.regex(said, /^one$[\s\S]*^two$/m);
  scene.t.regex(said, /PUBREL/);
});

check.v5("mosquitto_rr: asks, and is answered.", async (scene) => {
  if (!has(scene.t, "/usr/bin/mosquitto_rr")) return;
  const service = await connectMqtt(scene);
  await service.subscribeAsync(scene.topic, { qos: 1 });
  service.on("message", (_topic, payload, { properties }) => {
    const { responseTopic, correlationData } = properties!;
    service.publish(responseTopic!, `re: ${payload}`, { qos: 1, properties: correlationData ? { correlationData } : {} });
  });
  const { host, port } = scene.broker;
  const { stdout } = await run("/usr/bin/mosquitto_rr", [
    "-h",
    host,
    "-p",
    String(port),
    "-V",
    "5",
    "-q",
    "1",
    "-t",
    scene.topic,
    "-e",
    `${scene.topic}/answer`,
    "-m",
    "ask",
    "-W",
    "10",
  ]);
  scene.t.is(stdout.trim(), "re: ask");
});

const pahoProgram = `
import sys, paho.mqtt.client as paho
host, port, topic, five = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4] == "5"
client = paho.Client(client_id="paho" + topic[-8:], protocol=paho.MQTTv5 if five else paho.MQTTv311)
got = []
def on_connect(client, userdata, flags, code, properties=None):
    client.subscribe(topic, qos=2)
def on_subscribe(client, userdata, mid, granted, properties=None):
    for qos in (0, 1, 2):
        client.publish(topic, "at %d" % qos, qos=qos)
def on_message(client, userdata, message):
    got.append("%s/%d" % (message.payload.decode(), message.qos))
    if len(got) == 3:
        client.unsubscribe(topic)
def on_unsubscribe(*rest):
    client.disconnect()
client.on_connect, client.on_subscribe, client.on_message, client.on_unsubscribe = on_connect, on_subscribe, on_message, on_unsubscribe
client.connect(host, port, 20)
client.loop_forever()
print(",".join(sorted(got)))
`;

check.both("paho for Python: subscribes, publishes at each QoS, unsubscribes.", async (scene) => {
  if (!has(scene.t, "/usr/lib/python3/dist-packages/paho/mqtt/client.py")) return;
  const { host, port } = scene.broker;
  const { stdout } = await run(python, ["-c", pahoProgram, host, String(port), scene.topic, String(scene.version)], { timeout: 15_000 });
  scene.t.is(stdout.trim(), "at 0/0,at 1/1,at 2/2");
});
