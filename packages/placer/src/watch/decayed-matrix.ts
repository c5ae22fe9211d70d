/** Who says how much to whom: rates that forget, from counters that are read now and then. Pure; the clock is passed in. @module */
import type { MatrixCell } from "@mitsu/ipc";

/** Rates of one ordered pair of services. */
export interface Rate {
  readonly from: string;
  readonly to: string;
  /** Both ways. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** A matrix as it is kept over a restart. */
export interface KeptMatrix {
  readonly coverage: number;
  readonly rates: readonly Rate[];
}

/** What a daemon tells of itself: counters of another one have nothing to do with those before. */
export interface Counter {
  readonly pid: number;
  readonly startedAtMs: number;
}

interface Count {
  readonly messages: number;
  readonly bytes: number;
  readonly redirected: number;
}

interface Pair {
  messages: number;
  bytes: number;
}

/** Below so much a second a pair is forgotten. */
const leastPerSecond = 1e-6;
/** What a message is taken to be long where none was ever counted: sockhijack counts messages that it redirects, and bytes of all. */
const unknownMessageBytes = 1024;

/**
 * The estimate from one sockhijack: an exponentially weighted mean of the rates between readings, where traffic of one half-life ago counts half.
 * At the beginning it is the plain mean of what there was, and `coverage` says how much of the horizon that is.
 *
 * sockhijack counts redirected messages only. Bytes that went by TCP, as all do between nodes, become messages by the pair's own mean length of
 * a redirected message, else by that of all pairs, else at {@link unknownMessageBytes}.
 *
 * @example
 * ```ts
 * const matrix = new DecayedMatrix(300_000);
 * matrix.read(0, daemon, cells);
 * matrix.read(5000, daemon, cellsLater);
 * matrix.rates(); // [{ from: "web", to: "redis", messagesPerSecond: 900, … }]
 * ```
 */
export class DecayedMatrix {
  readonly #halfLifeMs: number;
  readonly #pairs = new Map<string, Pair>();
  /** Highest counters seen, by pair. */
  readonly #counts = new Map<string, Count>();
  #last = new Set<string>();
  #counter: Counter | null = null;
  #readMs: number | null = null;
  #decayedMs: number | null = null;
  #coverage = 0;

  constructor(halfLifeMs: number, kept?: KeptMatrix) {
    this.#halfLifeMs = halfLifeMs;
    if (!kept) return;
    this.#coverage = Math.min(1, kept.coverage);
    for (const { from, to, messagesPerSecond: messages, bytesPerSecond: bytes } of kept.rates)
      this.#pairs.set(key(from, to), { messages, bytes });
  }

  /** Share of the horizon that readings have told of: 0 at first, 0.5 after one half-life, near 1 after many. */
  get coverage(): number {
    return this.#coverage;
  }

  /** As it is to be kept. */
  keep(): KeptMatrix {
    return { coverage: this.#coverage, rates: this.rates() };
  }

  /** Pairs that talk. */
  rates(): Rate[] {
    return [...this.#pairs].map(([pair, { messages, bytes }]) => {
      const [from, to] = pair.split("\n") as [string, string];
      return { from, to, messagesPerSecond: messages, bytesPerSecond: bytes };
    });
  }

  /**
   * Takes counters in.
   *
   * The first reading of a daemon is only what later ones are compared with, as is the first after it was away or was started again: what
   * happened between is not known, and told of by nothing. A counter that fell a little, as one may while a connection closes, has not moved; one
   * that fell by half or more has begun anew.
   *
   * @returns `false` when it could only be a beginning.
   */
  read(nowMs: number, counter: Counter, cells: readonly MatrixCell[]): boolean {
    const goesOn = this.#counter !== null && this.#counter.pid === counter.pid && this.#counter.startedAtMs === counter.startedAtMs;
    const lengthMs = this.#readMs === null ? 0 : nowMs - this.#readMs;
    const useful = goesOn && lengthMs > 0;
    if (!goesOn) this.#counts.clear();
    const passed = this.#differences(cells, goesOn);
    if (useful) this.#mix(passed, lengthMs);
    else this.decay(nowMs);
    this.#counter = counter;
    this.#readMs = this.#decayedMs = nowMs;
    return useful;
  }

  /** Time has passed without a reading: every rate falls by half in a half-life, and the next reading is a beginning. */
  away(nowMs: number): void {
    this.decay(nowMs);
    this.#counter = null;
    this.#readMs = null;
  }

  /** Time has passed: also that before a restart. */
  decay(nowMs: number): void {
    const lengthMs = this.#decayedMs === null ? 0 : Math.max(0, nowMs - this.#decayedMs);
    this.#decayedMs = nowMs;
    const left = 2 ** (-lengthMs / this.#halfLifeMs);
    for (const [pair, rate] of this.#pairs) this.#put(pair, rate.messages * left, rate.bytes * left);
  }

  #differences(cells: readonly MatrixCell[], goesOn: boolean): Map<string, Pair> {
    const counts = new Map(cells.map((cell) => [key(cell.from, cell.to), countOf(cell)]));
    const typical = typicalBytes([...counts.values()]) ?? unknownMessageBytes;
    const passed = new Map<string, Pair>();
    for (const [pair, now] of counts) {
      const before = this.#counts.get(pair);
      // One that was not there at the last reading is new, unless it was known earlier: then its counters are old or anew, and nobody knows which.
      const known = before === undefined ? goesOn : this.#last.has(pair);
      const was = before ?? { messages: 0, bytes: 0, redirected: 0 };
      const anew = now.bytes < was.bytes / 2;
      if (known && !anew) passed.set(pair, difference(was, now, typicalBytes([now]) ?? typical));
      this.#counts.set(pair, known && !anew ? highest(was, now) : now);
    }
    this.#last = new Set(counts.keys());
    return passed;
  }

  #mix(passed: ReadonlyMap<string, Pair>, lengthMs: number): void {
    const fresh = 1 - 2 ** (-lengthMs / this.#halfLifeMs);
    const coverage = this.#coverage * (1 - fresh) + fresh;
    const share = fresh / coverage;
    for (const pair of new Set([...this.#pairs.keys(), ...passed.keys()])) {
      const { messages, bytes } = this.#pairs.get(pair) ?? { messages: 0, bytes: 0 };
      const now = passed.get(pair) ?? { messages: 0, bytes: 0 };
      const perSecond = share / (lengthMs / 1000);
      this.#put(pair, messages * (1 - share) + now.messages * perSecond, bytes * (1 - share) + now.bytes * perSecond);
    }
    this.#coverage = Math.min(1, coverage);
  }

  #put(pair: string, messages: number, bytes: number): void {
    if (messages < leastPerSecond && bytes < leastPerSecond) this.#pairs.delete(pair);
    else this.#pairs.set(pair, { messages, bytes });
  }
}

const key = (from: string, to: string): string => `${from}\n${to}`;

function countOf({ messages, bytesOut, bytesIn, redirectedBytes }: MatrixCell): Count {
  return { messages, bytes: bytesOut + bytesIn, redirected: redirectedBytes };
}

/** Mean length of a redirected message; undefined where none was. */
function typicalBytes(counts: readonly Count[]): number | undefined {
  const messages = counts.reduce((sum, one) => sum + one.messages, 0);
  const bytes = counts.reduce((sum, one) => sum + one.redirected, 0);
  return messages > 0 && bytes > 0 ? bytes / messages : undefined;
}

function difference(was: Count, now: Count, messageBytes: number): Pair {
  const bytes = Math.max(0, now.bytes - was.bytes);
  const redirected = Math.min(bytes, Math.max(0, now.redirected - was.redirected));
  return { bytes, messages: Math.max(0, now.messages - was.messages) + (bytes - redirected) / messageBytes };
}

function highest(was: Count, now: Count): Count {
  return {
    messages: Math.max(was.messages, now.messages),
    bytes: Math.max(was.bytes, now.bytes),
    redirected: Math.max(was.redirected, now.redirected),
  };
}
