/** What the daemon answers to `trace`: the last traces, or requests as they end. @module */
import { type Exchange, keep } from "./exchange.ts";
import { type LinkCounts, noLinks } from "./link-counts.ts";
import type { TraceFilter } from "./trace.ts";
import { TraceStore } from "./trace-store.ts";
import { exchangeToWire, type WireExchange } from "./wire.ts";

/** Exchanges kept for a reader that is slow; older ones are dropped. */
const backlog = 4096;

/** Which traces are asked for. */
export interface RecentTracesRequest extends TraceFilter {
  /** The last so many. */
  readonly limit: number;
}

/** Traces, the newest last, in the form for the socket. */
export interface RecentTracesAnswer {
  readonly traces: readonly { readonly traceId: string; readonly exchanges: readonly WireExchange[] }[];
  /** All requests since the daemon began, sampled or not. */
  readonly linkedShare: LinkCounts;
}

/** Where exchanges come from, such as sockhijack's `ExchangeFeed`. */
export interface ExchangeSource {
  /** Hands every exchange to `sink` until the returned function is called. */
  readonly to: (sink: (exchange: Exchange) => void) => () => void;
  /** The last sampled exchanges, oldest first. */
  readonly recent: () => readonly Exchange[];
}

/** Puts the last exchanges of a source together into traces when it is asked, and counts how their parents were found. */
export class RecentTraces {
  readonly #source: ExchangeSource;
  readonly #links = noLinks();
  readonly #stop: () => void;
  /** Exchanges that a slow reader of `follow` lost. */
  dropped = 0;

  constructor(source: ExchangeSource) {
    this.#source = source;
    this.#stop = source.to(({ link }) => {
      this.#links[link]++;
    });
  }

  /** The last traces, the newest last. */
  traces({ limit, ...filter }: RecentTracesRequest): RecentTracesAnswer {
    const store = new TraceStore();
    for (const exchange of this.#source.recent()) store.add(exchange);
    const traces = store.last(limit, filter).map(({ traceId, exchanges }) => ({ traceId, exchanges: exchanges.map(exchangeToWire) }));
    return { traces, linkedShare: { ...this.#links } };
  }

  /** Sampled exchanges as they end, until `signal` aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<WireExchange> {
    const queue: Exchange[] = [];
    let wake = (): void => {};
    const leave = this.#source.to((exchange) => {
      if (!exchange.sampled) return;
      if (queue.length >= backlog) {
        queue.shift();
        this.dropped++;
      }
      queue.push(keep(exchange));
      wake();
    });
    const stop = (): void => wake();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const next = queue.shift();
        if (next) yield exchangeToWire(next);
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal.removeEventListener("abort", stop);
      leave();
    }
  }

  /** Takes nothing more. */
  close(): void {
    this.#stop();
  }
}
