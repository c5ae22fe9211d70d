/**
 * Bridges and the mesh over TLS.
 *
 * Longer than 300 lines because both need the same authorities, files and brokers.
 */
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { type RunningBridge, startBridge } from "../../src/bridge/bridge.ts";
import { type RunningMesh, startMesh } from "../../src/bridge/mesh.ts";
import type { Core } from "../../src/broker/core.ts";
import type { BridgeConfig, BrokerConfig, MeshConfig, TlsConfig } from "../../src/config/broker-config.ts";
import { defaultConfig, defaultListener } from "../../src/config/defaults.ts";
import { openBroker } from "../../src/open-broker.ts";
import { type Pair, TestAuthority } from "../transport/test-certificates.ts";
import { startCore } from "./core-broker.ts";
import { bridgeConfig, client, collect, eventually, freePort, Mosquitto, quiet } from "./mosquitto.ts";

const folder = mkdtempSync(join(tmpdir(), "mqttnic-tls-"));
let authority: TestAuthority;
let other: TestAuthority;
let server: Pair;
let bridgePair: Pair;
let strangerPair: Pair;

test.before(async () => {
  [authority, other] = await Promise.all([TestAuthority.make(folder, "authority"), TestAuthority.make(folder, "other")]);
  server = await authority.issue("server", "/CN=mosquitto", "IP:127.0.0.1,DNS:broker.example");
  bridgePair = await authority.issue("bridge", "/CN=bridge-user", "DNS:bridge.example");
  strangerPair = await other.issue("stranger", "/CN=bridge-user", "DNS:bridge.example");
});
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

type ClientTls = NonNullable<BridgeConfig["tls"]>;
const clientTls = (changed: Partial<ClientTls> = {}): ClientTls => ({
  authorities: authority.certificate,
  certificate: undefined,
  key: undefined,
  insecure: false,
  ...changed,
});

/** A mosquitto that also listens with TLS; `port` is that of TLS, `plain` the other. */
async function tlsMosquitto(t: ExecutionContext, pair: Pair, extra = ""): Promise<{ port: number; plain: number }> {
  const port = await freePort();
  const { port: plain } = await Mosquitto.start(
    t,
    `listener ${port} 127.0.0.1
cafile ${authority.certificate}
certfile ${pair.certificate}
keyfile ${pair.key}
${extra}`,
  );
  return { port, plain };
}

async function bridgeTo(t: ExecutionContext, port: number, tls: ClientTls, name = "tls"): Promise<{ bridge: RunningBridge; ours: number }> {
  const { core, port: ours } = await startCore(t);
  const bridge = startBridge(
    core,
    bridgeConfig(port, { name, tls, topics: [{ pattern: "#", direction: "both", qos: 2, localPrefix: "", remotePrefix: "" }] }),
    { log: quiet, brokerId: "here", readFile: readFileSync },
  );
  t.teardown(() => bridge.stop());
  return { bridge, ours };
}

const isUp = (bridge: RunningBridge) => eventually(() => bridge.status().state === "up");

/** What it gives as the reason, which is also to be why it is not up. */
async function reason(bridge: RunningBridge): Promise<string> {
  await eventually(() => bridge.status().lastError !== null);
  const { state, lastError } = bridge.status();
  return state === "up" ? "it is up" : lastError!;
}

test.serial("startBridge() by TLS hands messages over to a mosquitto that knows it by its client certificate", async (t) => {
  const extra = "require_certificate true\nuse_identity_as_username true\n";
  const { port } = await tlsMosquitto(t, server, extra);
  const { bridge, ours } = await bridgeTo(t, port, clientTls(bridgePair));
  await isUp(bridge);
  const there = await client(t, port, {
    protocol: "mqtts",
    ca: readFileSync(authority.certificate),
    cert: readFileSync(bridgePair.certificate),
    key: readFileSync(bridgePair.key),
  });
  const [seenThere, here] = [await collect(there, "up"), await client(t, ours)];
  const seenHere = await collect(here, "down");
  await here.publishAsync("up", "1", { qos: 2 });
  await there.publishAsync("down", "2", { qos: 2 });
  t.is((await seenThere.until(1))[0]?.payload, "1");
  t.is((await seenHere.until(1))[0]?.payload, "2");
});

test.serial("startBridge() by TLS says why a broker's certificate is not believed", async (t) => {
  const elsewhere = await authority.issue("elsewhere", "/CN=mosquitto", "DNS:broker.example");
  const { port } = await tlsMosquitto(t, server);
  const { port: misnamed } = await tlsMosquitto(t, elsewhere);
  const said = async (to: number, tls: ClientTls) => reason((await bridgeTo(t, to, tls)).bridge);
  t.is(
    await said(port, clientTls({ authorities: other.certificate })),
    `cannot reach 127.0.0.1:${port}: TLS: its certificate is of an authority that is not among ours`,
  );
  t.regex(await said(port, clientTls({ authorities: undefined })), /not among ours/, "none of Node's either");
  t.regex(await said(misnamed, clientTls()), /IP: 127\.0\.0\.1 is not in the cert's list/);
});

test.serial("startBridge() with bridge_insecure does not ask for the name, and for the authority where one is given", async (t) => {
  const elsewhere = await authority.issue("insecure", "/CN=mosquitto", "DNS:broker.example");
  const { port } = await tlsMosquitto(t, elsewhere);
  for (const authorities of [authority.certificate, undefined]) {
    const { bridge } = await bridgeTo(t, port, clientTls({ authorities, insecure: true }));
    await isUp(bridge);
    await bridge.stop();
  }
  const { bridge } = await bridgeTo(t, port, clientTls({ authorities: other.certificate, insecure: true }));
  t.regex(await reason(bridge), /not among ours/);
});

test.serial("startBridge() by TLS says that the other broker wants a client certificate, or another one", async (t) => {
  const { port } = await tlsMosquitto(t, server, "require_certificate true\n");
  const none = await bridgeTo(t, port, clientTls());
  // The reset that follows the alert may be seen before it.
  t.regex(await reason(none.bridge), /^TLS: (it|.* perhaps it) wants a client certificate/);
  const stranger = await bridgeTo(t, port, clientTls(strangerPair));
  t.regex(await reason(stranger.bridge), /^TLS: (our certificate is of an authority that it does not know|.*or another one)$/);
});

test.serial("startBridge() by TLS names the file that is wrong, and what is no TLS", async (t) => {
  const garbage = join(folder, "garbage.pem");
  writeFileSync(garbage, "nothing\n");
  const { port, plain } = await tlsMosquitto(t, server);
  const cases: readonly (readonly [tls: ClientTls, says: string])[] = [
    [clientTls({ authorities: join(folder, "none.pem") }), `${join(folder, "none.pem")} cannot be read: no such file`],
    [clientTls({ authorities: garbage }), `${garbage} holds no certificate`],
    [clientTls({ certificate: garbage, key: bridgePair.key }), `${garbage} holds no certificate`],
    [clientTls({ certificate: bridgePair.certificate, key: garbage }), `${garbage} holds no private key that can be read`],
    [
      clientTls({ certificate: bridgePair.certificate, key: strangerPair.key }),
      `${strangerPair.key} does not belong to the certificate in ${bridgePair.certificate}`,
    ],
  ];
  for (const [tls, says] of cases) t.is(await reason((await bridgeTo(t, port, tls)).bridge), says);
  t.regex(await reason((await bridgeTo(t, plain, clientTls())).bridge), /^cannot reach 127\.0\.0\.1:\d+: TLS: .*speaks no TLS$/);
  const talker = createServer((socket) => socket.end("220 what is this?\r\n")).listen(0, "127.0.0.1");
  t.teardown(() => talker.close());
  await once(talker, "listening");
  const { port: talks } = talker.address() as AddressInfo;
  t.is(
    await reason((await bridgeTo(t, talks, clientTls())).bridge),
    `cannot reach 127.0.0.1:${talks}: TLS: what listens there speaks no TLS`,
  );
});

test.serial("startBridge() takes renewed files over at its next connection", async (t) => {
  const { port } = await tlsMosquitto(t, server, "require_certificate true\n");
  const [certificate, key] = [join(folder, "renewed.pem"), join(folder, "renewed.key")];
  copyFileSync(strangerPair.certificate, certificate);
  copyFileSync(strangerPair.key, key);
  const { bridge } = await bridgeTo(t, port, clientTls({ certificate, key }));
  await reason(bridge);
  copyFileSync(bridgePair.certificate, certificate);
  copyFileSync(bridgePair.key, key);
  await isUp(bridge);
  t.is(bridge.status().lastError, null);
});

const nicd = fileURLToPath(new URL("../../../../bin/nicd", import.meta.url));
const cert = (...args: readonly string[]) => promisify(execFile)(nicd, args);

/** Makes an authority of nicd's, in a folder of the test's own. */
async function nicdAuthority(name: string): Promise<string> {
  const path = join(folder, name);
  await cert("ca", "init", "--authority", path);
  return path;
}

const filesOf = (certificates: string) => ({
  certificate: join(certificates, "tls.crt"),
  key: join(certificates, "tls.key"),
  authorities: join(certificates, "ca.crt"),
});

/** A broker of the mesh whose listener is for TLS with client certificates only, or without TLS. */
async function meshBroker(t: ExecutionContext, peers: readonly string[], tls: TlsConfig | undefined, meshSecret?: Buffer) {
  const config: BrokerConfig = {
    ...defaultConfig,
    listeners: [
      { ...defaultListener, name: "mesh", port: 0, tls },
      { ...defaultListener, name: "clients", port: 0 },
    ],
    persistence: { path: undefined, sync: false },
    sysIntervalMs: 0,
  };
  const about = { version: "0", pid: process.pid, startedAtMs: Date.now(), node: "here" };
  const opened = await openBroker(config, { dataPlane: "net", log: quiet, about, security: { meshSecret, meshNodes: peers } });
  t.teardown(() => opened.close(0));
  const [mesh, clients] = opened.listeners.map(({ port }) => port) as [number, number];
  return { ...opened, config, meshPort: mesh, clientPort: clients };
}

function joinMesh(
  t: ExecutionContext,
  { core }: { readonly core: Core },
  config: Pick<MeshConfig, "node" | "peers"> & Partial<MeshConfig>,
): RunningMesh {
  const whole: MeshConfig = { tls: undefined, secretFile: undefined, ...config };
  const mesh = startMesh(core, whole, { log: quiet, readFile: readFileSync, alsoWanted: [] });
  t.teardown(() => mesh.stop());
  return mesh;
}

const allUp = (...meshes: readonly RunningMesh[]) =>
  eventually(() => meshes.every((mesh) => mesh.status().every(({ state }) => state === "up")));

/** Says something at one that is heard at the other. */
async function hears(t: ExecutionContext, from: number, at: number, topic: string): Promise<void> {
  const [one, two] = [await client(t, from), await client(t, at)];
  const heard = await collect(two, topic);
  // The filter is on its way to the other node.
  const again = setInterval(() => one.publish(topic, "hello", { qos: 1 }), 20);
  await heard.until(1).finally(() => clearInterval(again));
  t.is(heard.seen[0]?.payload, "hello");
}

const peerAt = (node: string, port: number) => [{ node, host: "127.0.0.1", port }];

test.serial(
  "startMesh() by mutual TLS knows nodes by their SPIFFE ids, whatever their address, and takes renewed files over",
  async (t) => {
    const ca = await nicdAuthority("ca-1");
    const next = await nicdAuthority("ca-2");
    const own = (node: string) => join(folder, `node-${node}`);
    for (const node of ["a", "b"]) await cert("cert", "issue", "--authority", ca, "--certificates", own(node), "--node", node);
    const server = (node: string): TlsConfig => ({ ...filesOf(own(node)), requireCertificate: true, revoked: undefined, byServerName: {} });
    const [a, b] = [await meshBroker(t, ["b"], server("a")), await meshBroker(t, ["a"], server("b"))];
    const meshA = joinMesh(t, a, { node: "a", peers: peerAt("b", b.meshPort), tls: { ...filesOf(own("a")), insecure: false } });
    const meshB = joinMesh(t, b, { node: "b", peers: peerAt("a", a.meshPort), tls: { ...filesOf(own("b")), insecure: false } });
    await allUp(meshA, meshB);
    await hears(t, a.clientPort, b.clientPort, "from/a");
    await hears(t, b.clientPort, a.clientPort, "from/b");

    // Another authority altogether: only who has read the new files knows the other.
    for (const node of ["a", "b"]) {
      rmSync(own(node), { recursive: true });
      await cert("cert", "issue", "--authority", next, "--certificates", own(node), "--node", node);
    }
    await a.configure(a.config);
    await b.configure(b.config);
    await allUp(meshA, meshB);
    t.true(a.core.disconnect("$mesh/b") && b.core.disconnect("$mesh/a"));
    await eventually(() => [...a.core.clients(), ...b.core.clients()].filter(({ clientId }) => clientId.startsWith("$mesh/")).length === 2);
    await allUp(meshA, meshB);
    const seen = connectTls({ host: "127.0.0.1", port: a.meshPort, rejectUnauthorized: false });
    await once(seen, "secureConnect");
    t.is(
      seen.getPeerX509Certificate()?.raw.toString("hex"),
      new X509Certificate(readFileSync(filesOf(own("a")).certificate)).raw.toString("hex"),
    );
    seen.destroy();
    await hears(t, a.clientPort, b.clientPort, "later/a");
  },
);

test.serial("startMesh() by TLS goes neither to another node nor as another node", async (t) => {
  const ca = await nicdAuthority("ca-3");
  const own = (node: string) => join(folder, `other-${node}`);
  for (const node of ["a", "b", "c"]) await cert("cert", "issue", "--authority", ca, "--certificates", own(node), "--node", node);
  const tlsOf = (node: string) => ({ ...filesOf(own(node)), insecure: false });
  const b = await meshBroker(t, ["a", "c"], { ...filesOf(own("b")), requireCertificate: true, revoked: undefined, byServerName: {} });
  const here = await meshBroker(t, ["b"], undefined);
  const toAnother = joinMesh(t, here, { node: "a", peers: peerAt("c", b.meshPort), tls: tlsOf("a") });
  await eventually(() => toAnother.status()[0]?.lastError !== null);
  t.regex(toAnother.status()[0]?.lastError ?? "", /its certificate is that of spiffe:\/\/default\.mesh\/node\/b, and not of the node c/);
  await toAnother.stop();
  const asAnother = joinMesh(t, here, { node: "a", peers: peerAt("b", b.meshPort), tls: tlsOf("c") });
  await eventually(() => asAnother.status()[0]?.lastError !== null);
  t.regex(asAnother.status()[0]?.lastError ?? "", /refuses client \$mesh\/a: CONNACK 0x87/);
  t.false([...b.core.clients()].some(({ clientId }) => clientId.startsWith("$mesh/")));
});

test.serial("startMesh() by secret joins who knows it, with TLS or without, and nobody else", async (t) => {
  const secretFile = join(folder, "secret");
  writeFileSync(secretFile, "a secret of the mesh\n", { mode: 0o600 });
  const secret = Buffer.from("a secret of the mesh");
  const tls: TlsConfig = { ...server, authorities: undefined, requireCertificate: false, revoked: undefined, byServerName: {} };
  for (const listener of [undefined, tls]) {
    const [a, b] = [await meshBroker(t, ["b"], listener, secret), await meshBroker(t, ["a"], listener, secret)];
    const proof = { secretFile, tls: listener && clientTls() };
    const meshA = joinMesh(t, a, { node: "a", peers: peerAt("b", b.meshPort), ...proof });
    const meshB = joinMesh(t, b, { node: "b", peers: peerAt("a", a.meshPort), ...proof });
    await allUp(meshA, meshB);
    await hears(t, a.clientPort, b.clientPort, "x");
  }
  const wrongFile = join(folder, "wrong-secret");
  writeFileSync(wrongFile, "a guess\n", { mode: 0o600 });
  const [guesser, b] = [await meshBroker(t, ["b"], undefined, secret), await meshBroker(t, ["a"], undefined, secret)];
  const mesh = joinMesh(t, guesser, { node: "a", peers: peerAt("b", b.meshPort), secretFile: wrongFile });
  await eventually(() => mesh.status()[0]?.lastError !== null);
  t.regex(mesh.status()[0]?.lastError ?? "", /CONNACK 0x87/);
  // With another mesh.yaml, its secret is another one.
  await b.configure(b.config, { meshNodes: ["a"], meshSecret: Buffer.from("a guess") });
  await allUp(mesh);
});
