/** Control packets of MQTT 3.1, 3.1.1 and 5.0 as the broker reads and writes them. [MQTT 5.0 §3, MQTT 3.1.1 §3] @module */
import type { Qos, SubscriptionOptions } from "../message.ts";

/** 3 is MQTT 3.1 (`MQIsdp`), 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

/** Control packet types. [MQTT 5.0 §2.1.2] */
export const packetType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;

/** Properties by name; absent when not in the packet. Times are seconds, sizes bytes. [MQTT 5.0 §2.2.2.2] */
export interface Properties {
  payloadFormatIndicator?: 0 | 1;
  messageExpiryIntervalS?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Buffer;
  subscriptionIdentifiers?: number[];
  sessionExpiryIntervalS?: number;
  assignedClientIdentifier?: string;
  serverKeepAliveS?: number;
  authenticationMethod?: string;
  authenticationData?: Buffer;
  requestProblemInformation?: 0 | 1;
  willDelayIntervalS?: number;
  requestResponseInformation?: 0 | 1;
  responseInformation?: string;
  serverReference?: string;
  reasonString?: string;
  receiveMaximum?: number;
  topicAliasMaximum?: number;
  topicAlias?: number;
  maximumQos?: 0 | 1;
  retainAvailable?: 0 | 1;
  userProperties?: [name: string, value: string][];
  maximumPacketBytes?: number;
  wildcardSubscriptionAvailable?: 0 | 1;
  subscriptionIdentifierAvailable?: 0 | 1;
  sharedSubscriptionAvailable?: 0 | 1;
}

/** A will as CONNECT has it. */
export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  /** As {@link Message.properties}: in wire format, without Will Delay Interval and Message Expiry Interval. */
  readonly properties: Buffer;
  readonly delayS: number;
  /** undefined: it does not expire. */
  readonly expiryS: number | undefined;
}

/** A client begins. [MQTT 5.0 §3.1] */
export interface Connect {
  readonly type: typeof packetType.connect;
  readonly version: ProtocolVersion;
  readonly clean: boolean;
  readonly keepAliveS: number;
  readonly clientId: string;
  readonly will: Will | undefined;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly properties: Properties;
  /** The protocol level's top bit, by which mosquitto's bridges say what they are. */
  readonly bridge: boolean;
}
/** The answer to CONNECT. [MQTT 5.0 §3.2] */
export interface Connack {
  readonly type: typeof packetType.connack;
  readonly sessionPresent: boolean;
  /** Of MQTT 5.0; for older clients the encoder turns it into a return code. */
  readonly reasonCode: number;
  readonly properties: Properties;
}
/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export interface Acknowledgement {
  readonly type: 4 | 5 | 6 | 7;
  readonly packetId: number;
  readonly reasonCode: number;
  readonly properties: Properties;
}
/** What a client wants to get. [MQTT 5.0 §3.8] */
export interface Subscribe {
  readonly type: typeof packetType.subscribe;
  readonly packetId: number;
  /** Each with the packet's Subscription Identifier in it. */
  readonly subscriptions: readonly { readonly filter: string; readonly options: SubscriptionOptions }[];
  readonly properties: Properties;
}
/** What a client no longer wants. [MQTT 5.0 §3.10] */
export interface Unsubscribe {
  readonly type: typeof packetType.unsubscribe;
  readonly packetId: number;
  readonly filters: readonly string[];
  readonly properties: Properties;
}
/** SUBACK or UNSUBACK. */
export interface SubscriptionAck {
  readonly type: 9 | 11;
  readonly packetId: number;
  /** One for each subscription or filter asked for, in that order. */
  readonly reasonCodes: readonly number[];
  readonly properties: Properties;
}
/** PINGREQ or PINGRESP. [MQTT 5.0 §3.12] */
export interface Ping {
  readonly type: 12 | 13;
}
/** Either end goes. [MQTT 5.0 §3.14] */
export interface Disconnect {
  readonly type: typeof packetType.disconnect;
  readonly reasonCode: number;
  readonly properties: Properties;
}
/** A step of enhanced authentication. [MQTT 5.0 §3.15] */
export interface Auth {
  readonly type: typeof packetType.auth;
  readonly reasonCode: number;
  readonly properties: Properties;
}

/** What a client may send, PUBLISH aside: that is read by `scanPublish`, without an object for each. */
export type ClientPacket = Connect | Acknowledgement | Subscribe | Unsubscribe | Ping | Disconnect | Auth;
/** What the broker sends, PUBLISH aside. */
export type ServerPacket = Connack | Acknowledgement | SubscriptionAck | Ping | Disconnect | Auth;

/**
 * Bytes that are no valid packet; `reasonCode` says what a DISCONNECT or CONNACK tells a 5.0 client: 0x81 malformed packet, 0x82 protocol error, or a narrower one.
 * `message` names the clause that is broken.
 */
export class PacketError extends Error {
  override readonly name = "PacketError";
  readonly reasonCode: number;
  /** Set for a CONNECT that could be read as far as its level: how a CONNACK is to be written. Without it there is nothing to answer: close. */
  readonly version: ProtocolVersion | undefined;
  constructor(reasonCode: number, message: string, version?: ProtocolVersion) {
    super(message);
    this.reasonCode = reasonCode;
    this.version = version;
  }
}

/**
 * Where the parts of a PUBLISH are in its buffer, filled by `scanPublish`; one object is used again and again. Offsets are absolute.
 */
export interface PublishView {
  qos: Qos;
  retain: boolean;
  dup: boolean;
  /** 0 for QoS 0. */
  packetId: number;
  topicStart: number;
  topicEnd: number;
  /** First byte behind the variable header's topic and packet id: of the properties' length for 5.0, of the payload for older ones. */
  propertiesAt: number;
  /** The properties themselves, behind their length; both are the payload's start for older versions. */
  propertiesStart: number;
  propertiesEnd: number;
  payloadStart: number;
  payloadEnd: number;
  /** 0 is none. */
  topicAlias: number;
  /** Seconds; -1 is none. */
  messageExpiryS: number;
  /** 1 says that the payload is UTF-8, which is checked only where the listener asks for it. */
  payloadFormat: 0 | 1;
  /** Properties hold nothing but what is forwarded as it is: they may be copied whole. */
  forwardable: boolean;
}
