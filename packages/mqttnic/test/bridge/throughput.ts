/**
 * How fast a queue of QoS 1 messages gets over a bridge once the link is there: ours, mosquitto's own, and two clients of npm `mqtt`, between two
 * mosquittos on loopback. The figures of ADR 17: `node packages/mqttnic/test/bridge/throughput.ts`.
 * @module
 */
import type { ExecutionContext } from "ava";
import mqtt from "mqtt";
import { startBridge } from "../../src/bridge/bridge.ts";
import { startCore } from "./core-broker.ts";
import { bridgeConfig, brokerOnPort, client, eventually, freePort, Mosquitto, quiet } from "./mosquitto.ts";

const count = 20_000;
const endings: (() => unknown)[] = [];
const t = { teardown: (end: () => unknown) => void endings.push(end) } as unknown as ExecutionContext;

async function fill(port: number): Promise<void> {
  const publisher = await client(t, port);
  for (let index = 0; index < count; index += 16)
    await Promise.all(Array.from({ length: 16 }, () => publisher.publishAsync("x", Buffer.alloc(100), { qos: 1 })));
  await publisher.endAsync();
}

/** @returns Messages per second from the first to the last at the other broker. */
async function drain(port: number, start: () => Promise<void>): Promise<number> {
  const reader = await client(t, port);
  await reader.subscribeAsync("x", { qos: 0 });
  let got = 0;
  let beganMs = 0;
  const all = new Promise<void>((resolve) =>
    reader.on("message", () => {
      if (got++ === 0) beganMs = performance.now();
      if (got === count) resolve();
    }),
  );
  await start();
  await all;
  const perSecond = count / ((performance.now() - beganMs) / 1000);
  await reader.endAsync();
  return Math.round(perSecond);
}

const options = "max_inflight_messages 1000\n";
const mosquitto = (extra = "", port?: number): Promise<Mosquitto> => Mosquitto.start(t, `${options}${extra}`, port, false);

async function ours(own: boolean): Promise<number> {
  const there = await mosquitto();
  const [here, port] = own ? [await startCore(t), 0] : [await mosquitto(), await freePort()];
  const broker = "core" in here ? here.core : await brokerOnPort(t, here.port);
  const topics = [{ pattern: "x", direction: "out", qos: 1, localPrefix: "", remotePrefix: "" }] as const;
  const bridge = startBridge(broker, bridgeConfig(port === 0 ? await freePort() : port, { topics }), {
    log: quiet,
    brokerId: "x",
    readFile: () => Buffer.alloc(0),
  });
  await eventually(() => bridge.status().lastError !== null);
  await fill(here.port);
  const perSecond = await drain(there.port, async () => bridge.reload(bridgeConfig(there.port, { topics })));
  await bridge.stop();
  return perSecond;
}

async function mosquittos(): Promise<number> {
  const port = await freePort();
  const bridge = `connection up\naddress 127.0.0.1:${port}\ntopic x out 1\nnotifications false\nrestart_timeout 1\ncleansession false\n`;
  const here = await mosquitto(bridge);
  await fill(here.port);
  const there = await mosquitto("", port);
  return drain(there.port, () => Promise.resolve());
}

async function npmClients(): Promise<number> {
  const [here, there] = [await mosquitto(), await mosquitto()];
  const session = { clientId: "pair", clean: false, properties: { sessionExpiryInterval: 1000, receiveMaximum: 1000 } };
  const first = await client(t, here.port, session);
  await first.subscribeAsync("x", { qos: 1 });
  await first.endAsync();
  await fill(here.port);
  return drain(there.port, async () => {
    const target = await client(t, there.port);
    const source = mqtt.connect({ host: "127.0.0.1", port: here.port, protocolVersion: 5, ...session });
    source.handleMessage = (packet, done) => {
      target.publish(packet.topic, packet.payload, { qos: packet.qos }, (error) => done(error ?? undefined));
    };
    t.teardown(() => source.endAsync(true));
    await new Promise<void>((resolve) => source.once("connect", () => resolve()));
  });
}

/** The same pair both ways. @returns How many of 400 messages got over within two seconds. */
async function npmBothWays(): Promise<number> {
  const session = { clientId: "pair", clean: false };
  const [here, there] = [await mosquitto(), await mosquitto()];
  const [one, other] = [await client(t, here.port, session), await client(t, there.port, session)];
  let got = 0;
  for (const [source, target] of [
    [one, other],
    [other, one],
  ] as const) {
    source.handleMessage = (packet, done) => {
      target.publish(packet.topic, packet.payload, { qos: 1 }, (error) => {
        got++;
        done(error ?? undefined);
      });
    };
    await source.subscribeAsync({ x: { qos: 1, nl: true } });
  }
  const publishers = [await client(t, here.port), await client(t, there.port)];
  for (let index = 0; index < 200; index++) for (const publisher of publishers) publisher.publish("x", "", { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  return got;
}

for (const [name, run] of [
  ["mqttnic's bridge, of mqttnic", () => ours(true)],
  ["mqttnic's bridge, of mosquitto", () => ours(false)],
  ["mosquitto's bridge", mosquittos],
  ["two clients of npm mqtt", npmClients],
] as const) {
  const runs: number[] = [];
  for (let time = 0; time < 3; time++) runs.push(await run());
  process.stdout.write(`${name}: ${runs.toSorted((a, b) => a - b)[1]} messages/s (of ${runs.join(", ")})\n`);
}
process.stdout.write(`two clients of npm mqtt, both ways: ${await npmBothWays()} of 400 messages\n`);
for (const end of endings.toReversed()) await end();
