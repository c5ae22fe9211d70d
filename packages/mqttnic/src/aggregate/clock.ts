/** Time for what is sent again and again. @module */

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls back so often, until the returned function is called. */
  readonly every: (ms: number, callback: () => void) => () => void;
}

/** The machine's time; its timers keep no process alive. */
export const systemClock: Clock = {
  now: Date.now,
  every(ms, callback) {
    const timer = setInterval(callback, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
