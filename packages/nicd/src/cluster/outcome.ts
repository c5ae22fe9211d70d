/** How a try at a replica ended, in one number. @module */

/** Tries without an answer's head; an answer's status (100 to 999) stands for itself. */
export const failure = {
  /** No connection: not in time, or not by the link to the replica's node. Nothing has reached the replica. */
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
  /** The system of the replica's node says that nobody takes connections there. Nothing has reached the replica, and none will until it is back. */
  dead: 7,
} as const;

/** A status, or one of {@link failure}. */
export type Outcome = number;

/** Does it count against the replica? Statuses of 500 and above do, and every failure but `cancelled`. */
export function isError(outcome: Outcome): boolean {
  return outcome >= 500 || (outcome < 100 && outcome !== failure.cancelled);
}

/** Nothing of the request has reached the replica. */
export function isUnsent(outcome: Outcome): boolean {
  return outcome === failure.connect || outcome === failure.dead;
}

/** What the kernel says of a connect when nobody is there. */
const nobodyThere: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);

/**
 * How a connection that has ended with this error failed. That nobody is there counts of a replica on this node only: of another one, the kernel
 * speaks of the link.
 */
export function failureOf(error: Error | null, here: boolean): Outcome {
  const { syscall, code } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall !== "connect") return failure.reset;
  return here && nobodyThere.has(code) ? failure.dead : failure.connect;
}
