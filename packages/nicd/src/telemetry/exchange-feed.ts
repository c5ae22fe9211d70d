/** Exchanges that have ended, to whoever makes something of them. @module */
import { type Exchange, type ExchangeSource, ExportPace } from "@mitsu/telemetry";
import type { LiveExchange } from "../live-exchange.ts";
import { LivePassingExchange } from "./passing-exchange.ts";

/** Kept for `nicd trace`. */
const mostRecent = 4096;
/** A second at most, whole traces of them: keeping one costs some 2 µs. */
const keptPerSecond = 1000;

/**
 * Hands each exchange to its sinks as it ends, valid for the call only.
 *
 * @example
 * ```ts
 * const feed = new ExchangeFeed("node-a", epochNs);
 * feed.to((exchange) => red.add(exchange));
 * feed.add(live);
 * ```
 */
export class ExchangeFeed implements ExchangeSource {
  readonly #passing: LivePassingExchange;
  #sinks: readonly ((exchange: Exchange) => void)[] = [];
  readonly #pace = new ExportPace(keptPerSecond);
  /** The newest stands before `#next`, the oldest at it once it is full. */
  readonly #recent: Exchange[] = [];
  #next = 0;
  /** Since the start. */
  requests = 0;

  constructor(node: string, epochNs: bigint) {
    this.#passing = new LivePassingExchange(node, epochNs);
  }

  /** Takes one that has ended. */
  add(live: LiveExchange): void {
    this.requests++;
    const exchange = this.#passing.show(live);
    for (const sink of this.#sinks) sink(exchange);
    if (!live.sampled || !this.#pace.lets(exchange, 1)) return;
    this.#recent[this.#next] = exchange.keep();
    this.#next = (this.#next + 1) % mostRecent;
  }

  to(sink: (exchange: Exchange) => void): () => void {
    this.#sinks = [...this.#sinks, sink];
    return () => {
      this.#sinks = this.#sinks.filter((other) => other !== sink);
    };
  }

  recent(): readonly Exchange[] {
    return [...this.#recent.slice(this.#next), ...this.#recent.slice(0, this.#next)];
  }
}
