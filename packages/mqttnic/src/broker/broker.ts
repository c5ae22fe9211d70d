/** What the rest of mqttnic may ask of the broker; `broker/core.ts` is it. @module */
import type { Duplex } from "node:stream";
import type { MqttnicClient, MqttnicRetained, MqttnicStatus, MqttnicSubscription } from "@mitsu/ipc";
import type { Message, Qos } from "../message.ts";
import type { Identity } from "../security/security.ts";

/** A message of the broker's own, or of one of its parts. */
export interface OwnMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  /** In wire format; see {@link Message.properties}. */
  readonly properties?: Buffer | undefined;
}

/** The parts of a message as it passes, valid during the call only; copy what you keep. */
export interface PassingMessage {
  readonly topic: string;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly buffer: Buffer;
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** The broker. */
export interface Broker {
  /** Publishes a message of the broker's own, to `$` topics too; ACLs do not apply. It leaves with this turn, or with the next when none is on its way. */
  publish(message: OwnMessage): void;
  /** Calls back for each message whose topic the filter matches, as it is routed. @returns What ends it. */
  watch(filter: string, onMessage: (message: PassingMessage) => void): () => void;
  /** Opens an in-process connection that speaks MQTT, for clients of the broker's own (bridges); the identity is believed. */
  openStream(identity: Identity): Duplex;
  /** Topic filters that clients which are no peers subscribe to now, each once, without `$share/…/`. */
  interest(): Iterable<string>;
  /** Hears of a filter when the first such client subscribes and when the last one goes. @returns What ends it. */
  onInterest(listener: (filter: string, wanted: boolean) => void): () => void;
  /** Calls back at the end of each turn that routed something. @returns What ends it. */
  onTurn(listener: () => void): () => void;
  status(): MqttnicStatus;
  clients(): Iterable<MqttnicClient>;
  subscriptions(): Iterable<MqttnicSubscription>;
  retainedMessages(filter: string): Iterable<MqttnicRetained>;
  /** Disconnects a client by administrative action (0x98). @returns Whether there was one. */
  disconnect(clientId: string): boolean;
}
