/** Time for links, as a parameter so that tests need not wait. @module */

/** A clock with time-outs. */
export interface LinkClock {
  /** Milliseconds that only grow, with fractions. */
  now(): number;
  /** Milliseconds since 1970, for certificates. */
  date(): number;
  /** Calls back once. @returns What takes it back; nothing happens when it is too late for that. */
  after(ms: number, call: () => void): () => void;
}

/** The machine's; its time-outs keep no process alive. */
export const machineClock: LinkClock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms).unref();
    return () => clearTimeout(timer);
  },
};
