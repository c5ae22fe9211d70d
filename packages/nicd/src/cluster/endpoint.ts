/** One replica of a service as this worker calls it. @module */

/** Where it listens, and what this worker knows of it. */
export interface Endpoint {
  readonly service: string;
  /** IPv4 or IPv6 address. */
  readonly address: string;
  readonly port: number;
  /** Name of its node; null is unknown. */
  readonly node: string | null;
  /** On this node, so reached without a link. */
  readonly here: boolean;
  /** Share relative to the others, 0 takes none. */
  readonly weight: number;
  /** Requests in flight from this worker. */
  inFlight: number;
}
