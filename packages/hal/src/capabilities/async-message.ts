/** Messages between engines without waiting for each: rings, credits, completions. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** An engine. */
export interface AsyncMessageSpec {
  /** Depth of each ring: messages sent and not completed, received, or completed and not asked for yet. */
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
   * Submits a message, whose bytes are copied. One to an address where no engine is waits for one.
   *
   * @returns Its ticket; undefined while the ring is full, as it is when receivers give no credits: that is no error.
   * @throws {RangeError} For more than `payloadBytes`, or an address that is none.
   */
  send(to: number, payload: Uint8Array): number | undefined;
  /** Tickets of messages that arrived since it was last asked, in the order in which they were sent to each receiver. While they fill their ring, no further one completes. */
  completed(): readonly number[];
  /** The next message that came; undefined for none. Taking it gives its sender a credit. */
  receive(): ReceivedMessage | undefined;
}

/**
 * What moves. A message is the sender's until it is completed, and the new device sends it again; its receiver drops what it has heard already. So each comes
 * once, whichever end moves, and whatever was on the wire.
 */
export interface AsyncMessageState {
  /** Whose tickets these are, so that a later engine at the same address is told from this one; 0 before it began. */
  readonly session: number;
  /** The next one given out. */
  readonly nextTicket: number;
  /** Without completion, in the order of their tickets. */
  readonly sent: readonly { readonly ticket: number; readonly to: number; readonly payload: Uint8Array }[];
  readonly received: readonly ReceivedMessage[];
  readonly completed: readonly number[];
  /** The last ticket that came from each sender. */
  readonly heard: readonly { readonly from: number; readonly session: number; readonly ticket: number }[];
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
  empty: { session: 0, nextTicket: 0, sent: [], received: [], completed: [], heard: [] },
  count: (state) => Math.max(state.sent.length, state.received.length, state.completed.length),
});
