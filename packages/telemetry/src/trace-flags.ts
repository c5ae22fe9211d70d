/** What a request's headers say of its trace besides the ids. @module */

/** Bits of what the readers of trace headers return. The first two are W3C's, the others never go on the wire. */
export const traceFlag = {
  /** The caller told its span, or may have. */
  sampled: 0x01,
  /** The trace's id is random in its last seven bytes. Source: W3C Trace Context Level 2, "Random Trace ID Flag". */
  random: 0x02,
  /** B3 only: the caller leaves it to us whether the trace is sampled. */
  undecided: 0x100,
  /** B3 only: the caller says whether to sample, but has no trace; begin one. No ids were read. */
  withoutIds: 0x200,
} as const;

/** What the readers of trace headers return when there is nothing to go by: begin a trace. No ids were read. */
export const noTrace = -1;
