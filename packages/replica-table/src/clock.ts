/** The clock of the tables: one for all processes of the machine, and no object to collect for a look at it. @module */

/** Milliseconds that `performance.now()` is behind the machine's monotonic clock; the closest of a few looks, as the thread may be stopped between two. */
function behindMs(): number {
  let mostMs = Number.NEGATIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    const [seconds, nanoseconds] = process.hrtime();
    // Time between the two looks makes it less: the most is the closest.
    mostMs = Math.max(mostMs, seconds * 1000 + nanoseconds / 1e6 - performance.now());
  }
  return mostMs;
}

const offsetMs = behindMs();

/**
 * Milliseconds since the machine started, with fractions; it never goes back. Processes agree within some microseconds. [CLOCK_MONOTONIC, clock_gettime(2)]
 *
 * @example
 * ```ts
 * const startMs = clockMs();
 * ```
 */
export function clockMs(): number {
  return performance.now() + offsetMs;
}
