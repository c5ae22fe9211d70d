/** Puts exchanges that come one by one together to traces, and tells when a trace seems whole. @module */
import type { Exchange } from "./exchange.ts";
import type { Trace } from "./trace.ts";

/** How long a trace must have been quiet. */
export interface QuietTimes {
  /** When its root has ended: calls that outlive it, and other rings, have this long. */
  readonly endedMs: number;
  /** When no root was seen: it is still running, or on another node. */
  readonly openMs: number;
}

/** The daemon reads its ring every 100 ms; these are some of those. */
export const quietTimes: QuietTimes = { endedMs: 300, openMs: 3000 };

/** Exchanges held at most; then the trace that has waited longest is told as it is. */
const held = 10_000;

interface Waiting {
  readonly traceId: string;
  readonly exchanges: Exchange[];
  rootEnded: boolean;
  lastMs: number;
}

/** Traces that wait for more exchanges; time comes from the caller. */
export class QuietTraces {
  readonly #times: QuietTimes;
  /** In order of their last exchange. */
  readonly #waiting = new Map<string, Waiting>();
  #held = 0;

  constructor(times: QuietTimes = quietTimes) {
    this.#times = times;
  }

  /** Takes an exchange at `nowMs`, by any clock that does not go back. */
  add(exchange: Exchange, nowMs: number): void {
    const { traceId } = exchange;
    const trace = this.#waiting.get(traceId) ?? { traceId, exchanges: [], rootEnded: false, lastMs: nowMs };
    trace.exchanges.push(exchange);
    trace.rootEnded ||= exchange.parentSpanId === undefined;
    trace.lastMs = nowMs;
    this.#waiting.delete(traceId);
    this.#waiting.set(traceId, trace);
    this.#held++;
  }

  /** Hands out the traces that have been quiet for long enough, oldest first; all that are left when no time is given. */
  take(nowMs: number = Number.POSITIVE_INFINITY): Trace[] {
    const due: Trace[] = [];
    for (const [traceId, { exchanges, rootEnded, lastMs }] of this.#waiting) {
      const quietMs = rootEnded ? this.#times.endedMs : this.#times.openMs;
      if (nowMs - lastMs < quietMs && this.#held <= held) continue;
      this.#waiting.delete(traceId);
      this.#held -= exchanges.length;
      due.push({ traceId, exchanges });
    }
    return due;
  }
}
