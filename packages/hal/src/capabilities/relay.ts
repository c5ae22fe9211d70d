/** Bytes between two streams that nobody looks into; what nicd's relay does. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** How much of it. */
export interface RelaySpec {
  /** Pairs of streams. */
  readonly entries: number;
}

/** Two joined streams, the client's first. */
export type JoinedStreams = readonly [client: number, replica: number];

/** What it does. Streams go by numbers from 1 up that the device gave when its owner lent them to it. */
export interface Relay {
  /**
   * Joins a client's stream and a replica's: what comes on one is written to the other; again for the same two it changes nothing.
   *
   * @throws {MitsuError} `ERR_HAL_FULL`; `ERR_HAL_LIMIT` for a stream that this device was not lent.
   * @throws {RangeError} When one is joined with another, or with itself.
   */
  join(client: number, replica: number): void;
  /** By either end. The streams stay open, and are their owner's to close. @returns Whether they were joined. */
  part(end: number): boolean;
  /** The other end; undefined for none. */
  peer(end: number): number | undefined;
}

/** Joined streams. */
export const relay: Capability<RelaySpec, Relay, readonly JoinedStreams[]> = defineCapability<RelaySpec, Relay, readonly JoinedStreams[]>({
  name: "relay",
  version: 1,
  about: "passes bytes both ways between two streams",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["join", "part", "peer"],
  empty: [],
  count: (state) => state.length,
});
