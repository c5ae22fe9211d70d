/** `mqtt` after parsing: what mesh.yaml says of the broker; null wherever it says nothing, so that mqttnic's own defaults hold. @module */

/** Whose clients come in without a name: everybody's, nobody's, or those on loopback and Unix sockets. */
export type MqttAnonymous = "allow" | "deny" | "local";

/** Certificate, key and authorities; paths of PEM files. */
export interface MqttTls {
  readonly certificate: string | null;
  readonly key: string | null;
  readonly authorities: string | null;
}

/** TLS of a listener. */
export interface MqttListenerTls extends MqttTls {
  readonly certificate: string;
  readonly key: string;
  readonly requireCertificate: boolean;
  readonly revoked: string | null;
  /** Further certificates by the name that a client asks for. */
  readonly serverNames: readonly { readonly name: string; readonly certificate: string; readonly key: string }[];
}

/** Where clients come in: an address and port, or the path of a Unix socket. */
export interface MqttListener {
  /** Canonical; null is every address, or none with `path`. */
  readonly address: string | null;
  /** 0 with `path`. */
  readonly port: number;
  readonly path: string | null;
  readonly protocol: "mqtt" | "websockets";
  readonly tls: MqttListenerTls | null;
  readonly proxyProtocol: boolean;
  readonly anonymous: MqttAnonymous;
  readonly maxConnections: number | null;
  readonly mountPoint: string;
  readonly usernameFrom: "none" | "common-name" | "subject" | "spiffe";
  readonly maxQos: 0 | 1 | 2;
  readonly topicAliases: number | null;
  readonly websocketPaths: readonly string[];
}

/** Bounds; sizes in bytes, 0 is none. */
export interface MqttLimits {
  readonly connections: number | null;
  readonly connectionsPerSecond: number | null;
  readonly inflight: number | null;
  readonly receiveMaximum: number | null;
  readonly queuedMessages: number | null;
  readonly queuedBytes: number | null;
  readonly queuedBytesInAll: number | null;
  readonly whenQueueFull: "drop-newest" | "drop-oldest" | "disconnect" | null;
  readonly queueQos0: boolean | null;
  readonly waitingBytes: number | null;
  readonly waitingBytesDisconnect: number | null;
  readonly packetBytes: number | null;
  readonly payloadBytes: number | null;
  readonly retainedMessages: number | null;
  readonly retainedBytes: number | null;
  readonly subscriptionsPerClient: number | null;
  readonly topicLevels: number | null;
  readonly keepAliveMs: number | null;
  readonly sessionExpiryMs: number | null;
  readonly sessions: number | null;
  readonly connectWithinMs: number | null;
}

/** Who may come in and what they may do. */
export interface MqttSecurity {
  readonly passwordFile: string | null;
  readonly aclFile: string | null;
  readonly jwt: {
    readonly keyFile: string;
    readonly algorithms: readonly string[];
    readonly issuer: string | null;
    readonly audience: string | null;
    readonly usernameClaim: string;
  } | null;
  readonly scram: boolean;
  /** `-` is stdout. */
  readonly auditLog: string | null;
  readonly clientIdPrefix: string;
}

/** One topic of a bridge. */
export interface MqttBridgeTopic {
  readonly pattern: string;
  readonly direction: "in" | "out" | "both";
  readonly qos: 0 | 1 | 2;
  readonly localPrefix: string;
  readonly remotePrefix: string;
}

/** A host name or address, and a port. */
export interface MqttAddress {
  readonly host: string;
  readonly port: number;
}

/** A connection to another broker. */
export interface MqttBridge {
  readonly name: string;
  readonly addresses: readonly MqttAddress[];
  readonly topics: readonly MqttBridgeTopic[];
  readonly protocol: "3.1" | "3.1.1" | "5.0";
  /** null is the bridge's name and that of the node. */
  readonly clientId: string | null;
  readonly username: string | null;
  /** Its first line is the password. */
  readonly passwordFile: string | null;
  readonly cleanSession: boolean;
  readonly keepAliveMs: number;
  readonly restartMs: readonly [least: number, most: number];
  readonly tryPrivate: boolean;
  readonly notifications: boolean;
  readonly notificationTopic: string | null;
  readonly tls: (MqttTls & { readonly insecure: boolean }) | null;
}

/** How the brokers of the mesh's nodes are one. */
export interface MqttMesh {
  /** Where each node's broker takes the others, in order of name. */
  readonly nodes: readonly { readonly node: string; readonly host: string; readonly port: number }[];
  readonly tls: (MqttTls & { readonly insecure: boolean }) | null;
  readonly secretFile: string | null;
}

/** A figure that an aggregate has. */
export type MqttFunction = "last" | "min" | "max" | "mean" | "sum" | "count" | "top";

/** The state of many topics as one message. */
export interface MqttAggregate {
  readonly name: string;
  readonly filter: string;
  readonly functions: readonly MqttFunction[];
  readonly field: string | null;
  /** From 0; -1 is the last. */
  readonly keyLevel: number;
  readonly topCount: number;
  readonly intervalMs: number;
  readonly staleMs: number;
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
}

/** All of `mqtt`. */
export interface Mqtt {
  /** null: loopback alone. */
  readonly listeners: readonly MqttListener[] | null;
  readonly limits: MqttLimits;
  readonly security: MqttSecurity;
  /** null is off. */
  readonly persistence: { readonly path: string; readonly sync: boolean } | null;
  readonly bridges: readonly MqttBridge[];
  readonly mesh: MqttMesh | null;
  readonly nats: { readonly servers: readonly string[]; readonly subjectPrefix: string; readonly credentialsFile: string | null } | null;
  readonly aggregates: readonly MqttAggregate[];
  readonly sysIntervalMs: number | null;
  readonly emptyClientIds: boolean | null;
  readonly assignedIdPrefix: string | null;
  readonly retain: boolean | null;
  readonly serverTopicAliases: boolean | null;
  readonly upgradeQos: boolean | null;
}
