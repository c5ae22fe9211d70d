/** The last sampled traces, in bounded memory. @module */
import type { Exchange } from "./exchange.ts";
import { isWanted, type Trace, type TraceFilter } from "./trace.ts";

/** What the store may hold. */
export interface TraceStoreLimits {
  readonly traces: number;
  /** Exchanges of all traces together. */
  readonly exchanges: number;
  /** Exchanges of one trace: a client that sends the same trace id for ever must not push out all others. */
  readonly exchangesEach: number;
  /** Estimated bytes of all of them. */
  readonly bytes: number;
}

/** Some 10 MiB when full; every answer made of it stays below the socket's limit of 16 MiB. */
export const traceStoreLimits: TraceStoreLimits = { traces: 1000, exchanges: 10_000, exchangesEach: 1000, bytes: 10 * 1024 * 1024 };

/** What an exchange weighs without its texts of varying length: two ends, four times, three ids. */
const exchangeBytes = 800;

interface Kept {
  readonly traceId: string;
  readonly exchanges: Exchange[];
  bytes: number;
}

/** Traces by id; when a limit is met, the trace that has been quiet longest goes. */
export class TraceStore {
  readonly #limits: TraceStoreLimits;
  /** In order of their last exchange. */
  readonly #traces = new Map<string, Kept>();
  #exchanges = 0;
  #bytes = 0;
  /** Exchanges not taken since their trace was full. */
  refused = 0;

  constructor(limits: TraceStoreLimits = traceStoreLimits) {
    this.#limits = limits;
  }

  /** What is held now. */
  get size(): { readonly traces: number; readonly exchanges: number; readonly bytes: number } {
    return { traces: this.#traces.size, exchanges: this.#exchanges, bytes: this.#bytes };
  }

  /** Takes an exchange that has ended; one that is not sampled is left out. */
  add(exchange: Exchange): void {
    if (!exchange.sampled) return;
    const { traceId } = exchange;
    const kept = this.#traces.get(traceId) ?? { traceId, exchanges: [], bytes: 0 };
    if (kept.exchanges.length >= this.#limits.exchangesEach) {
      // It is not moved to the end: so it ages, goes, and can begin anew.
      this.refused++;
      return;
    }
    const bytes = exchangeBytes + 2 * (exchange.target.length + exchange.method.length + exchange.authority.length);
    kept.exchanges.push(exchange);
    kept.bytes += bytes;
    this.#exchanges++;
    this.#bytes += bytes;
    this.#traces.delete(traceId);
    this.#traces.set(traceId, kept);
    this.#shrink();
  }

  /** The last `limit` traces that are wanted, the newest last. */
  last(limit: number, filter: TraceFilter = {}): Trace[] {
    const wanted = [...this.#traces.values()].filter((trace) => isWanted(trace, filter));
    return wanted.slice(-limit).map(({ traceId, exchanges }) => ({ traceId, exchanges: [...exchanges] }));
  }

  #shrink(): void {
    const { traces, exchanges, bytes } = this.#limits;
    for (const [traceId, oldest] of this.#traces) {
      if (this.#traces.size <= traces && this.#exchanges <= exchanges && this.#bytes <= bytes) return;
      this.#traces.delete(traceId);
      this.#exchanges -= oldest.exchanges.length;
      this.#bytes -= oldest.bytes;
    }
  }
}
