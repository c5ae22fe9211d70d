/** What is around a filter in a run: the answer of the service behind it, and of those that it calls. @module */
import type { Pair } from "@mitsu/proxy-wasm";

/** A head, a body in pieces, trailers. */
export interface Message {
  /** With pseudo-headers, names in lower case. */
  readonly headers: readonly Pair[];
  readonly body: readonly Uint8Array[];
  readonly trailers: readonly Pair[];
}

/** How a called service answers. */
export interface CallAnswer extends Message {
  readonly delayMs: number;
  /** The connection breaks instead. */
  readonly fails: boolean;
  /** Of a gRPC call. */
  readonly grpcStatus: number;
}

/** Services that a filter may call, by name, with an answer for each call in turn; the last one stays. Others are not known. */
export type Services = Readonly<Record<string, readonly CallAnswer[]>>;

/** A call that the filter made. */
export interface CallMade {
  readonly service: string;
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
  readonly trailers: readonly Pair[];
}
