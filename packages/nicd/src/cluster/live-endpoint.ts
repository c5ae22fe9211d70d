/** One replica of a service as this worker calls it. @module */
import { LiveCandidate } from "@mitsu/selector";

/** What the catalog says of a replica's port. */
export interface EndpointPlace {
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
}

/**
 * Lives as long as its address and port stay in the service, over reloads. Written by its cluster and the core's connection pool only. Its key is
 * `address:port`, an IPv6 address in brackets, as everywhere between the daemons.
 */
export class LiveEndpoint extends LiveCandidate implements EndpointPlace {
  readonly service: string;
  readonly address: string;
  readonly port: number;
  node: string | null;

  /** The mesh file's; `weight` is replicad's while that says one. */
  meshWeight: number;
  /** What replicad said of it last: see `replicaFlags` in replicad; 0 without a report. */
  reportFlags = 0;
  /** Its row among replicad's reports, and among the loads that replicad reads; −1 for none. */
  reportRow = -1;
  loadRow = -1;

  /** Connections to it from this worker; the pool counts. */
  connections = 0;
  /** Requests that wait for one; the pool counts. */
  pending = 0;

  requests = 0;
  errors = 0;
  /** Smoothed time to an answer's head, 1/8 of each new one (as RFC 6298 does for round trips); 0 before the first answer. */
  answerMs = 0;
  /** No longer in the service; requests in flight go on. */
  gone = false;

  constructor({ service, address, port, node, here, weight }: EndpointPlace) {
    super(address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`, { weight, here });
    this.service = service;
    this.address = address;
    this.port = port;
    this.node = node;
    this.meshWeight = weight;
  }
}
