/** Messages between engines without waiting for each: rings, credits, completions. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** An engine. */
export interface AsyncMessageSpec {
  /** Depth of each ring: messages under way, received, or completed and not asked for yet. */
  readonly entries: number;
  /** What others send to. */
  readonly address: number;
  /** Most that a message has. */
  readonly payloadBytes: number;
}

/** A message that came. */
export interface ReceivedMessage {
  readonly from: number;
  readonly payload: Uint8Array;
}

/** What it does. */
export interface AsyncMessage {
  /**
   * Submits a message, whose bytes are copied.
   *
   * @returns Its ticket; undefined while the ring is full or the receiver has given no credit, which is no error.
   * @throws {RangeError} For more than `payloadBytes`.
   */
  send(to: number, payload: Uint8Array): number | undefined;
  /** Tickets of messages that arrived since it was last asked, in the order in which they were sent to each receiver. */
  completed(): readonly number[];
  /** The next message that came; undefined for none. Taking it gives its sender a credit. */
  receive(): ReceivedMessage | undefined;
}

/** What moves: a message without completion is sent again, so one that was on the wire when a device failed may come twice. */
export interface AsyncMessageState {
  /** The next one given out. */
  readonly nextTicket: number;
  readonly sent: readonly { readonly ticket: number; readonly to: number; readonly payload: Uint8Array }[];
  readonly received: readonly ReceivedMessage[];
  readonly completed: readonly number[];
}

/** Asynchronous messages. */
export const asyncMessage: Capability<AsyncMessageSpec, AsyncMessage, AsyncMessageState> = defineCapability<
  AsyncMessageSpec,
  AsyncMessage,
  AsyncMessageState
>({
  name: "async-message",
  version: 1,
  about: "sends and receives messages without waiting",
  fields: { entries: integer(1, 65_536), address: integer(0, 65_535), payloadBytes: integer(1, 65_536) },
  operations: ["send", "completed", "receive"],
  empty: { nextTicket: 0, sent: [], received: [], completed: [] },
  count: (state) => Math.max(state.sent.length, state.received.length, state.completed.length),
});
