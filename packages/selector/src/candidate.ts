/** A replica as selectors see it. @module */

/**
 * What is known of one replica by one program that sends it requests. Written by whoever sends requests (`inFlight`, `sentSince`, `latencyMs`, `failures`) and by whoever
 * hears of its load (`reported…`); selectors only read it. All times are milliseconds of one clock that never goes back.
 */
export interface Candidate {
  /** `address:port`. */
  readonly key: string;
  /** Relative share, above 0; a replica that drains is no candidate. */
  readonly weight: number;
  /** On this node, so reached by redirect. */
  readonly here: boolean;
  /** Own requests in flight there. */
  readonly inFlight: number;
  /** Requests of everybody in flight there at `reportedAtMs`. */
  readonly reportedInFlight: number;
  /** How long a request takes there by what it last said, without waiting; 0 when it never did. */
  readonly reportedServiceMs: number;
  /** Requests it works on at once; 1 or more. */
  readonly workers: number;
  /** When what was reported was true, by this program's clock; −∞ when nothing ever was. */
  readonly reportedAtMs: number;
  /** Own requests sent since `reportedAtMs` that are not answered yet. */
  readonly sentSince: number;
  /** Smoothed latency of own requests, failures at what they cost; 0 before the first. */
  readonly latencyMs: number;
  /** 0 to 1: what part of its share it takes now, below 1 while it is slow-started. */
  readonly ramp: number;
  /** Smoothed share of own requests that failed, 0 to 1. */
  readonly failures: number;
}

/** What came of a request. */
export interface Answer {
  /** From sending to the head of the answer, or to the failure. */
  readonly latencyMs: number;
  readonly ok: boolean;
  /** What the replica said of itself with the answer; null when it said nothing. */
  readonly report: Report | null;
}

/** What a replica says of itself, with an answer, to a probe, or through the broker. */
export interface Report {
  readonly inFlight: number;
  /** Median time of requests near the present number in flight; 0 when not known. [Prequal §4] */
  readonly latencyMs: number;
  readonly serviceMs: number;
  /** Requests it works on at once; 0 when not known. */
  readonly workers: number;
}
