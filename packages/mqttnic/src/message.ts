/** An application message as the broker keeps it: retained, queued, in flight, or a will. @module */

/** Quality of service. [MQTT 5.0 §4.3] */
export type Qos = 0 | 1 | 2;

/** A message; immutable, and shared by all who wait for it. */
export interface Message {
  readonly topic: string;
  /** As published; each subscription may lower it. */
  readonly qos: Qos;
  /** The RETAIN flag as published. */
  readonly retain: boolean;
  readonly payload: Buffer;
  /**
   * PUBLISH properties as they are forwarded, in wire format without their length: Payload Format Indicator, Content Type, Response Topic, Correlation
   * Data and User Properties, in the publisher's order. Topic Alias, Subscription Identifiers and Message Expiry Interval are not among them.
   */
  readonly properties: Buffer;
  /** Milliseconds since 1970 at which it expires; 0 is never. [MQTT 5.0 §3.3.2.3.3] */
  readonly expiresAtMs: number;
  /** Client id of its publisher, for No Local and for the log; empty for the broker's own. */
  readonly from: string;
}

/** Options of a subscription. [MQTT 5.0 §3.8.3.1] */
export interface SubscriptionOptions {
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 0 send retained messages at each SUBSCRIBE, 1 only when the subscription is new, 2 never. */
  readonly retainHandling: 0 | 1 | 2;
  /** Subscription Identifier; 0 is none. */
  readonly identifier: number;
}
