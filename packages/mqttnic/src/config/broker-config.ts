/**
 * The broker's whole configuration as a value: what mosquitto.conf, mesh.yaml and flags come to. Names in comments are mosquitto.conf's directives.
 * A changed one replaces it; what cannot change while it runs is said by `restartNeeded` (config/compare.ts).
 * @module
 */

/** Files of a TLS listener. */
export interface TlsConfig {
  /** PEM; `certfile`. */
  readonly certificate: string;
  /** PEM; `keyfile`. */
  readonly key: string;
  /** PEM with the authorities of client certificates; `cafile`. */
  readonly authorities: string | undefined;
  /** `require_certificate`. */
  readonly requireCertificate: boolean;
  /** PEM; `crlfile`. */
  readonly revoked: string | undefined;
  /** Further certificates by the name a client asks for (SNI). */
  readonly byServerName: Readonly<Record<string, { readonly certificate: string; readonly key: string }>>;
}

/** Where clients come in. */
export interface ListenerConfig {
  /** For messages and metrics: `0.0.0.0:1883`, the path of a Unix socket, or a given name. */
  readonly name: string;
  /** `protocol`. */
  readonly protocol: "mqtt" | "websockets";
  /** Address to bind, or undefined for a Unix socket and for in-process streams. */
  readonly address: string | undefined;
  readonly port: number;
  /** Path of a Unix socket. */
  readonly path: string | undefined;
  /** A socket that systemd has bound. */
  readonly fd: number | undefined;
  readonly tls: TlsConfig | undefined;
  /** A PROXY protocol header (version 1 or 2) comes first on each connection. */
  readonly proxyProtocol: boolean;
  /** `allow_anonymous`; `local` lets them in from loopback and Unix sockets only. */
  readonly anonymous: "yes" | "no" | "local";
  /** `max_connections`; 0 is no bound. */
  readonly mostConnections: number;
  /** `mount_point`: put before every topic of its clients. */
  readonly mountPoint: string;
  /** Where the name comes from when there is a certificate: `use_identity_as_username`, `use_subject_as_username`, the SPIFFE id's last part, or nothing. */
  readonly certificateName: "none" | "common-name" | "subject" | "spiffe";
  /** `max_qos`. */
  readonly mostQos: 0 | 1 | 2;
  /** `max_topic_alias`: what clients may use; 0 is none. */
  readonly topicAliases: number;
  /** `socket_domain`/`bind_interface` and the like are refused by name. Nagle is off unless told: `set_tcp_nodelay`. */
  readonly noDelay: boolean;
  /** Paths that WebSockets are opened at; all when empty. */
  readonly webSocketPaths: readonly string[];
}

/** What happens when a client's queue is full. */
export type DropPolicy = "drop-newest" | "drop-oldest" | "disconnect";

/** Bounds; 0 is none unless said otherwise. Each has a counter `mqttnic_limit_reached_total{limit=…}`. */
export interface Limits {
  /** All listeners together; CONNACK 0x97. */
  readonly connections: number;
  /** New connections in a second, all listeners, with bursts of so many; beyond it CONNACK 0x9F. */
  readonly connectionsPerSecond: number;
  /** `max_inflight_messages`: of QoS 1 and 2 to a client at a time, at most what it says itself. */
  readonly inflight: number;
  /** Receive Maximum that clients are told; beyond it DISCONNECT 0x93. */
  readonly receiveMaximum: number;
  /** `max_queued_messages` for each client. */
  readonly queuedMessages: number;
  /** `max_queued_bytes` for each client. */
  readonly queuedBytes: number;
  /** All queues together. */
  readonly queuedBytesInAll: number;
  readonly whenQueueFull: DropPolicy;
  /** `queue_qos0_messages`: for clients that are away. */
  readonly queueQos0: boolean;
  /** Bytes that wait for one connection's socket, above which QoS 0 is dropped for it. */
  readonly waitingBytes: number;
  /** Bytes that wait for one connection's socket, above which it is disconnected (0x97). */
  readonly waitingBytesDisconnect: number;
  /** `max_packet_size`; told to 5.0 clients; beyond it DISCONNECT 0x95. */
  readonly packetBytes: number;
  /** `message_size_limit`, of a payload. */
  readonly payloadBytes: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  readonly subscriptionsPerClient: number;
  /** Levels of a topic or filter; 0 is the 1000 that are possible. */
  readonly topicLevels: number;
  /** `max_keepalive`: above it 5.0 clients are told this one (Server Keep Alive). Seconds. */
  readonly keepAliveS: number;
  /** `persistent_client_expiration`: cap on a session's expiry, seconds. */
  readonly sessionExpiryS: number;
  /** Sessions of clients that are away. */
  readonly sessions: number;
  /** A connection that has sent no CONNECT within this is closed. */
  readonly connectWithinMs: number;
}

/** Who may come in and what they may do. */
export interface SecurityConfig {
  /** `password_file`. */
  readonly passwordFile: string | undefined;
  /** `acl_file`. */
  readonly aclFile: string | undefined;
  readonly jwt: JwtConfig | undefined;
  /** Enhanced authentication by SCRAM-SHA-256 with the users of the password file. */
  readonly scram: boolean;
  /** A line of JSON for each connect, refusal, denial and disconnect; `-` is stdout. */
  readonly auditLog: string | undefined;
  /** `clientid_prefixes`. */
  readonly clientIdPrefix: string;
}

/** Passwords that are tokens. [RFC 7519] */
export interface JwtConfig {
  /** PEM of a public key, or a JWK set; a file with a secret for HS256. */
  readonly keyFile: string;
  readonly algorithms: readonly string[];
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** The claim that is the user name; `sub` unless told. */
  readonly usernameClaim: string;
}

/** State on disk. */
export interface PersistenceConfig {
  /** `persistence_location` and `persistence_file`; undefined is off. */
  readonly path: string | undefined;
  /** Whether each turn waits for the disk (fsync), so that a power failure loses nothing either. */
  readonly sync: boolean;
}

/** A connection to another broker; mosquitto's `connection`. */
export interface BridgeConfig {
  readonly name: string;
  /** `addresses`: the first is tried first, the others in turn. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly topics: readonly BridgeTopic[];
  readonly protocolVersion: 3 | 4 | 5;
  readonly localClientId: string;
  readonly remoteClientId: string;
  readonly remoteUsername: string | undefined;
  readonly remotePassword: string | undefined;
  readonly cleanSession: boolean;
  readonly keepAliveS: number;
  readonly restartMinMs: number;
  readonly restartMaxMs: number;
  /** `try_private`: says that it is a bridge, so that the other end keeps RETAIN and sends nothing back. */
  readonly tryPrivate: boolean;
  /** `notifications`, `notification_topic`. */
  readonly notifications: boolean;
  readonly notificationTopic: string | undefined;
  readonly tls:
    | {
        readonly authorities: string | undefined;
        readonly certificate: string | undefined;
        readonly key: string | undefined;
        readonly insecure: boolean;
      }
    | undefined;
}

/** `topic <pattern> <direction> <qos> <local prefix> <remote prefix>`. */
export interface BridgeTopic {
  readonly pattern: string;
  readonly direction: "in" | "out" | "both";
  readonly qos: 0 | 1 | 2;
  readonly localPrefix: string;
  readonly remotePrefix: string;
}

/** The brokers of the mesh's other nodes. */
export interface MeshConfig {
  readonly node: string;
  readonly peers: readonly { readonly node: string; readonly host: string; readonly port: number }[];
  readonly tls: BridgeConfig["tls"];
  /** What peers prove themselves by when there is no TLS. */
  readonly secretFile: string | undefined;
}

/** NATS instead of links between brokers. */
export interface NatsConfig {
  readonly servers: readonly string[];
  /** Put before every subject. */
  readonly subjectPrefix: string;
  readonly credentialsFile: string | undefined;
}

/** An aggregate: the state of many topics as one message at `$agg/<name>`. */
export interface AggregateConfig {
  readonly name: string;
  readonly filter: string;
  /** `last` of each topic (its last level unless `key` counts another), or a figure over all of them. */
  readonly functions: readonly ("last" | "min" | "max" | "mean" | "sum" | "count" | "top")[];
  /** Of JSON payloads: the field that is a number, `a.b`; undefined takes the payload itself. */
  readonly field: string | undefined;
  /** Which level of the topic names its source, from 0; -1 the last. */
  readonly keyLevel: number;
  /** For `top`. */
  readonly topCount: number;
  /** Sent so often; 0 is at each turn in which something changed. */
  readonly intervalMs: number;
  /** A source not heard of for so long is left out; 0 never. */
  readonly staleMs: number;
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
}

/** All of it. */
export interface BrokerConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly limits: Limits;
  readonly security: SecurityConfig;
  readonly persistence: PersistenceConfig;
  readonly bridges: readonly BridgeConfig[];
  readonly mesh: MeshConfig | undefined;
  readonly nats: NatsConfig | undefined;
  readonly aggregates: readonly AggregateConfig[];
  /** `sys_interval`; 0 is no `$SYS`. */
  readonly sysIntervalMs: number;
  /** `allow_zero_length_clientid`, `auto_id_prefix`. */
  readonly emptyClientIds: boolean;
  readonly assignedIdPrefix: string;
  /** `retain_available`. */
  readonly retainAvailable: boolean;
  /** Told to 5.0 clients, and used towards them where they allow aliases. */
  readonly serverTopicAliases: boolean;
  /** `upgrade_outgoing_qos`: subscriptions' QoS also raises. */
  readonly upgradeOutgoingQos: boolean;
}
