/** Messages from socket to socket, past TCP; what sockhijack's kernel path does. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** How much of it. */
export interface RedirectSpec {
  /** Coupled connections. */
  readonly entries: number;
}

/** What it does. Sockets go by their cookies (`SO_COOKIE`). */
export interface Redirect {
  /** Couples the two ends of a connection. @throws {MitsuError} `ERR_HAL_FULL`. @throws {RangeError} When one is coupled with another. */
  couple(one: bigint, other: bigint): void;
  /** By either end. @returns Whether they were coupled. */
  uncouple(end: bigint): boolean;
  /** The other end; undefined for a plain connection. */
  peer(end: bigint): bigint | undefined;
}

/** Coupled connections, as pairs of cookies. */
export const redirect: Capability<RedirectSpec, Redirect, readonly (readonly [bigint, bigint])[]> = defineCapability<
  RedirectSpec,
  Redirect,
  readonly (readonly [bigint, bigint])[]
>({
  name: "redirect",
  version: 1,
  about: "carries messages from socket to socket",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["couple", "uncouple", "peer"],
  empty: [],
  count: (state) => state.length,
});
