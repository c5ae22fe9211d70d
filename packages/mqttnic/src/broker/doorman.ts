/** How many connections there are, and whether one more is taken. @module */
import type { BrokerConfig } from "../config/broker-config.ts";
import type { Peer } from "../data-plane/data-plane.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import type { Connection } from "./connection.ts";
import type { Counters } from "./counters.ts";

/** Counts connections in all and by listener, and how fast they come. */
export class Doorman {
  readonly #config: () => BrokerConfig;
  readonly #counters: Counters;
  readonly #timeMs: () => number;
  connections = 0;
  /** The broker ends: nobody comes in any more. */
  draining = false;
  readonly #perListener = new Map<string, number>();
  /** A bucket that fills by so many a second. */
  #tokens = 0;
  #filledAtMs = 0;

  constructor(config: () => BrokerConfig, counters: Counters, timeMs: () => number) {
    this.#config = config;
    this.#counters = counters;
    this.#timeMs = timeMs;
  }

  opened({ listener }: Peer): void {
    this.connections++;
    this.#counters.clientsMost = Math.max(this.#counters.clientsMost, this.connections);
    this.#perListener.set(listener.name, (this.#perListener.get(listener.name) ?? 0) + 1);
  }

  closed({ listener }: Peer): void {
    this.connections--;
    this.#perListener.set(listener.name, (this.#perListener.get(listener.name) ?? 1) - 1);
  }

  /** Whether this one, which is counted already, may come in; tells it if not. */
  admits(connection: Connection): boolean {
    const { limits } = this.#config();
    const { listener } = connection.peer;
    if (this.draining) {
      connection.fail(reasonCode.serverShuttingDown, "the broker ends", "draining");
      return false;
    }
    const full = limits.connections > 0 && this.connections > limits.connections;
    const here = this.#perListener.get(listener.name) ?? 0;
    if (full || (listener.mostConnections > 0 && here > listener.mostConnections)) {
      this.#counters.limit("connections");
      connection.fail(reasonCode.quotaExceeded, "no more connections are taken", "connections");
      return false;
    }
    if (limits.connectionsPerSecond > 0 && !this.#takeToken(limits.connectionsPerSecond)) {
      this.#counters.limit("connectionsPerSecond");
      connection.fail(reasonCode.connectionRateExceeded, "too many connect at a time", "connect-rate");
      return false;
    }
    return true;
  }

  #takeToken(perSecond: number): boolean {
    const now = this.#timeMs();
    this.#tokens = Math.min(perSecond, this.#tokens + ((now - this.#filledAtMs) / 1000) * perSecond);
    this.#filledAtMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
