/** What holds where nothing is said. @module */
import type { BrokerConfig, Limits, ListenerConfig } from "./broker-config.ts";

const mebibyte = 1024 * 1024;

/** Limits unless told otherwise: those of mosquitto 2.0 where it has one, generous ones else. */
export const defaultLimits: Limits = {
  connections: 0,
  connectionsPerSecond: 0,
  inflight: 1024,
  receiveMaximum: 1024,
  queuedMessages: 1000,
  queuedBytes: 0,
  queuedBytesInAll: 1024 * mebibyte,
  whenQueueFull: "drop-newest",
  queueQos0: false,
  waitingBytes: mebibyte,
  waitingBytesDisconnect: 64 * mebibyte,
  packetBytes: 2 * mebibyte,
  payloadBytes: 0,
  retainedMessages: 0,
  retainedBytes: 1024 * mebibyte,
  subscriptionsPerClient: 0,
  topicLevels: 200,
  keepAliveS: 65_535,
  sessionExpiryS: 0,
  sessions: 0,
  connectWithinMs: 10_000,
};

/** A plain TCP listener. */
export const defaultListener: ListenerConfig = {
  name: "127.0.0.1:1883",
  protocol: "mqtt",
  address: "127.0.0.1",
  port: 1883,
  path: undefined,
  fd: undefined,
  tls: undefined,
  proxyProtocol: false,
  anonymous: "local",
  mostConnections: 0,
  mountPoint: "",
  certificateName: "none",
  mostQos: 2,
  topicAliases: 10,
  noDelay: true,
  webSocketPaths: [],
};

/** One listener on loopback, for anybody there; nothing kept on disk. */
export const defaultConfig: BrokerConfig = {
  listeners: [defaultListener],
  limits: defaultLimits,
  security: {
    passwordFile: undefined,
    aclFile: undefined,
    jwt: undefined,
    scram: false,
    auditLog: undefined,
    clientIdPrefix: "",
  },
  persistence: { path: undefined, sync: false },
  bridges: [],
  mesh: undefined,
  nats: undefined,
  aggregates: [],
  sysIntervalMs: 10_000,
  emptyClientIds: true,
  assignedIdPrefix: "auto-",
  retainAvailable: true,
  serverTopicAliases: true,
  upgradeOutgoingQos: false,
};
