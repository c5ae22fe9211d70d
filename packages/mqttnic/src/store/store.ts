/**
 * What outlives the broker: sessions, their subscriptions and messages, and retained messages. All calls return at once; {@link Store.commit}, at the end of
 * each turn and before any acknowledgement of that turn leaves, makes all since the last one durable together.
 * @module
 */
import type { Message, Qos, SubscriptionOptions } from "../message.ts";
import type { ProtocolVersion, Will } from "../protocol/packet.ts";

/** A session, its queue aside. */
export interface StoredSession {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly version: ProtocolVersion;
  /** Seconds; 0xFFFFFFFF is for ever. */
  readonly expiryS: number;
  /** Milliseconds since 1970 when it went; 0 while it is connected. */
  readonly disconnectedAtMs: number;
  /** A will that is still to be published, and when: milliseconds since 1970. */
  readonly will: { readonly will: Will; readonly atMs: number } | undefined;
}

/** How far a queued message has got. `pubrel` is QoS 2 after PUBREC: only its packet id is still needed. */
export type DeliveryState = "queued" | "sent" | "pubrel";

/** A message for one session. */
export interface StoredDelivery {
  /** Orders the deliveries of a session; counts up for ever. */
  readonly sequence: number;
  readonly message: Message;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  readonly state: DeliveryState;
  /** 0 while queued. */
  readonly packetId: number;
}

/** Everything of one session, as it was before the start. */
export interface RestoredSession {
  readonly session: StoredSession;
  readonly subscriptions: readonly { readonly filter: string; readonly options: SubscriptionOptions }[];
  /** By sequence. */
  readonly deliveries: readonly StoredDelivery[];
  /** Packet ids of QoS 2 messages that came and were not released. */
  readonly received: readonly number[];
}

/** A place to keep it. */
export interface Store {
  /** What is there, session by session; called once, before anything else. */
  sessions(): Iterable<RestoredSession>;
  /** Retained messages; called once. */
  retained(): Iterable<Message>;
  putSession(session: StoredSession): void;
  /** With its subscriptions, deliveries and received ids. */
  deleteSession(clientId: string): void;
  putSubscription(clientId: string, filter: string, options: SubscriptionOptions): void;
  deleteSubscription(clientId: string, filter: string): void;
  /** A message that several sessions wait for is stored once: `message` is compared by identity within a turn and as long as somebody waits for it. */
  putDelivery(clientId: string, delivery: StoredDelivery): void;
  /** It has been sent, or came a step further. */
  updateDelivery(clientId: string, sequence: number, state: DeliveryState, packetId: number): void;
  deleteDelivery(clientId: string, sequence: number): void;
  addReceived(clientId: string, packetId: number): void;
  deleteReceived(clientId: string, packetId: number): void;
  putRetained(message: Message): void;
  deleteRetained(topic: string): void;
  /** Nothing is lost of what came before it, when the process dies; with `sync`, when the machine does. A put and its delete in one turn cost nothing. @throws {MitsuError} `ERR_STORE` when the disk is full or the file damaged. */
  commit(): void;
  /** Bytes on disk. */
  sizeBytes(): number;
  /** Gives space of deleted messages back to the file system, a little at a time; called when the broker is idle. */
  compact(): void;
  /** Commits and closes. */
  close(): void;
}
