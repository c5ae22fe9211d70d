/** What `nicd status` tells of links. @module */

/** Links to one peer that this node opened, or from one peer that opened them. */
export interface LinkStatus {
  /** Name of the node; empty for a peer in plain text. */
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly direction: "out" | "in";
  /** `idle`: none is needed now. `backing-off`: the last attempt failed, see `lastError`. `draining`: only old links, whose streams end. */
  readonly state: "idle" | "connecting" | "up" | "backing-off" | "draining";
  readonly security: "mtls" | "plain-text";
  /** On all links of the peer. */
  readonly streams: number;
  /** Streams that wait for room or for the link. */
  readonly queued: number;
  /** Links that take no new streams. */
  readonly draining: number;
  /** Payload, since nicd started. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of the last PING, milliseconds. */
  readonly rttMs: number | null;
  /** End of the peer's certificate, milliseconds since 1970. */
  readonly certificateNotAfterMs: number | null;
  readonly lastError: string | null;
}
