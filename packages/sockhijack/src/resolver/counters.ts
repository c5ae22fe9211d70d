/** What a resolver counts. @module */

/** Numbers since the start; the daemon shows them in `status` and `metrics`. */
export interface ResolverCounters {
  /** Queries answered here, with or without records. */
  answered: number;
  /** Queries handed to an upstream. */
  relayed: number;
  /** Answers among `answered` that said "no such name". */
  nxdomain: number;
  /** Messages that were no proper query; got FORMERR or nothing. */
  malformed: number;
  /** Relayed queries without an answer in time. */
  timeouts: number;
  /** Queries that got SERVFAIL: no upstream for the slot, too many in flight, or the upstream out of reach. */
  failed: number;
}

/** All counters at zero. */
export function resolverCounters(): ResolverCounters {
  return { answered: 0, relayed: 0, nxdomain: 0, malformed: 0, timeouts: 0, failed: 0 };
}
