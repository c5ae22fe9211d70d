/** Messages from socket to socket, past TCP; what sockhijack's kernel path does. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** How much of it. */
export interface RedirectSpec {
  /** Coupled connections. */
  readonly entries: number;
}

/** The two ends of a connection by their cookies (`SO_COOKIE`), the client's first. */
export type CoupledEnds = readonly [client: bigint, server: bigint];

/**
 * What it does. Sockets go by their cookies, which the kernel gives once and never again. A connection may be anywhere in its stream of bytes, so
 * coupling is asked for, and begins when both ends are at a safe point; until then, and after, messages go by TCP.
 */
export interface Redirect {
  /**
   * Asks that the two ends of a connection be coupled; again for the same two it changes nothing.
   *
   * @throws {MitsuError} `ERR_HAL_FULL`; `ERR_HAL_LIMIT` for sockets that this device does not have.
   * @throws {RangeError} When one is coupled with another, or with itself.
   */
  couple(client: bigint, server: bigint): void;
  /** By either end: messages go by TCP again, from the next safe point on. @returns Whether they were coupled. */
  uncouple(end: bigint): boolean;
  /** The other end, as it was asked for; undefined for a plain connection. */
  peer(end: bigint): bigint | undefined;
  /** Whether messages go past TCP now. False at first for a connection that carries bytes, and for as long as something speaks against it. */
  carries(end: bigint): boolean;
}

/** Coupled connections. */
export const redirect: Capability<RedirectSpec, Redirect, readonly CoupledEnds[]> = defineCapability<
  RedirectSpec,
  Redirect,
  readonly CoupledEnds[]
>({
  name: "redirect",
  version: 1,
  about: "carries messages from socket to socket",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["couple", "uncouple", "peer", "carries"],
  empty: [],
  count: (state) => state.length,
});
