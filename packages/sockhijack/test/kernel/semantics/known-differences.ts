/** The differences between a plain run and one under sockhijack that cannot be helped: at most five, and the README lists the same. @module */

/** One case whose observation differs, always in the same way. */
export interface KnownDifference {
  readonly case: string;
  /** What is seen under sockhijack instead; only the keys that differ. */
  readonly observed: Readonly<Record<string, unknown>>;
  /** The cause, in the kernel's terms. */
  readonly because: string;
}

/** All of them. */
export const knownDifferences: readonly KnownDifference[] = [];
