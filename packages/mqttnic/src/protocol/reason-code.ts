/** Reason codes: what they are called, and which packets may carry them. [MQTT 5.0 §2.4] @module */
import { packetType } from "./packet.ts";

/** Reason codes by name. */
export const reasonCode = {
  success: 0x00,
  grantedQos1: 0x01,
  grantedQos2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecific: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const;

const texts = new Map<number, string>(
  Object.entries(reasonCode).map(([name, code]) => [
    code,
    name
      .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
      .replace("qos", "QoS")
      .replace(/QoS(\d)/, "QoS $1"),
  ]),
);

/** A code in words, such as `packet too large`; `reason code 0x7f` for one that does not exist. */
export function reasonText(code: number): string {
  return texts.get(code) ?? `reason code 0x${code.toString(16).padStart(2, "0")}`;
}

const failures = [0x80, 0x83, 0x87, 0x97];
const received = [0x00, 0x10, ...failures, 0x90, 0x91, 0x99];
const released = [0x00, 0x92];
const disconnects = [0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];

/** By packet type. [MQTT 5.0 §3.4.2.1, §3.5.2.1, §3.6.2.1, §3.7.2.1, §3.14.2.1, §3.15.2.1] */
const fromClients: Readonly<Record<number, readonly number[]>> = {
  [packetType.puback]: received,
  [packetType.pubrec]: received,
  [packetType.pubrel]: released,
  [packetType.pubcomp]: released,
  [packetType.disconnect]: [...disconnects, 0x04],
  [packetType.auth]: [0x18, 0x19],
};
/** Those that only servers send, as well. [MQTT 5.0 §3.2.2.2, §3.9.3, §3.11.3] */
const fromServers: Readonly<Record<number, readonly number[]>> = {
  ...fromClients,
  [packetType.connack]: [
    ...[0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99],
    ...[0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
  ],
  [packetType.suback]: [0x00, 0x01, 0x02, ...failures, 0x8f, 0x91, 0x9e, 0xa1, 0xa2],
  [packetType.unsuback]: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  [packetType.disconnect]: [...disconnects, ...[0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2]],
  [packetType.auth]: [0x00, 0x18],
};

/** Whether a packet of this type may carry a code, when clients or servers send it. */
export function mayCarry(sender: "client" | "server", type: number, code: number): boolean {
  return (sender === "client" ? fromClients : fromServers)[type]?.includes(code) ?? false;
}
