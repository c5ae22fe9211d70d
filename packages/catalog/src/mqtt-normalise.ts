/** From `mqtt` as written to as parsed: names become camelCase, durations milliseconds, sizes bytes; and what refers to what is checked. @module */
import { parseByteSize } from "./byte-size.ts";
import { parseDuration } from "./duration.ts";
import { formatIp, parseIp } from "./ip.ts";
import type { MeshEntries } from "./mesh-entries.ts";
import type { Mqtt, MqttAggregate, MqttBridge, MqttLimits, MqttListener, MqttMesh, MqttSecurity } from "./mqtt.ts";
import type {
  MqttAggregateEntry,
  MqttBridgeEntry,
  MqttClientTlsEntry,
  MqttEntry,
  MqttLimitsEntry,
  MqttListenerEntry,
  MqttSecurityEntry,
} from "./mqtt-entry.ts";
import { parseHostPort } from "./mqtt-fields.ts";
import type { FieldPath, Finding } from "./problem.ts";
import { unknownName } from "./unknown-name.ts";

type Say = (path: FieldPath, message: string) => void;

const ms = (field: string | 0 | undefined): number | null => (field === undefined ? null : field === 0 ? 0 : parseDuration(field)!);
const bytes = (field: string | number | undefined): number | null => (field === undefined ? null : parseByteSize(field)!);

/** Fills in and checks; null when the file has no `mqtt`. Faults go to `findings`. */
export function normaliseMqtt(entries: MeshEntries, findings: Finding[]): Mqtt | null {
  const { mqtt } = entries;
  if (mqtt === null) return null;
  const say: Say = (path, message) => findings.push({ path: ["mqtt", ...path], at: "value", message });
  const names = <T>(map: Readonly<Record<string, T>> | undefined): [string, T][] =>
    Object.entries(map ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    listeners: mqtt.listeners === undefined ? null : listenersOf(mqtt.listeners, say),
    limits: limitsOf(mqtt.limits ?? {}),
    security: securityOf(mqtt.security ?? {}, say),
    persistence:
      mqtt.persistence === undefined || mqtt.persistence === "off"
        ? null
        : { path: mqtt.persistence.path, sync: mqtt.persistence.sync ?? false },
    bridges: names(mqtt.bridges).map(([name, bridge]) => bridgeOf(name, bridge, say)),
    mesh: mqtt.mesh === undefined ? null : meshOf(mqtt.mesh, entries, say),
    nats:
      mqtt.nats === undefined
        ? null
        : {
            servers: mqtt.nats.servers,
            subjectPrefix: mqtt.nats["subject-prefix"] ?? "mqtt.",
            credentialsFile: mqtt.nats["credentials-file"] ?? null,
          },
    aggregates: names(mqtt.aggregates).map(([name, aggregate]) => aggregateOf(name, aggregate)),
    sysIntervalMs: ms(mqtt["sys-interval"]),
    emptyClientIds: mqtt["empty-client-ids"] ?? null,
    assignedIdPrefix: mqtt["assigned-id-prefix"] ?? null,
    retain: mqtt.retain ?? null,
    serverTopicAliases: mqtt["server-topic-aliases"] ?? null,
    upgradeQos: mqtt["upgrade-qos"] ?? null,
  };
}

function listenersOf(list: readonly MqttListenerEntry[], say: Say): MqttListener[] {
  if (list.length === 0) say(["listeners"], "is empty, so that nobody could come in; leave it out for loopback");
  const taken = new Map<string, number>();
  return list.map((entry, index): MqttListener => {
    const path: FieldPath = ["listeners", index];
    const { tls } = entry;
    if (entry.path !== undefined && (entry.address !== undefined || entry.port !== undefined)) {
      say([...path, "path"], "stands beside an address or port; a listener has one or the other");
    }
    const port = entry.path === undefined ? (entry.port ?? (tls ? 8883 : 1883)) : 0;
    const address = entry.address === undefined ? null : formatIp(parseIp(entry.address)!);
    const where = entry.path ?? `${address ?? "every address"} port ${port}`;
    const owner = taken.get(where);
    if (owner !== undefined) say(path, `${where} is already taken by mqtt.listeners[${owner}]; give each its own`);
    else taken.set(where, index);
    const from = entry["username-from"] ?? "none";
    if (from !== "none" && !tls?.authorities)
      say([...path, "username-from"], "needs tls with authorities, whose certificates have the names");
    if (tls?.["require-certificate"] && !tls.authorities)
      say([...path, "tls", "require-certificate"], "needs authorities that are trusted");
    if (tls?.revoked && !tls.authorities) say([...path, "tls", "revoked"], "needs authorities that are trusted");
    if (entry["websocket-paths"] !== undefined && entry.protocol !== "websockets")
      say([...path, "websocket-paths"], "needs protocol: websockets");
    return {
      address,
      port,
      path: entry.path ?? null,
      protocol: entry.protocol ?? "mqtt",
      tls: tls
        ? {
            certificate: tls.certificate,
            key: tls.key,
            authorities: tls.authorities ?? null,
            requireCertificate: tls["require-certificate"] ?? false,
            revoked: tls.revoked ?? null,
            serverNames: Object.entries(tls["server-names"] ?? {}).map(([name, files]) => ({ name, ...files })),
          }
        : null,
      proxyProtocol: entry["proxy-protocol"] ?? false,
      anonymous: entry.anonymous ?? "local",
      maxConnections: entry["max-connections"] ?? null,
      mountPoint: entry["mount-point"] ?? "",
      usernameFrom: from,
      maxQos: entry["max-qos"] ?? 2,
      topicAliases: entry["topic-aliases"] ?? null,
      websocketPaths: entry["websocket-paths"] ?? [],
    };
  });
}

function limitsOf(entry: MqttLimitsEntry): MqttLimits {
  return {
    connections: entry.connections ?? null,
    connectionsPerSecond: entry["connections-per-second"] ?? null,
    inflight: entry.inflight ?? null,
    receiveMaximum: entry["receive-maximum"] ?? null,
    queuedMessages: entry["queued-messages"] ?? null,
    queuedBytes: bytes(entry["queued-bytes"]),
    queuedBytesInAll: bytes(entry["queued-bytes-in-all"]),
    whenQueueFull: entry["when-queue-full"] ?? null,
    queueQos0: entry["queue-qos0"] ?? null,
    waitingBytes: bytes(entry["waiting-bytes"]),
    waitingBytesDisconnect: bytes(entry["waiting-bytes-disconnect"]),
    packetBytes: bytes(entry["packet-size"]),
    payloadBytes: bytes(entry["payload-size"]),
    retainedMessages: entry["retained-messages"] ?? null,
    retainedBytes: bytes(entry["retained-bytes"]),
    subscriptionsPerClient: entry["subscriptions-per-client"] ?? null,
    topicLevels: entry["topic-levels"] ?? null,
    keepAliveMs: ms(entry["keep-alive"]),
    sessionExpiryMs: ms(entry["session-expiry"]),
    sessions: entry.sessions ?? null,
    connectWithinMs: ms(entry["connect-within"]),
  };
}

function securityOf(entry: MqttSecurityEntry, say: Say): MqttSecurity {
  if (entry.scram && entry["password-file"] === undefined) say(["security", "scram"], "needs password-file, whose users it is about");
  const { jwt } = entry;
  return {
    passwordFile: entry["password-file"] ?? null,
    aclFile: entry["acl-file"] ?? null,
    jwt: jwt
      ? {
          keyFile: jwt["key-file"],
          algorithms: jwt.algorithms ?? ["RS256", "ES256"],
          issuer: jwt.issuer ?? null,
          audience: jwt.audience ?? null,
          usernameClaim: jwt["username-claim"] ?? "sub",
        }
      : null,
    scram: entry.scram ?? false,
    auditLog: entry["audit-log"] ?? null,
    clientIdPrefix: entry["client-id-prefix"] ?? "",
  };
}

function clientTls(tls: MqttClientTlsEntry | undefined, path: FieldPath, say: Say): MqttBridge["tls"] {
  if (tls === undefined) return null;
  const { certificate = null, key = null, authorities = null, insecure = false } = tls;
  if ((certificate === null) !== (key === null)) say(path, "has one of certificate and key; it takes both or none");
  return { certificate, key, authorities, insecure };
}

function bridgeOf(name: string, entry: MqttBridgeEntry, say: Say): MqttBridge {
  const path: FieldPath = ["bridges", name];
  const { least = "5s", most = "30s" } = entry.restart ?? {};
  const restartMs = [ms(least)!, ms(most)!] as const;
  if (restartMs[1] < restartMs[0]) say([...path, "restart"], `${most} is below ${least}`);
  if (entry["password-file"] !== undefined && entry.username === undefined) say([...path, "password-file"], "needs a username");
  return {
    name,
    addresses: entry.addresses.map(parseHostPort),
    topics: entry.topics.map((topic, index) => {
      const { pattern, direction = "out", qos = 0, "local-prefix": localPrefix = "", "remote-prefix": remotePrefix = "" } = topic;
      if (pattern === "" && (localPrefix === "" || remotePrefix === "")) {
        say([...path, "topics", index, "pattern"], "is empty, which needs local-prefix and remote-prefix");
      }
      return { pattern, direction, qos, localPrefix, remotePrefix };
    }),
    protocol: ({ mqttv31: "3.1", mqttv311: "3.1.1", mqttv50: "5.0" } as const)[entry.protocol ?? "mqttv311"],
    clientId: entry["client-id"] ?? null,
    username: entry.username ?? null,
    passwordFile: entry["password-file"] ?? null,
    cleanSession: entry["clean-session"] ?? false,
    keepAliveMs: ms(entry["keep-alive"]) ?? 60_000,
    restartMs,
    tryPrivate: entry["try-private"] ?? true,
    notifications: entry.notifications ?? true,
    notificationTopic: entry["notification-topic"] ?? null,
    tls: clientTls(entry.tls, [...path, "tls"], say),
  };
}

/** A node without an address of its own in `addresses` is at its address in the mesh. */
function meshOf(entry: NonNullable<MqttEntry["mesh"]>, { nodes, nodeNames }: MeshEntries, say: Say): MqttMesh {
  const { port = 1883, addresses = {}, nodes: only } = entry;
  only?.forEach((node, index) => {
    if (!nodeNames.has(node)) say(["mesh", "nodes", index], unknownName("node", node, nodeNames));
  });
  for (const node of Object.keys(addresses)) {
    if (!nodeNames.has(node)) say(["mesh", "addresses", node], unknownName("node", node, nodeNames));
  }
  const member = [...nodes].filter(([name]) => only === undefined || only.includes(name));
  return {
    nodes: member.map(([node, { address }]) => ({
      node,
      ...(Object.hasOwn(addresses, node) ? parseHostPort(addresses[node]!) : { host: formatIp(parseIp(address)!), port }),
    })),
    tls: clientTls(entry.tls, ["mesh", "tls"], say),
    secretFile: entry["secret-file"] ?? null,
  };
}

function aggregateOf(name: string, entry: MqttAggregateEntry): MqttAggregate {
  return {
    name,
    filter: entry.filter,
    functions: [...new Set(entry.functions ?? (["last"] as const))],
    field: entry.field ?? null,
    keyLevel: entry["key-level"] ?? -1,
    topCount: entry["top-count"] ?? 10,
    intervalMs: ms(entry.interval) ?? 0,
    staleMs: ms(entry.stale) ?? 0,
    retain: entry.retain ?? true,
    qos: entry.qos ?? 0,
  };
}
