/** Exchanges that have ended, to whoever makes something of them. @module */
import { type Exchange, type ExchangeSource, ExportPace } from "@mitsu/telemetry";
import type { LiveExchange } from "../live-exchange.ts";
import type { LivePassingExchange } from "./passing-exchange.ts";

/** Kept for `nicd trace`. */
const mostRecent = 4096;
/** A second at most, whole traces of them: keeping one costs some 2 µs. */
const keptPerSecond = 1000;

/** What is to be counted of an exchange: both ends that are here. `arrived`: it came from another node. */
export type ExchangeCounter = (exchange: Exchange, arrived: boolean) => void;

/**
 * Hands each exchange, as it ends, to who counts requests, then to its sinks as the one span that this hop is; valid for the call only.
 *
 * @example
 * ```ts
 * const feed = new ExchangeFeed(new LivePassingExchange("node-a", epochNs), (exchange) => red.add(exchange));
 * feed.to((exchange) => otlp.add(exchange));
 * feed.add(live);
 * ```
 */
export class ExchangeFeed implements ExchangeSource {
  readonly #passing: LivePassingExchange;
  readonly #count: ExchangeCounter;
  #sinks: readonly ((exchange: Exchange) => void)[] = [];
  readonly #pace = new ExportPace(keptPerSecond);
  /** The newest stands before `#next`, the oldest at it once it is full. */
  readonly #recent: Exchange[] = [];
  #next = 0;
  /** Since the start. */
  requests = 0;

  constructor(passing: LivePassingExchange, count: ExchangeCounter) {
    this.#passing = passing;
    this.#count = count;
  }

  /** Takes one that has ended. */
  add(live: LiveExchange): void {
    this.requests++;
    const exchange = this.#passing.show(live);
    this.#count(exchange, exchange.arrived);
    exchange.asSpan();
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
