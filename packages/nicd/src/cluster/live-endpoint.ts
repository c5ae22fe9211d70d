/** A replica with what this worker knows of it. @module */
import type { Endpoint } from "./endpoint.ts";

/** What the catalog says of a replica's port. */
export type EndpointPlace = Omit<Endpoint, "inFlight">;

/** Lives as long as its address and port stay in the service, over reloads. Written by its cluster and the core's connection pool only. */
export class LiveEndpoint implements Endpoint {
  readonly service: string;
  readonly address: string;
  readonly port: number;
  node: string | null;
  here: boolean;
  weight: number;
  inFlight = 0;

  /** Connections to it from this worker; the pool counts. */
  connections = 0;
  /** Requests that wait for one; the pool counts. */
  pending = 0;

  requests = 0;
  errors = 0;
  /** Smoothed time of a try, 1/8 of each new one (as RFC 6298 does for round trips); 0 before the first answer. */
  latencyNs = 0;

  errorsInRow = 0;
  /** Out of selection until then; 0 is in. */
  ejectedUntilNs = 0;
  /** Of the present or last ejection. */
  ejectionNs = 0;
  ejectionsInRow = 0;
  /** When the last ejection was over. */
  returnedNs = 0;
  /** No longer in the service; requests in flight go on. */
  gone = false;

  constructor({ service, address, port, node, here, weight }: EndpointPlace) {
    this.service = service;
    this.address = address;
    this.port = port;
    this.node = node;
    this.here = here;
    this.weight = weight;
  }
}
