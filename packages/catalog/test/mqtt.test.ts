/** `mqtt` of mesh.yaml: what it comes to, and what is refused with its place. */
import { readFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import { CatalogError, diffCatalog, formatChanges, type Mqtt, parseCatalog } from "../src/mod.ts";

const nodes = "version: 1\nnodes:\n  n2: { address: 10.0.0.2 }\n  n1: { address: 10.0.0.1 }\n";
const mqtt = (text: string): Mqtt => parseCatalog(`${nodes}mqtt:\n${text}\n`).mqtt!;

const nothing: Mqtt = {
  listeners: null,
  limits: {
    connections: null,
    connectionsPerSecond: null,
    inflight: null,
    receiveMaximum: null,
    queuedMessages: null,
    queuedBytes: null,
    queuedBytesInAll: null,
    whenQueueFull: null,
    queueQos0: null,
    waitingBytes: null,
    waitingBytesDisconnect: null,
    packetBytes: null,
    payloadBytes: null,
    retainedMessages: null,
    retainedBytes: null,
    subscriptionsPerClient: null,
    topicLevels: null,
    keepAliveMs: null,
    sessionExpiryMs: null,
    sessions: null,
    connectWithinMs: null,
  },
  security: { passwordFile: null, aclFile: null, jwt: null, scram: false, auditLog: null, clientIdPrefix: "" },
  persistence: null,
  bridges: [],
  mesh: null,
  nats: null,
  aggregates: [],
  sysIntervalMs: null,
  emptyClientIds: null,
  assignedIdPrefix: null,
  retain: null,
  serverTopicAliases: null,
  upgradeQos: null,
};

test("a mesh file without mqtt, or with an empty one, says nothing of brokers", (t) => {
  t.false("mqtt" in parseCatalog("version: 1\n"));
  t.false("mqtt" in parseCatalog("version: 1\nmqtt:\n"));
  t.deepEqual(parseCatalog("version: 1\nmqtt: {}\n").mqtt, nothing);
});

test("mqtt.listeners: defaults, TLS, WebSocket and Unix sockets", (t) => {
  const { listeners } = mqtt(`  listeners:
    - {}
    - { address: "::", tls: { certificate: /c, key: /k } }
    - { path: /run/m.sock, anonymous: deny, mount-point: plant/ }
    - address: 10.0.0.1
      port: 9001
      protocol: websockets
      websocket-paths: [/mqtt]
      proxy-protocol: true
      max-connections: 5
      max-qos: 1
      topic-aliases: 0
      username-from: spiffe
      tls: { certificate: /c, key: /k, authorities: /a, require-certificate: true, revoked: /r, server-names: { b.example: { certificate: /c2, key: /k2 } } }`);
  const least = {
    address: null,
    port: 1883,
    path: null,
    protocol: "mqtt",
    tls: null,
    proxyProtocol: false,
    anonymous: "local",
    maxConnections: null,
    mountPoint: "",
    usernameFrom: "none",
    maxQos: 2,
    topicAliases: null,
    websocketPaths: [],
  } as const;
  t.deepEqual(listeners, [
    least,
    {
      ...least,
      address: "::",
      port: 8883,
      tls: { certificate: "/c", key: "/k", authorities: null, requireCertificate: false, revoked: null, serverNames: [] },
    },
    { ...least, path: "/run/m.sock", port: 0, anonymous: "deny", mountPoint: "plant/" },
    {
      ...least,
      address: "10.0.0.1",
      port: 9001,
      protocol: "websockets",
      websocketPaths: ["/mqtt"],
      proxyProtocol: true,
      maxConnections: 5,
      maxQos: 1,
      topicAliases: 0,
      usernameFrom: "spiffe",
      tls: {
        certificate: "/c",
        key: "/k",
        authorities: "/a",
        requireCertificate: true,
        revoked: "/r",
        serverNames: [{ name: "b.example", certificate: "/c2", key: "/k2" }],
      },
    },
  ]);
});

test("mqtt.limits: sizes are bytes, durations milliseconds", (t) => {
  const { limits } = mqtt(
    "  limits: { queued-bytes: 1MiB, packet-size: 64KiB, keep-alive: 90s, session-expiry: 1h, connect-within: 2s, when-queue-full: drop-oldest, queue-qos0: true, inflight: 0 }",
  );
  t.deepEqual(limits, {
    ...nothing.limits,
    queuedBytes: 1_048_576,
    packetBytes: 65_536,
    keepAliveMs: 90_000,
    sessionExpiryMs: 3_600_000,
    connectWithinMs: 2000,
    whenQueueFull: "drop-oldest",
    queueQos0: true,
    inflight: 0,
  });
});

test("mqtt.security, persistence, nats and the switches", (t) => {
  t.deepEqual(
    mqtt(`  security: { password-file: /p, acl-file: /a, scram: true, audit-log: "-", client-id-prefix: s-, jwt: { key-file: /j, issuer: i } }
  persistence: { path: /var/lib/m.db, sync: true }
  nats: { servers: ["n:4222", "[::1]:4223"] }
  sys-interval: 0
  empty-client-ids: false
  assigned-id-prefix: x-
  retain: false
  server-topic-aliases: false
  upgrade-qos: true`),
    {
      ...nothing,
      security: {
        passwordFile: "/p",
        aclFile: "/a",
        scram: true,
        auditLog: "-",
        clientIdPrefix: "s-",
        jwt: { keyFile: "/j", algorithms: ["RS256", "ES256"], issuer: "i", audience: null, usernameClaim: "sub" },
      },
      persistence: { path: "/var/lib/m.db", sync: true },
      nats: { servers: ["n:4222", "[::1]:4223"], subjectPrefix: "mqtt.", credentialsFile: null },
      sysIntervalMs: 0,
      emptyClientIds: false,
      assignedIdPrefix: "x-",
      retain: false,
      serverTopicAliases: false,
      upgradeQos: true,
    },
  );
  t.is(mqtt("  persistence: off").persistence, null);
});

test("mqtt.bridges: mosquitto's defaults, in order of name", (t) => {
  const { bridges } = mqtt(`  bridges:
    up: { addresses: ["a:1883", "[fd00::1]:1884"], topics: [ { pattern: "#", direction: both, qos: 2, remote-prefix: site/ } ], username: u, password-file: /p }
    down: { addresses: ["b:1"], topics: [ { pattern: "", local-prefix: l, remote-prefix: r } ], protocol: mqttv50, restart: { least: 1s, most: 2s }, tls: { authorities: /a } }`);
  t.deepEqual(
    bridges.map(({ name }) => name),
    ["down", "up"],
  );
  t.deepEqual(bridges[1], {
    name: "up",
    addresses: [
      { host: "a", port: 1883 },
      { host: "fd00::1", port: 1884 },
    ],
    topics: [{ pattern: "#", direction: "both", qos: 2, localPrefix: "", remotePrefix: "site/" }],
    protocol: "3.1.1",
    clientId: null,
    username: "u",
    passwordFile: "/p",
    cleanSession: false,
    keepAliveMs: 60_000,
    restartMs: [5000, 30_000],
    tryPrivate: true,
    notifications: true,
    notificationTopic: null,
    tls: null,
  });
  t.deepEqual(bridges[0]!.tls, { certificate: null, key: null, authorities: "/a", insecure: false });
  t.deepEqual(bridges[0]!.restartMs, [1000, 2000]);
});

test("mqtt.mesh: the nodes of the file, at their addresses unless told", (t) => {
  t.deepEqual(mqtt('  mesh: { port: 1999, addresses: { n2: "127.0.0.1:7" }, secret-file: /s }').mesh, {
    nodes: [
      { node: "n1", host: "10.0.0.1", port: 1999 },
      { node: "n2", host: "127.0.0.1", port: 7 },
    ],
    tls: null,
    secretFile: "/s",
  });
  t.deepEqual(
    mqtt("  mesh: { nodes: [n2] }").mesh!.nodes.map(({ node, port }) => [node, port]),
    [["n2", 1883]],
  );
});

test("mqtt.aggregates", (t) => {
  t.deepEqual(
    mqtt("  aggregates: { load: { filter: nodes/+/load, functions: [mean, last, mean], interval: 10ms, field: cpu } }").aggregates,
    [
      {
        name: "load",
        filter: "nodes/+/load",
        functions: ["mean", "last"],
        field: "cpu",
        keyLevel: -1,
        topCount: 10,
        intervalMs: 10,
        staleMs: 0,
        retain: true,
        qos: 0,
      },
    ],
  );
});

for (const [text, says] of [
  ["  listners: []", /^mesh\.yaml:6:3: mqtt\.listners: unknown field "listners"; did you mean "listeners"\?/],
  ["  listeners: []", /^mesh\.yaml:6:14: mqtt\.listeners: is empty/],
  ["  listeners: [ { port: 0 } ]", /mqtt\.listeners\[0\]\.port: 0 is not a port/],
  ["  listeners: [ { address: nowhere } ]", /"nowhere" is not an address/],
  ["  listeners: [ { port: 1, path: /x } ]", /stands beside an address or port/],
  ["  listeners: [ {}, { port: 1883 } ]", /every address port 1883 is already taken by mqtt\.listeners\[0\]/],
  ["  listeners: [ { path: x } ]", /"x" is not a path; use an absolute path/],
  ["  listeners: [ { username-from: spiffe } ]", /needs tls with authorities/],
  ["  listeners: [ { tls: { certificate: /c } } ]", /tls\.key: is missing; use an absolute path/],
  ["  listeners: [ { tls: { certificate: /c, key: /k, require-certificate: true } } ]", /needs authorities/],
  ["  listeners: [ { websocket-paths: [/a] } ]", /needs protocol: websockets/],
  ["  listeners: [ { max-qos: 3 } ]", /3 is not a quality of service; use 0, 1 or 2/],
  ["  listeners: [ { proxy-protocol: 'yes' } ]", /"yes" is not true or false/],
  ["  listeners: [ { mount-point: a/+/ } ]", /leave \+ and # out/],
  ["  limits: { packet-size: 5 MB }", /mqtt\.limits\.packet-size: "5 MB" is not a size/],
  ["  limits: { keep-alive: 60 }", /60 is not a duration/],
  ["  limits: { inflght: 1 }", /did you mean "inflight"\?/],
  ["  limits: { when-queue-full: block }", /use drop-newest, drop-oldest, disconnect/],
  ["  security: { scram: true }", /needs password-file/],
  ["  security: { jwt: { key-file: /k, algorithms: [none] } }", /"none" is not allowed here/],
  ["  persistence: on", /"on" is not a way to keep state; use off or/],
  ["  persistence: { path: /x, synk: true }", /unknown field "synk"; did you mean "sync"\?/],
  ["  bridges: { b: { topics: [ { pattern: x } ] } }", /bridges\.b\.addresses: is missing/],
  ["  bridges: { b: { addresses: [a], topics: [ { pattern: x } ] } }", /"a" is not host:port/],
  ["  bridges: { b: { addresses: ['a:70000'], topics: [ { pattern: x } ] } }", /"a:70000" is not host:port/],
  ["  bridges: { b: { addresses: ['a:1'], topics: [ { pattern: a# } ] } }", /"a#" is not a topic filter/],
  ["  bridges: { b: { addresses: ['a:1'], topics: [ { pattern: '' } ] } }", /is empty, which needs local-prefix and remote-prefix/],
  ["  bridges: { b: { addresses: ['a:1'], topics: [ { pattern: x } ], restart: { least: 2s, most: 1s } } }", /1s is below 2s/],
  ["  bridges: { b: { addresses: ['a:1'], topics: [ { pattern: x } ], password-file: /p } }", /needs a username/],
  ["  bridges: { b: { addresses: ['a:1'], topics: [ { pattern: x } ], tls: { key: /k } } }", /one of certificate and key/],
  ["  mesh: { nodes: [n3] }", /mqtt\.mesh\.nodes\[0\]: no node "n3"/],
  ["  mesh: { addresses: { m1: 'a:1' } }", /mqtt\.mesh\.addresses\.m1: no node "m1"; /],
  ["  nats: { servers: [] }", /is empty; name host:port/],
  ["  aggregates: { a: { filter: '' } }", /"" is not a topic filter/],
  ["  aggregates: { a: { filter: x, functions: [median] } }", /use last, min, max/],
  ["  sys-interval: 10", /10 is not a duration/],
] as const) {
  test(`refused: ${text.trim()}`, (t) => {
    const error = t.throws(() => mqtt(text), { instanceOf: CatalogError })!;
    t.is(error.problems.length, 1, error.message);
    t.regex(error.message, says);
    t.is(error.problems[0]!.line, 6);
  });
}

for (const filter of ["a", "/", "a/", "//", "+", "#", "+/a/#", "/+", "$SYS/#", "ä/ö"]) {
  test(`a topic filter: ${filter} [MQTT-4.7.1-1]`, (t) => {
    t.is(mqtt(`  aggregates: { a: { filter: "${filter}" } }`).aggregates[0]!.filter, filter);
  });
}

test("diffCatalog() tells what changed in mqtt", (t) => {
  const before = parseCatalog("version: 1\nmqtt: { sys-interval: 1s }\n");
  const after = parseCatalog("version: 1\nmqtt: { sys-interval: 2s, persistence: { path: /x } }\n");
  t.is(
    formatChanges(diffCatalog(before, after)),
    '~ setting mqtt.persistence: value none → {"path":"/x","sync":false}\n~ setting mqtt.sysIntervalMs: value 1000 → 2000',
  );
});

test("parseCatalog() throws nothing but CatalogError with places, whatever becomes of mqtt", (t) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const whole = /^```yaml\n(version: 1\nnodes: [^\n]*\nmqtt:[\s\S]*?)^```/m.exec(readme)![1]!;
  const lines = whole.split("\n");
  const change = fc.record({
    line: fc.nat(lines.length - 1),
    at: fc.nat(60),
    cut: fc.nat(12),
    text: fc.oneof(fc.constantFrom("", "0", "-1", "null", "[]", "{}", '""', "x", "off", "1e9", "#", ": "), fc.string({ maxLength: 4 })),
  });
  let refused = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const changed = [...lines];
      for (const { line, at, cut, text } of changes)
        changed[line] = `${changed[line]!.slice(0, at)}${text}${changed[line]!.slice(at + cut)}`;
      try {
        return parseCatalog(changed.join("\n")).version === 1;
      } catch (error) {
        refused++;
        return error instanceof CatalogError && error.problems.every(({ line, column }) => line > 0 && column > 0);
      }
    }),
    { seed: 1, numRuns: process.env.MITSU_TEST_ALL === "1" ? 500 : 150 },
  );
  t.true(refused > 50 && refused < 500, String(refused));
});
