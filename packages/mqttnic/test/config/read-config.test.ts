/** Flags over mosquitto.conf or mesh.yaml over defaults; what a restart is needed for. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCatalog } from "@mitsu/catalog";
import { testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import test, { type ExecutionContext } from "ava";
import type { BrokerConfig } from "../../src/config/broker-config.ts";
import { restartNeeded } from "../../src/config/compare.ts";
import { defaultConfig, defaultLimits, defaultListener } from "../../src/config/defaults.ts";
import { fromMesh } from "../../src/config/from-mesh.ts";
import { type ReadConfig, readConfig } from "../../src/config/read-config.ts";
import type { DaemonArgs } from "../../src/daemon-args.ts";

const noArgs: DaemonArgs = {
  listen: [],
  configFile: undefined,
  port: [],
  persistence: undefined,
  passwordFile: undefined,
  aclFile: undefined,
  anonymous: undefined,
  dataPlane: "auto",
  node: undefined,
  metrics: undefined,
  maxConnections: undefined,
  maxInflight: undefined,
  maxQueued: undefined,
  maxPacketBytes: undefined,
};

/** Reads with some flags and files; the folder of the files is the one it is started in. */
function read(t: ExecutionContext, args: Partial<DaemonArgs>, files: Readonly<Record<string, string>> = {}): Promise<ReadConfig> {
  const folder = mkdtempSync(join(tmpdir(), "mqttnic-c-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const env = testEnv({ cwd: folder });
  const config = files["mesh.yaml"] === undefined ? "/etc/mitsu/mesh.yaml" : join(folder, "mesh.yaml");
  return readConfig({ ...noArgs, ...args }, { env, config });
}

async function refused(t: ExecutionContext, args: Partial<DaemonArgs>, files: Readonly<Record<string, string>> = {}): Promise<MitsuError> {
  return await t.throwsAsync(read(t, args, files), { instanceOf: MitsuError });
}

test("readConfig() without anything is the default", async (t) => {
  const { config, from, warnings, files } = await read(t, {});
  t.deepEqual(config, defaultConfig);
  t.deepEqual({ from, warnings, files }, { from: "defaults", warnings: [], files: [] });
});

test("readConfig() takes a mesh.yaml that says nothing of mqtt, and watches it", async (t) => {
  const { config, from, files } = await read(t, {}, { "mesh.yaml": "version: 1\n" });
  t.deepEqual(config, defaultConfig);
  t.is(from, "defaults");
  t.is(files.length, 1);
});

test("readConfig() puts flags over all", async (t) => {
  const { config } = await read(
    t,
    {
      listen: ["0.0.0.0:1884", "[::1]:0", "/run/m.sock"],
      persistence: "state.db",
      passwordFile: "/etc/pw",
      aclFile: "/etc/acl",
      anonymous: "no",
      maxConnections: 5,
      maxInflight: 6,
      maxQueued: 7,
      maxPacketBytes: 8000,
    },
    {
      "mesh.yaml":
        "version: 1\nmqtt: { listeners: [ { port: 9 } ], limits: { inflight: 1, topic-levels: 3 }, security: { scram: true, password-file: /p } }\n",
    },
  );
  t.deepEqual(config.listeners, [
    { ...defaultListener, name: "0.0.0.0:1884", address: "0.0.0.0", port: 1884, anonymous: "no" },
    { ...defaultListener, name: "[::1]:0", address: "::1", port: 0, anonymous: "no" },
    { ...defaultListener, name: "/run/m.sock", address: undefined, port: 0, path: "/run/m.sock", anonymous: "no" },
  ]);
  t.deepEqual(config.limits, { ...defaultLimits, connections: 5, inflight: 6, queuedMessages: 7, packetBytes: 8000, topicLevels: 3 });
  t.like(config.security, { passwordFile: "/etc/pw", aclFile: "/etc/acl", scram: true });
  t.regex(config.persistence.path!, /mqttnic-c-.*\/state\.db$/);
});

test("readConfig() reads a mosquitto.conf, names what is odd, and tells log level and pid file", async (t) => {
  const text = "listener 1999 127.0.0.1\nallow_anonymous true\nautosave_interval 60\nlog_type debug\npid_file p.pid\ninclude_dir .\n";
  const found = await read(
    t,
    { configFile: "m.cfg", persistence: "off" },
    { "m.cfg": `${text}persistence true\n`, "more.conf": "max_qos 1\n" },
  );
  t.deepEqual(found.config.listeners, [{ ...defaultListener, name: "127.0.0.1:1999", port: 1999, anonymous: "yes", mostQos: 1 }]);
  t.is(found.config.persistence.path, undefined);
  t.deepEqual([found.from, found.logLevel, found.warnings.length, found.files.length], ["m.cfg", "debug", 1, 2]);
  t.regex(found.warnings[0]!, /^m\.cfg:3: autosave_interval has no effect/);
  t.regex(found.pidFile!, /^\/.*\/p\.pid$/);
});

test("readConfig() takes -p for loopback, with and without a file", async (t) => {
  const at = ({ config }: ReadConfig) => config.listeners.map(({ name, anonymous }) => `${name} ${anonymous}`);
  t.deepEqual(at(await read(t, { port: ["1884", "1885"] })), ["127.0.0.1:1884 local", "127.0.0.1:1885 local"]);
  t.true(at(await read(t, { port: ["1884"], configFile: "m.conf" }, { "m.conf": "" })).includes("127.0.0.1:1884 local"));
  const ignored = await read(t, { port: ["1884"] }, { "mesh.yaml": "version: 1\nmqtt: { listeners: [ { port: 9 } ] }\n" });
  t.is(ignored.config.listeners[0]!.port, 9);
  t.regex(ignored.warnings[0]!, /--port is ignored/);
});

for (const [what, args, files, code, says] of [
  ["an address that is none", { listen: ["localhost:1"] }, {}, "ERR_USAGE", /--listen 'localhost:1' is neither address:port nor a path/],
  ["a port too high", { listen: ["127.0.0.1:65536"] }, {}, "ERR_USAGE", /neither address:port/],
  ["a listener twice", { listen: ["127.0.0.1:9", "127.0.0.1:9"] }, {}, "ERR_USAGE", /--listen 127\.0\.0\.1:9 is given twice/],
  ["-p that is no port", { port: ["0"] }, {}, "ERR_USAGE", /--port 0: a whole number from 1 to 65535/],
  ["-p beside --listen", { port: ["1"], listen: ["127.0.0.1:9"] }, {}, "ERR_USAGE", /both given/],
  ["a limit below 0", { maxConnections: -1 }, {}, "ERR_USAGE", /--max-connections -1/],
  ["a packet size below 20", { maxPacketBytes: 5 }, {}, "ERR_USAGE", /--max-packet-bytes 5/],
  ["a mosquitto.conf that is not there", { configFile: "no.conf" }, {}, "ERR_MQTT_CONFIG", /cannot read no\.conf: ENOENT/],
  ["a mosquitto.conf that is wrong", { configFile: "m.conf" }, { "m.conf": "listner 1\n" }, "ERR_MQTT_CONFIG", /^m\.conf:1: listner is no/],
  [
    "a mesh.yaml that is wrong",
    {},
    { "mesh.yaml": "version: 1\nmqtt: { a: 1 }\n" },
    "ERR_CATALOG_INVALID",
    /mesh\.yaml:2:9: mqtt\.a: unknown/,
  ],
  [
    "a mesh without this node",
    { node: "n9" },
    { "mesh.yaml": "version: 1\nnodes: { n1: { address: 10.0.0.1 } }\nmqtt: { mesh: {} }\n" },
    "ERR_MQTT_CONFIG",
    /this node, n9, is none of n1/,
  ],
  [
    "a bridge's password file that is not there",
    {},
    {
      "mesh.yaml":
        "version: 1\nmqtt: { bridges: { b: { addresses: ['a:1'], topics: [ { pattern: x } ], username: u, password-file: /nowhere/p } } }\n",
    },
    "ERR_MQTT_CONFIG",
    /mqtt\.bridges\.b\.password-file: cannot read \/nowhere\/p: ENOENT/,
  ],
] as const) {
  test(`readConfig() refuses ${what}`, async (t) => {
    const error = await refused(t, args, files);
    t.is(error.code, code);
    t.regex(error.message, says);
    t.truthy(error.hint);
  });
}

const mesh = (text: string, files: Readonly<Record<string, string>> = {}): BrokerConfig =>
  fromMesh(parseCatalog(`version: 1\nnodes: { n1: { address: 10.0.0.1 }, n2: { address: 10.0.0.2 } }\nmqtt: ${text}\n`).mqtt!, {
    file: "mesh.yaml",
    node: "n1",
    ipv6: true,
    readFile: (path) => Buffer.from(files[path]!),
  });

test("fromMesh() of an empty mqtt is the default", (t) => {
  t.deepEqual(mesh("{}"), defaultConfig);
});

test("fromMesh() carries every setting over", (t) => {
  const config = mesh(
    `{ listeners: [ { port: 1, anonymous: allow }, { path: /s }, { address: "::1", tls: { certificate: /c, key: /k, server-names: { b: { certificate: /d, key: /e } } } } ],
  limits: { keep-alive: 1500ms, session-expiry: 1h, queued-bytes: 1KiB, when-queue-full: disconnect }, persistence: { path: /db, sync: true },
  bridges: { up: { addresses: ["h:1"], topics: [ { pattern: "#" } ], username: u, password-file: /pw, protocol: mqttv50, keep-alive: 30s, tls: { insecure: true } } },
  mesh: { port: 7, secret-file: /s }, nats: { servers: ["n:4222"] }, aggregates: { a: { filter: x } }, security: { jwt: { key-file: /j } }, sys-interval: 0, retain: false }`,
    { "/pw": "secret word\r\nmore" },
  );
  t.deepEqual(
    config.listeners.map(({ name, anonymous, address }) => [name, anonymous, address]),
    [
      ["[::]:1", "yes", "::"],
      ["/s", "local", undefined],
      ["[::1]:8883", "local", "::1"],
    ],
  );
  t.deepEqual(config.listeners[2]!.tls?.byServerName, { b: { certificate: "/d", key: "/e" } });
  t.deepEqual(config.limits, { ...defaultLimits, keepAliveS: 2, sessionExpiryS: 3600, queuedBytes: 1024, whenQueueFull: "disconnect" });
  t.deepEqual(config.persistence, { path: "/db", sync: true });
  t.deepEqual(config.bridges, [
    {
      name: "up",
      addresses: [{ host: "h", port: 1 }],
      topics: [{ pattern: "#", direction: "out", qos: 0, localPrefix: "", remotePrefix: "" }],
      protocolVersion: 5,
      localClientId: "local.up.n1",
      remoteClientId: "up.n1",
      remoteUsername: "u",
      remotePassword: "secret word",
      cleanSession: false,
      keepAliveS: 30,
      restartMinMs: 5000,
      restartMaxMs: 30_000,
      tryPrivate: true,
      notifications: true,
      notificationTopic: undefined,
      tls: { authorities: undefined, certificate: undefined, key: undefined, insecure: true },
    },
  ]);
  t.deepEqual(config.mesh, { node: "n1", peers: [{ node: "n2", host: "10.0.0.2", port: 7 }], tls: undefined, secretFile: "/s" });
  t.deepEqual(config.nats, { servers: ["n:4222"], subjectPrefix: "mqtt.", credentialsFile: undefined });
  t.like(config.aggregates[0], { name: "a", filter: "x", field: undefined, functions: ["last"] });
  t.like(config.security.jwt, { keyFile: "/j", issuer: undefined });
  t.deepEqual([config.sysIntervalMs, config.retainAvailable], [0, false]);
});

test("fromMesh() refuses a password file without a password", (t) => {
  const text = "{ bridges: { b: { addresses: ['h:1'], topics: [ { pattern: x } ], username: u, password-file: /pw } } }";
  t.throws(() => mesh(text, { "/pw": "\n" }), { message: /first line of \/pw is empty/ });
});

test("restartNeeded() names what cannot be changed while it runs, and nothing else", (t) => {
  t.deepEqual(restartNeeded(defaultConfig, defaultConfig), []);
  const hot: BrokerConfig = {
    ...defaultConfig,
    listeners: [],
    limits: { ...defaultLimits, connections: 1 },
    sysIntervalMs: 1,
    bridges: [],
  };
  t.deepEqual(restartNeeded(defaultConfig, hot), []);
  const cold: BrokerConfig = {
    ...defaultConfig,
    persistence: { path: "/x", sync: true },
    mesh: { node: "a", peers: [], tls: undefined, secretFile: undefined },
  };
  t.deepEqual(restartNeeded(defaultConfig, cold), [
    "the persistence file",
    "whether persistence waits for the disk",
    "the name of the node",
  ]);
});
