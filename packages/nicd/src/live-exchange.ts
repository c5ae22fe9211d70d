/** One request on its way through nicd, and its answer: what filters see. @module */
import type { Route } from "@mitsu/catalog";
import type { Caller } from "./caller.ts";
import type { EndpointPlace } from "./cluster/live-endpoint.ts";
import type { RequestHead, ResponseHead } from "./message-head.ts";

/** Why nicd answered itself or an exchange failed: Envoy's response flags, of which access logs and metrics tell. */
export const flag = {
  none: "",
  noRoute: "NR",
  noHealthyUpstream: "UH",
  upstreamConnectFailure: "UF",
  upstreamReset: "UC",
  upstreamOverflow: "UO",
  upstreamTimeout: "UT",
  upstreamProtocolError: "UPE",
  retryLimit: "URX",
  downstreamGone: "DC",
  downstreamProtocolError: "DPE",
  rateLimited: "RL",
  unauthorised: "UAEX",
  faultDelay: "DI",
  faultAbort: "FI",
  tooLarge: "OM",
  /** A WebAssembly filter failed, or is not there. */
  filterFailed: "FLT",
} as const;

/** One of {@link flag}. */
export type Flag = (typeof flag)[keyof typeof flag];

/** What a filter says: go on; wait until {@link LiveExchange.resume}; or: I have called {@link LiveExchange.respond}. */
export const verdict = { continue: 0, stop: 1, respond: 2 } as const;

/** One of {@link verdict}. */
export type Verdict = (typeof verdict)[keyof typeof verdict];

/** An answer that nicd itself gives. */
export interface OwnAnswer {
  readonly status: number;
  readonly flag: Flag;
  /** One line of text for the asking program; a newline is added. */
  readonly body: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** The body as bytes, in the place of `body`; `headers` are then taken as they are, repeated ones too. */
  readonly bytes?: Uint8Array;
}

/** Which way of an exchange. */
export type Half = "request" | "response";

/** What one filter keeps of one exchange. It goes with the exchange: a map of theirs by exchange would be another thing that grows and is walked. */
export interface Kept {
  /** Whose it is. */
  readonly keeper: object;
}

/**
 * A request and its answer. Times are nanoseconds of a clock that never goes back and stands still within one event; sizes are
 * bytes with heads. It lives from the request head's end to the answer's last byte; keep nothing of it longer, copy.
 */
export interface LiveExchange {
  /** Counts up within one worker. */
  readonly id: number;
  readonly caller: Caller;
  /** Name of the service that was asked for. */
  readonly service: string;
  /** Port at its virtual address. */
  readonly port: number;
  readonly request: RequestHead;
  /** Null until its head has come, or was made. */
  readonly response: ResponseHead | null;
  readonly route: Route;
  /** Name of the service that the route chose. */
  target: string;
  /** The replica that answered or was tried last; null before. */
  readonly endpoint: EndpointPlace | null;
  /** Tries, 0 when none reached a replica. */
  readonly tries: number;
  flag: Flag;
  /** Name of the authorisation rule that denied it; empty unless one did. */
  deniedBy: string;

  /** 16 bytes; all zero until the trace filter has run. */
  readonly traceId: Uint8Array;
  /** 8 bytes each; the parent's are all zero when there is none. */
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  sampled: boolean;

  readonly startNs: number;
  /** The answer's head came; 0 until then. */
  readonly firstNs: number;
  /** The answer's last byte was sent, or the exchange ended without; 0 until then. */
  readonly endNs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;

  /** What filters keep of it; null until one keeps something. */
  kept: Kept[] | null;

  /** Answers the request in the place of a replica. Return `verdict.respond` after it. @returns `verdict.respond`, to be returned. */
  respond(answer: OwnAnswer): Verdict;
  /** Goes on after `verdict.stop`, with the next filter. Does nothing when the exchange has ended meanwhile. @param half Of what was stopped; whichever it is unless told. */
  resume(half?: Half): void;
  /** Bytes of a body follow the request's head, the answer's. */
  readonly requestHasBody: boolean;
  readonly responseHasBody: boolean;
  /** The head that is being stopped lets so many bytes of its body come, then it is answered 413, or 500; else the sender is held up. */
  buffer(half: Half, bytes: number): void;
  /** A filter that changed the head wants the route chosen anew, where the request has not gone on yet; filters stay those of the route before. */
  chooseAgain(): void;
  /** Ends it in the middle: the client's connection is reset. */
  reset(why: Flag): void;
}
