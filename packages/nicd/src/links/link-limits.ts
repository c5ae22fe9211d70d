/** What a link may use. One place, so that the memory it can take is easily worked out. @module */

/** Sizes in bytes, times in milliseconds. */
export interface LinkLimits {
  /**
   * What a stream's sender may send before its reader has taken some. It bounds a stream's memory at the receiving end, which holds this at most while
   * its reader is slow; at the sending end {@link sendBuffer} bounds it. 256 KiB is 2 Gbit/s at a round trip of 1 ms.
   */
  readonly streamWindow: number;
  /** What all streams of a link together may have on their way. It is given back as data arrives, read or not, so no slow stream holds up another. */
  readonly linkWindow: number;
  /** A stream's `write` returns false from here on: that of Node's streams. */
  readonly sendBuffer: number;
  /** Streams at once that a peer may open on one link. */
  readonly streams: number;
  /** Streams that wait for room at one peer; beyond it they fail at once. */
  readonly queue: number;
  /** Links that a server has at a time. */
  readonly links: number;
  /** All headers of a CONNECT. */
  readonly headers: number;
  readonly headerPairs: number;
  /** A link is replaced after so many streams; HTTP/2 has numbers for twice as many (RFC 9113 §5.1.1). */
  readonly streamsPerLink: number;
  /** Resets a second that a server takes from one link, beyond a burst of ten times it; a peer that sends more loses the link (CVE-2023-44487). */
  readonly resetsPerSecond: number;
  readonly connectMs: number;
  /** From a stream's CONNECT until the replica's answer must be known. */
  readonly acceptMs: number;
  /** A PING is sent this often, and must be answered in `pingDeadlineMs`. */
  readonly pingMs: number;
  readonly pingDeadlineMs: number;
  /** A link without streams is closed after it. */
  readonly idleMs: number;
  /** Back-off between attempts to connect: random up to `firstBackOffMs` × 2ⁿ, at most `maxBackOffMs`. */
  readonly firstBackOffMs: number;
  readonly maxBackOffMs: number;
}

/** What links use unless told. */
export const linkLimits: LinkLimits = {
  streamWindow: 256 * 1024,
  linkWindow: 8 * 1024 * 1024,
  sendBuffer: 64 * 1024,
  streams: 4096,
  queue: 1024,
  links: 1024,
  headers: 8 * 1024,
  headerPairs: 32,
  streamsPerLink: 2 ** 29,
  resetsPerSecond: 1000,
  connectMs: 5000,
  acceptMs: 10_000,
  pingMs: 10_000,
  pingDeadlineMs: 10_000,
  idleMs: 300_000,
  firstBackOffMs: 50,
  maxBackOffMs: 5000,
};
