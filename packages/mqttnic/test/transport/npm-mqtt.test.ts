import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createLog, testEnv } from "@mitsu/cli";
import test from "ava";
import { connectAsync, type IClientOptions, MqttClient } from "mqtt";
import { defaultConfig, defaultListener } from "../../src/config/defaults.ts";
import { openBroker } from "../../src/open-broker.ts";
import { temporaryFolder } from "./echo-plane.ts";
import { TestAuthority } from "./test-certificates.ts";

test("npm mqtt, of 3.1, 3.1.1 and 5.0, exchanges messages over every transport of NetPlane", async (t) => {
  const folder = await temporaryFolder(t);
  const authority = await TestAuthority.make(folder, "authority");
  const server = await authority.issue("server", "/CN=broker", "DNS:localhost,IP:127.0.0.1");
  const client = await authority.issue("client", "/CN=lamp", "URI:urn:lamp");
  const tls = { ...server, authorities: authority.certificate, requireCertificate: true, revoked: undefined, byServerName: {} };
  const path = join(folder, "mqtt.sock");
  const base = { ...defaultListener, port: 0 };
  const listeners = [
    { ...base, name: "tcp" },
    { ...base, name: "tls", tls },
    { ...base, name: "ws", protocol: "websockets" as const },
    { ...base, name: "wss", protocol: "websockets" as const, tls },
    { ...base, name: "unix", address: undefined, path },
    { ...base, name: "proxied", proxyProtocol: true, anonymous: "yes" as const },
  ];
  const about = { version: "0.0.0", pid: process.pid, startedAtMs: Date.now(), node: "test" };
  const broker = await openBroker({ ...defaultConfig, listeners }, { dataPlane: "net", log: createLog(testEnv()), about });
  t.teardown(() => broker.close(0));
  const portOf = (name: string) => broker.listeners.find(({ config }) => config.name === name)?.port;
  const own = { ca: await readFile(authority.certificate), cert: await readFile(client.certificate), key: await readFile(client.key) };

  const ways: readonly (readonly [string, () => Promise<MqttClient>])[] = [
    ["tcp", () => connectAsync(`mqtt://127.0.0.1:${portOf("tcp")}`, options(4))],
    ["tls", () => connectAsync(`mqtts://127.0.0.1:${portOf("tls")}`, { ...options(5), ...own })],
    ["ws", () => connectAsync(`ws://127.0.0.1:${portOf("ws")}/mqtt`, options(5))],
    ["ws, 3.1", () => connectAsync(`ws://127.0.0.1:${portOf("ws")}/mqtt`, options(3))],
    ["wss", () => connectAsync(`wss://127.0.0.1:${portOf("wss")}/mqtt`, { ...options(4), ...own })],
    ["unix", () => opened(() => connect(path), options(5))],
    [
      "proxied",
      () =>
        opened(() => {
          const socket = connect(portOf("proxied") ?? 0, "127.0.0.1");
          socket.write("PROXY TCP4 192.0.2.1 192.0.2.9 1234 1883\r\n");
          return socket;
        }, options(4)),
    ],
    [
      "in-process",
      () => opened(() => broker.core.openStream({ username: "self", by: "in-process", untilMs: 0, peerNode: undefined }), options(5)),
    ],
  ];
  const clients: MqttClient[] = [];
  t.teardown(() => {
    for (const one of clients) one.end(true);
  });
  for (const [name, open] of ways) {
    const one = await open();
    clients.push(one);
    t.true(one.connected, name);
    await one.subscribeAsync("all/#", { qos: 2 });
  }
  const long = "0123456789abcdef".repeat(50_000);
  for (const [index, sender] of clients.entries()) {
    const name = ways[index]?.[0] ?? "";
    const qos = (index % 3) as 0 | 1 | 2;
    const all = clients.map((one) => message(one));
    await sender.publishAsync(`all/${index}`, index === 0 ? "" : `${name}${long}`, { qos });
    for (const [topic, payload] of await Promise.all(all))
      t.true(topic === `all/${index}` && payload === (index === 0 ? "" : `${name}${long}`), name);
  }
});

const options = (protocolVersion: 3 | 4 | 5): IClientOptions => ({
  protocolVersion,
  ...(protocolVersion === 3 ? { protocolId: "MQIsdp" as const } : {}),
  reconnectPeriod: 0,
  connectTimeout: 10_000,
});

/** Over a socket of our own. */
function opened(stream: () => Duplex, own: IClientOptions): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    const client = new MqttClient(stream, own);
    client.once("connect", () => resolve(client));
    client.once("error", reject);
  });
}

function message(client: MqttClient): Promise<readonly [string, string]> {
  return new Promise((resolve) => client.once("message", (topic, payload) => resolve([topic, payload.toString("latin1")])));
}
