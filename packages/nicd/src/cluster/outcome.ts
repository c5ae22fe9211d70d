/** How a try at a replica ended, in one number. @module */

/** Tries without an answer's head; an answer's status (100 to 999) stands for itself. */
export const failure = {
  /** No connection: refused, unreachable, or not in time. Nothing has reached the replica. */
  connect: 1,
  /** The connection ended before the answer's head had come, or while it was coming. */
  reset: 2,
  /** The replica says that it has not looked at the request (HTTP/2 REFUSED_STREAM). */
  refused: 3,
  /** No answer within the time of one try. */
  timeout: 4,
  /** What came was no HTTP. */
  protocol: 5,
  /** The client went away, or nicd answered itself: says nothing about the replica. */
  cancelled: 6,
} as const;

/** A status, or one of {@link failure}. */
export type Outcome = number;

/** Does it count against the replica? Statuses of 500 and above do, and every failure but `cancelled`. */
export function isError(outcome: Outcome): boolean {
  return outcome >= 500 || (outcome < 100 && outcome !== failure.cancelled);
}
