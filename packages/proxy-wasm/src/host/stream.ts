/** What the program around the virtual machine gives a filter of one stream: nicd's exchange, or a recorded one of `meshfilters test`. @module */
import type { BufferType, MapType, StreamType } from "../abi/types.ts";

/** A head or trailers. Names are lower case; values Latin-1, a character a byte. Pseudo-headers (`:method`, `:path`, `:status` …) are among them. */
export interface FieldMap {
  /** True where a change would come too late: what was sent on already. The guest is told `badArgument`. */
  readonly readOnly?: boolean;
  /** How many fields; without it, {@link pairs} is asked for them. */
  readonly count?: number;
  /** The first value of a name, as Envoy 1.40 gives it; undefined for none. */
  get(name: string): string | undefined;
  /** In order, pseudo-headers first. */
  pairs(): readonly (readonly [name: string, value: string])[];
  /** One field in the place of all of that name. */
  set(name: string, value: string): void;
  /** One more. */
  add(name: string, value: string): void;
  remove(name: string): void;
  /** All of them anew. */
  replaceAll(pairs: readonly (readonly [name: string, value: string])[]): void;
}

/** Bytes that a filter may read and change: what is buffered of a body, a piece of TCP data, the answer to a call. */
export interface ByteBuffer {
  readonly length: number;
  /** `[start, start + length)`, both within the buffer. Valid until the next call of anything. */
  slice(start: number, length: number): Uint8Array;
  /** Puts bytes in the place of `[start, start + length)`. Undefined where they cannot be changed. */
  splice?(start: number, length: number, bytes: Uint8Array): void;
}

/** An answer that a filter gives itself. */
export interface LocalResponse {
  /** 200 to 599. */
  readonly status: number;
  /** Goes into `%RESPONSE_CODE_DETAILS%` and the access log; may be empty. */
  readonly details: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** −1 for none; for a gRPC request it becomes `grpc-status`. */
  readonly grpcStatus: number;
}

/**
 * One HTTP exchange or TCP connection, as its filter sees it. All of it is synchronous; what is not at hand at that moment is null.
 *
 * `respond`, `resume` and `close` are called when the guest's callback is over and before the method of the context returns, in the order in which
 * the guest asked for them: a callback that resumes and answers "stop" goes on.
 */
export interface StreamHost {
  fields(map: MapType): FieldMap | null;
  buffer(type: BufferType): ByteBuffer | null;
  /** An attribute such as `request.path` as its parts; undefined for one that is not there. Encoded as the ABI has it: text as UTF-8, numbers as 8 bytes little-endian, truth as one byte, maps serialised. */
  property(path: readonly string[]): Uint8Array | undefined;
  /** Keeps a property of the filter's own; attributes that are there anyway stay what they are, as in Envoy. @returns Whether such a property may be set. */
  setProperty(path: readonly string[], value: Uint8Array): boolean;
  /** @returns False when an answer has begun already; `close` follows then, as the filter does not want the rest of it to be seen. */
  respond(response: LocalResponse): boolean;
  /** What stopIteration held back goes on. */
  resume(stream: StreamType): void;
  /** Ends it: an HTTP exchange is reset, a TCP connection closed. */
  close(stream: StreamType): void;
  /** The filter changed what the route was chosen by, and wants it chosen anew. */
  clearRoute?(): void;
}
