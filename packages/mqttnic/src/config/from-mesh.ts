/** From `mqtt` of mesh.yaml to a `BrokerConfig`: our defaults where the file says nothing, files with secrets read. @module */
import type { Mqtt, MqttBridge, MqttListener } from "@mitsu/catalog";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { BridgeConfig, BrokerConfig, Limits, ListenerConfig, MeshConfig } from "./broker-config.ts";
import { defaultConfig, defaultLimits, defaultListener } from "./defaults.ts";
import { listenerName } from "./listen-at.ts";

/** What is known besides the file. */
export interface Surroundings {
  /** Of the file, for messages. */
  readonly file: string;
  /** Name of this node, and how it is known. */
  readonly node: string;
  /** Whether the machine has IPv6 addresses, so that every address is `::`. */
  readonly ipv6: boolean;
  readonly readFile: (path: string) => Uint8Array;
}

/**
 * Makes the broker's configuration of what the mesh file says.
 *
 * @throws {MitsuError} `ERR_MQTT_CONFIG` for a password file that cannot be read, and for a mesh that this node is not one of.
 */
export function fromMesh(mqtt: Mqtt, around: Surroundings): BrokerConfig {
  const { security, persistence, nats } = mqtt;
  const orUndefined = <T>(value: T | null): T | undefined => value ?? undefined;
  return {
    listeners: mqtt.listeners?.map((listener) => listenerOf(listener, around)) ?? defaultConfig.listeners,
    limits: limitsOf(mqtt),
    security: {
      passwordFile: orUndefined(security.passwordFile),
      aclFile: orUndefined(security.aclFile),
      jwt: security.jwt
        ? { ...security.jwt, issuer: orUndefined(security.jwt.issuer), audience: orUndefined(security.jwt.audience) }
        : undefined,
      scram: security.scram,
      auditLog: orUndefined(security.auditLog),
      clientIdPrefix: security.clientIdPrefix,
    },
    persistence: persistence ?? defaultConfig.persistence,
    bridges: mqtt.bridges.map((bridge) => bridgeOf(bridge, around)),
    mesh: meshOf(mqtt.mesh, around),
    nats: nats ? { ...nats, credentialsFile: orUndefined(nats.credentialsFile) } : undefined,
    aggregates: mqtt.aggregates.map((one) => ({ ...one, field: orUndefined(one.field) })),
    sysIntervalMs: mqtt.sysIntervalMs ?? defaultConfig.sysIntervalMs,
    emptyClientIds: mqtt.emptyClientIds ?? defaultConfig.emptyClientIds,
    assignedIdPrefix: mqtt.assignedIdPrefix ?? defaultConfig.assignedIdPrefix,
    retainAvailable: mqtt.retain ?? defaultConfig.retainAvailable,
    serverTopicAliases: mqtt.serverTopicAliases ?? defaultConfig.serverTopicAliases,
    upgradeOutgoingQos: mqtt.upgradeQos ?? defaultConfig.upgradeOutgoingQos,
  };
}

function listenerOf(one: MqttListener, { ipv6 }: Surroundings): ListenerConfig {
  const address = one.path === null ? (one.address ?? (ipv6 ? "::" : "0.0.0.0")) : undefined;
  const { tls } = one;
  return {
    ...defaultListener,
    name: one.path ?? listenerName(address!, one.port),
    protocol: one.protocol,
    address,
    port: one.port,
    path: one.path ?? undefined,
    tls: tls
      ? {
          certificate: tls.certificate,
          key: tls.key,
          authorities: tls.authorities ?? undefined,
          requireCertificate: tls.requireCertificate,
          revoked: tls.revoked ?? undefined,
          byServerName: Object.fromEntries(tls.serverNames.map(({ name, certificate, key }) => [name, { certificate, key }])),
        }
      : undefined,
    proxyProtocol: one.proxyProtocol,
    anonymous: ({ allow: "yes", deny: "no", local: "local" } as const)[one.anonymous],
    mostConnections: one.maxConnections ?? defaultListener.mostConnections,
    mountPoint: one.mountPoint,
    certificateName: one.usernameFrom,
    mostQos: one.maxQos,
    topicAliases: one.topicAliases ?? defaultListener.topicAliases,
    webSocketPaths: one.websocketPaths,
  };
}

/** Keep-alives and expiries are whole seconds in MQTT: parts of one are rounded up. */
function limitsOf({ limits: { keepAliveMs, sessionExpiryMs, ...same } }: Mqtt): Limits {
  const said = Object.fromEntries(Object.entries(same).filter(([, value]) => value !== null)) as Partial<Limits>;
  return {
    ...defaultLimits,
    ...said,
    keepAliveS: keepAliveMs === null ? defaultLimits.keepAliveS : Math.min(Math.ceil(keepAliveMs / 1000), 65_535),
    sessionExpiryS: sessionExpiryMs === null ? defaultLimits.sessionExpiryS : Math.ceil(sessionExpiryMs / 1000),
  };
}

function tlsOf(tls: MqttBridge["tls"]): BridgeConfig["tls"] {
  if (tls === null) return undefined;
  const { certificate, key, authorities, insecure } = tls;
  return { certificate: certificate ?? undefined, key: key ?? undefined, authorities: authorities ?? undefined, insecure };
}

function bridgeOf(one: MqttBridge, around: Surroundings): BridgeConfig {
  const remoteClientId = one.clientId ?? `${one.name}.${around.node}`;
  return {
    name: one.name,
    addresses: one.addresses,
    topics: one.topics,
    protocolVersion: ({ "3.1": 3, "3.1.1": 4, "5.0": 5 } as const)[one.protocol],
    localClientId: `local.${remoteClientId}`,
    remoteClientId,
    remoteUsername: one.username ?? undefined,
    remotePassword: one.passwordFile === null ? undefined : firstLine(one.passwordFile, `mqtt.bridges.${one.name}.password-file`, around),
    cleanSession: one.cleanSession,
    keepAliveS: Math.min(Math.ceil(one.keepAliveMs / 1000), 65_535),
    restartMinMs: one.restartMs[0],
    restartMaxMs: one.restartMs[1],
    tryPrivate: one.tryPrivate,
    notifications: one.notifications,
    notificationTopic: one.notificationTopic ?? undefined,
    tls: tlsOf(one.tls),
  };
}

function meshOf(mesh: Mqtt["mesh"], { node, file }: Surroundings): MeshConfig | undefined {
  if (mesh === null) return undefined;
  if (!mesh.nodes.some((one) => one.node === node)) {
    const names = mesh.nodes.map((one) => one.node).join(", ");
    throw wrong(
      `${file}: mqtt.mesh: this node, ${node}, is none of ${names || "its nodes, of which there are none"}`,
      "say which one it is: --node",
    );
  }
  return { node, peers: mesh.nodes.filter((one) => one.node !== node), tls: tlsOf(mesh.tls), secretFile: mesh.secretFile ?? undefined };
}

function firstLine(path: string, field: string, { file, readFile }: Surroundings): string {
  let text: string;
  try {
    text = Buffer.from(readFile(path)).toString("utf8");
  } catch (cause) {
    throw wrong(
      `${file}: ${field}: cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`,
      "make it, readable for mqttnic alone",
      cause,
    );
  }
  const line = text.split("\n", 1)[0]!.replace(/\r$/, "");
  if (line === "") throw wrong(`${file}: ${field}: the first line of ${path} is empty`, "write the password there");
  return line;
}

function wrong(message: string, hint: string, cause?: unknown): MitsuError {
  return new MitsuError(message, { code: "ERR_MQTT_CONFIG", exit: exitStatus.config, hint, cause });
}
