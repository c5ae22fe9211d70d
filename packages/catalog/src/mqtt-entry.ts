/**
 * `mqtt` as written: types and schema side by side. It is long because the section is, and since each field's type, form and words want to be read together.
 *
 * @module
 */
import { z } from "zod";
import { count, name, oneOf, port, wrong } from "./fields.ts";
import type { MqttAnonymous, MqttFunction, MqttLimits, MqttListener } from "./mqtt.ts";
import { bool, bound, filePath, hostPort, listenAddress, qos, topicFilter, topicText, word } from "./mqtt-fields.ts";
import { byteSize, duration, positiveDuration } from "./traffic/fields.ts";

type Maybe<T> = { [K in keyof T]?: T[K] | undefined };
type Size = string | number;
type Duration = string | 0;

/** TLS of a client as written. */
export type MqttClientTlsEntry = Maybe<{ certificate: string; key: string; authorities: string; insecure: boolean }>;

/** A listener as written. */
export type MqttListenerEntry = Maybe<{
  address: string;
  port: number;
  path: string;
  protocol: "mqtt" | "websockets";
  tls: { certificate: string; key: string } & Maybe<{
    authorities: string;
    "require-certificate": boolean;
    revoked: string;
    "server-names": Record<string, { certificate: string; key: string }>;
  }>;
  "proxy-protocol": boolean;
  anonymous: MqttAnonymous;
  "max-connections": number;
  "mount-point": string;
  "username-from": MqttListener["usernameFrom"];
  "max-qos": 0 | 1 | 2;
  "topic-aliases": number;
  "websocket-paths": string[];
}>;

/** Bounds as written. */
export type MqttLimitsEntry = Maybe<{
  connections: number;
  "connections-per-second": number;
  inflight: number;
  "receive-maximum": number;
  "queued-messages": number;
  "queued-bytes": Size;
  "queued-bytes-in-all": Size;
  "when-queue-full": NonNullable<MqttLimits["whenQueueFull"]>;
  "queue-qos0": boolean;
  "waiting-bytes": Size;
  "waiting-bytes-disconnect": Size;
  "packet-size": Size;
  "payload-size": Size;
  "retained-messages": number;
  "retained-bytes": Size;
  "subscriptions-per-client": number;
  "topic-levels": number;
  "keep-alive": string;
  "session-expiry": Duration;
  sessions: number;
  "connect-within": string;
}>;

/** Security as written. */
export type MqttSecurityEntry = Maybe<{
  "password-file": string;
  "acl-file": string;
  jwt: { "key-file": string } & Maybe<{ algorithms: string[]; issuer: string; audience: string; "username-claim": string }>;
  scram: boolean;
  "audit-log": string;
  "client-id-prefix": string;
}>;

/** A bridge's topic as written. */
export type MqttBridgeTopicEntry = { pattern: string } & Maybe<{
  direction: "in" | "out" | "both";
  qos: 0 | 1 | 2;
  "local-prefix": string;
  "remote-prefix": string;
}>;

/** A bridge as written. */
export type MqttBridgeEntry = { addresses: string[]; topics: MqttBridgeTopicEntry[] } & Maybe<{
  protocol: "mqttv31" | "mqttv311" | "mqttv50";
  "client-id": string;
  username: string;
  "password-file": string;
  "clean-session": boolean;
  "keep-alive": string;
  restart: { least: string; most: string };
  "try-private": boolean;
  notifications: boolean;
  "notification-topic": string;
  tls: MqttClientTlsEntry;
}>;

/** The brokers' mesh as written. */
export type MqttMeshEntry = Maybe<{
  port: number;
  nodes: string[];
  addresses: Record<string, string>;
  tls: MqttClientTlsEntry;
  "secret-file": string;
}>;

/** An aggregate as written. */
export type MqttAggregateEntry = { filter: string } & Maybe<{
  functions: MqttFunction[];
  field: string;
  "key-level": number;
  "top-count": number;
  interval: Duration;
  stale: Duration;
  retain: boolean;
  qos: 0 | 1 | 2;
}>;

/** `mqtt` as written. */
export type MqttEntry = Maybe<{
  listeners: MqttListenerEntry[];
  limits: MqttLimitsEntry;
  security: MqttSecurityEntry;
  persistence: "off" | ({ path: string } & Maybe<{ sync: boolean }>);
  bridges: Record<string, MqttBridgeEntry>;
  mesh: MqttMeshEntry;
  nats: { servers: string[] } & Maybe<{ "subject-prefix": string; "credentials-file": string }>;
  aggregates: Record<string, MqttAggregateEntry>;
  "sys-interval": Duration;
  "empty-client-ids": boolean;
  "assigned-id-prefix": string;
  retain: boolean;
  "server-topic-aliases": boolean;
  "upgrade-qos": boolean;
}>;

const certificate = filePath.describe("PEM file with the certificate and the chain to its authority.");
const key = filePath.describe("PEM file with the certificate's key.");
const authorities = filePath.describe("PEM file with the authorities that the other side's certificate may come from.");
const clientTls = z.strictObject({
  certificate: certificate.optional(),
  key: key.optional(),
  authorities: authorities.optional(),
  insecure: bool
    .describe("Whether the name in the certificate does not count; without authorities any certificate will do; false unless told.")
    .optional(),
});
const notEmpty = (what: string) => ({ error: `is empty; name ${what}` });

const listenerEntry: z.ZodType<MqttListenerEntry> = z.strictObject({
  address: listenAddress.describe("Address to listen at, 0.0.0.0 and :: are every one; every one unless told.").optional(),
  port: port.describe("Port to listen at; 1883 unless told, 8883 with TLS.").optional(),
  path: filePath.describe("Unix socket, in place of address and port.").optional(),
  protocol: oneOf("mqtt", "websockets").describe("What is spoken there; mqtt unless told.").optional(),
  tls: z
    .strictObject({
      certificate,
      key,
      authorities: authorities.optional(),
      "require-certificate": bool.describe("Whether clients without a certificate are turned away; false unless told.").optional(),
      revoked: filePath.describe("PEM file with certificates that are not taken any more.").optional(),
      "server-names": z
        .record(word, z.strictObject({ certificate, key }))
        .describe("Further certificates by the name that a client asks for.")
        .optional(),
    })
    .describe("TLS at this listener; none unless told.")
    .optional(),
  "proxy-protocol": bool
    .describe("Whether a PROXY protocol header comes first, from which the client's address is taken; false unless told.")
    .optional(),
  anonymous: oneOf("allow", "deny", "local")
    .describe("Clients without a name: allow, deny, or local (those on loopback and Unix sockets); local unless told.")
    .optional(),
  "max-connections": bound.describe("Connections at this listener; no limit unless told.").optional(),
  "mount-point": topicText.describe("Put before every topic of this listener's clients; nothing unless told.").optional(),
  "username-from": oneOf("none", "common-name", "subject", "spiffe")
    .describe("What of a client's certificate is its user name; none unless told.")
    .optional(),
  "max-qos": qos.describe("The highest quality of service there; 2 unless told.").optional(),
  "topic-aliases": count(0, 65_535, "a number of aliases", "use 0 to 65535")
    .describe("Topic aliases that a client may use; 10 unless told.")
    .optional(),
  "websocket-paths": z.array(word).describe("Paths that WebSockets may ask for; all unless told.").optional(),
});

const limitsEntry: z.ZodType<MqttLimitsEntry> = z.strictObject({
  connections: bound.describe("Connections at all listeners together; no limit unless told.").optional(),
  "connections-per-second": bound.describe("New connections in a second, all listeners together; no limit unless told.").optional(),
  inflight: count(0, 65_535, "a number of messages", "use 0 (none) to 65535")
    .describe("Messages of QoS 1 and 2 on their way to a client at a time; 1024 unless told.")
    .optional(),
  "receive-maximum": count(1, 65_535, "a number of messages", "use 1 to 65535")
    .describe("Messages of QoS 1 and 2 that a client may have on their way to the broker; 1024 unless told.")
    .optional(),
  "queued-messages": bound.describe("Messages that wait for one client; 1000 unless told.").optional(),
  "queued-bytes": byteSize.describe("Size of what waits for one client; no limit unless told.").optional(),
  "queued-bytes-in-all": byteSize.describe("Size of what waits for all clients together; 1GiB unless told.").optional(),
  "when-queue-full": oneOf("drop-newest", "drop-oldest", "disconnect")
    .describe("What happens when a client's queue is full; drop-newest unless told.")
    .optional(),
  "queue-qos0": bool.describe("Whether messages of QoS 0 wait for clients that are away; false unless told.").optional(),
  "waiting-bytes": byteSize
    .describe("Size of what one socket does not take, beyond which QoS 0 is dropped for it; 1MiB unless told.")
    .optional(),
  "waiting-bytes-disconnect": byteSize.describe("The same, beyond which it is disconnected; 64MiB unless told.").optional(),
  "packet-size": byteSize.describe("The largest packet a client may send; 2MiB unless told.").optional(),
  "payload-size": byteSize.describe("The largest payload; no limit unless told.").optional(),
  "retained-messages": bound.describe("Retained messages; no limit unless told.").optional(),
  "retained-bytes": byteSize.describe("Size of all retained messages together; 1GiB unless told.").optional(),
  "subscriptions-per-client": bound.describe("Subscriptions of one client; no limit unless told.").optional(),
  "topic-levels": bound.describe("Levels of a topic or filter; 200 unless told.").optional(),
  "keep-alive": positiveDuration.describe("The longest keep-alive of clients of version 5.0; 65535s unless told.").optional(),
  "session-expiry": duration.describe("How long sessions of clients that are away last at most; no limit unless told.").optional(),
  sessions: bound.describe("Sessions of clients that are away; no limit unless told.").optional(),
  "connect-within": positiveDuration.describe("A connection without a CONNECT by then is closed; 10s unless told.").optional(),
});

const algorithms = ["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA"];
const securityEntry: z.ZodType<MqttSecurityEntry> = z.strictObject({
  "password-file": filePath.describe("File of users and passwords, made by `mqttnic passwd`.").optional(),
  "acl-file": filePath.describe("File that says who may publish and subscribe to what, as mosquitto's.").optional(),
  jwt: z
    .strictObject({
      "key-file": filePath.describe("PEM of a public key, a JWK set, or a file with a secret."),
      algorithms: z
        .array(oneOf(...algorithms))
        .min(1, notEmpty("an algorithm"))
        .describe("Algorithms that are taken; RS256 and ES256 unless told.")
        .optional(),
      issuer: word.describe("The issuer that tokens must be of; any unless told.").optional(),
      audience: word.describe("The audience that tokens must be for; any unless told.").optional(),
      "username-claim": word.describe("The claim that is the user name; sub unless told.").optional(),
    })
    .describe("Passwords that are JSON Web Tokens; none unless told.")
    .optional(),
  scram: bool.describe("Enhanced authentication by SCRAM-SHA-256 with the users of the password file; false unless told.").optional(),
  "audit-log": z
    .union([z.literal("-"), filePath], wrong("a path", "use an absolute path, or - for stdout"))
    .describe("A line of JSON for each connect, refusal, denial and disconnect; none unless told.")
    .optional(),
  "client-id-prefix": word.describe("What client ids must begin with; anything unless told.").optional(),
});

const bridgeEntry: z.ZodType<MqttBridgeEntry> = z.strictObject({
  addresses: z.array(hostPort).min(1, notEmpty("host:port")).describe("The other broker; the first is tried first, the others in turn."),
  topics: z
    .array(
      z.strictObject({
        pattern: z
          .union([z.literal(""), topicFilter], wrong("a topic filter", 'use one such as sensors/#, or "" with both prefixes'))
          .describe("Topic filter without its prefix; empty when the prefixes are whole topics."),
        direction: oneOf("in", "out", "both").describe("Which way messages go; out unless told.").optional(),
        qos: qos.describe("The highest quality of service on the way; 0 unless told.").optional(),
        "local-prefix": topicText.describe("Put before the pattern here; nothing unless told.").optional(),
        "remote-prefix": topicText.describe("Put before the pattern at the other broker; nothing unless told.").optional(),
      }),
    )
    .min(1, notEmpty("a topic"))
    .describe("What goes over it."),
  protocol: oneOf("mqttv31", "mqttv311", "mqttv50").describe("Version that is spoken; mqttv311 unless told.").optional(),
  "client-id": word.describe("Client id there; the names of the bridge and the node unless told.").optional(),
  username: word.describe("User name there; none unless told.").optional(),
  "password-file": filePath.describe("File whose first line is the password there.").optional(),
  "clean-session": bool.describe("Whether the session there ends with the connection; false unless told.").optional(),
  "keep-alive": positiveDuration.describe("Keep-alive of the connection; 60s unless told.").optional(),
  restart: z
    .strictObject({ least: positiveDuration.describe("At first."), most: positiveDuration.describe("After many failures.") })
    .describe("Pause before connecting again; from 5s to 30s unless told.")
    .optional(),
  "try-private": bool
    .describe("Whether it says that it is a bridge, so that retained messages stay retained; true unless told.")
    .optional(),
  notifications: bool.describe("Whether its state is published; true unless told.").optional(),
  "notification-topic": topicText.describe("Where its state is published; $SYS/broker/connection/…/state unless told.").optional(),
  tls: clientTls.describe("TLS of the connection; none unless told.").optional(),
});

const meshEntry: z.ZodType<MqttMeshEntry> = z.strictObject({
  port: port.describe("Port that each node's broker takes the others at; 1883 unless told.").optional(),
  nodes: z.array(name).describe("Nodes that have a broker; all unless told.").optional(),
  addresses: z.record(name, hostPort).describe("Where single nodes' brokers are instead, by node.").optional(),
  tls: clientTls.describe("TLS between the brokers; none unless told.").optional(),
  "secret-file": filePath.describe("File whose first line is the secret that brokers show each other, when there is no TLS.").optional(),
});

const aggregateEntry: z.ZodType<MqttAggregateEntry> = z.strictObject({
  filter: topicFilter.describe("Topics whose state it has."),
  functions: z
    .array(oneOf("last", "min", "max", "mean", "sum", "count", "top"))
    .min(1, notEmpty("a function"))
    .describe("What it has: the last value of each source, or figures over all of them; last unless told.")
    .optional(),
  field: word.describe("Field of JSON payloads that is the number, such as load.cpu; the whole payload unless told.").optional(),
  "key-level": count(-1, 200, "a level", "use 0 for the first level, -1 for the last")
    .describe("Level of the topic that names the source, from 0; -1, the last, unless told.")
    .optional(),
  "top-count": count(1, 1000, "a number", "use 1 to 1000").describe("How many `top` has; 10 unless told.").optional(),
  interval: duration.describe("How often it is sent; 0 is whenever something changed; 0 unless told.").optional(),
  stale: duration.describe("A source not heard of for so long is left out; 0 is never; 0 unless told.").optional(),
  retain: bool.describe("Whether it is retained; true unless told.").optional(),
  qos: qos.describe("Its quality of service; 0 unless told.").optional(),
});

const notPersistence = wrong("a way to keep state", "use off or {path: /var/lib/mitsu/mqttnic/store.db}");
/** Schema of `mqtt`. */
export const mqttEntry: z.ZodType<MqttEntry> = z.strictObject({
  listeners: z.array(listenerEntry).describe("Where clients come in; loopback at 1883 unless told.").optional(),
  limits: limitsEntry.describe("Bounds, each of which is counted when it is reached; 0 is none.").optional(),
  security: securityEntry.describe("Who may come in and what they may do.").optional(),
  persistence: z
    .union(
      [
        z.literal("off"),
        z.strictObject({
          path: filePath.describe("File of sessions, queues and retained messages."),
          sync: bool
            .describe("Whether acknowledgements wait for the disk, so that a power failure loses nothing either; false unless told.")
            .optional(),
        }),
      ],
      notPersistence,
    )
    .describe("What is kept over a restart; off unless told.")
    .optional(),
  bridges: z.record(name, bridgeEntry).describe("Connections to other brokers by name.").optional(),
  mesh: meshEntry.describe("Makes the brokers of the nodes one; not unless told.").optional(),
  nats: z
    .strictObject({
      servers: z.array(hostPort).min(1, notEmpty("host:port")).describe("The NATS servers."),
      "subject-prefix": z
        .string()
        .regex(/^[^\s*>]+$/, wrong("the beginning of a subject", "use letters, digits and dots, such as mqtt."))
        .describe("Put before every subject; mqtt. unless told.")
        .optional(),
      "credentials-file": filePath.describe("Credentials file of NATS; none unless told.").optional(),
    })
    .describe("NATS in place of links between the brokers; not unless told.")
    .optional(),
  aggregates: z.record(name, aggregateEntry).describe("The state of many topics as one message at $agg/<name>, by name.").optional(),
  "sys-interval": duration.describe("How often $SYS is published, 0 for never; 10s unless told.").optional(),
  "empty-client-ids": bool.describe("Whether clients may come without a client id; true unless told.").optional(),
  "assigned-id-prefix": word.describe("What client ids that the broker gives begin with; auto- unless told.").optional(),
  retain: bool.describe("Whether messages may be retained; true unless told.").optional(),
  "server-topic-aliases": bool
    .describe("Whether the broker uses topic aliases towards clients that allow them; true unless told.")
    .optional(),
  "upgrade-qos": bool.describe("Whether a subscription's quality of service also raises a message's; false unless told.").optional(),
});
