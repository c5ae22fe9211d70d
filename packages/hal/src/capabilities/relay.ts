/** Bytes between two streams that nobody looks into; what nicd's relay does. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** How much of it. */
export interface RelaySpec {
  /** Pairs of streams. */
  readonly entries: number;
}

/** What it does. Streams go by the numbers that their owner gave them. */
export interface Relay {
  /** Joins a client's stream and a replica's. @throws {MitsuError} `ERR_HAL_FULL`. @throws {RangeError} When one is joined with another. */
  join(client: number, replica: number): void;
  /** By either end. @returns Whether they were joined. */
  part(end: number): boolean;
  /** The other end; undefined for none. */
  peer(end: number): number | undefined;
}

/** Joined streams. */
export const relay: Capability<RelaySpec, Relay, readonly (readonly [number, number])[]> = defineCapability<
  RelaySpec,
  Relay,
  readonly (readonly [number, number])[]
>({
  name: "relay",
  version: 1,
  about: "passes bytes both ways between two streams",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["join", "part", "peer"],
  empty: [],
  count: (state) => state.length,
});
