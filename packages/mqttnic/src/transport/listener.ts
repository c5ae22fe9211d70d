/**
 * A listener: a bound socket, and what each connection goes through before it speaks MQTT: a PROXY header, TLS, a WebSocket upgrade, each where wanted.
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { WebSocket } from "ws";
import type { ListenerConfig } from "../config/broker-config.ts";
import type { BoundListener, Peer } from "../data-plane/data-plane.ts";
import { type BoundAddress, bind, type SocketFileOptions } from "./bind.ts";
import { originOf } from "./origin.ts";

/** A connection that is ready for MQTT. */
export interface Arrival {
  readonly socket: Duplex;
  readonly webSocket: WebSocket | undefined;
  readonly peer: Peer;
}

/** What listeners are set up with. */
export interface ListenerOptions extends SocketFileOptions {
  readonly onRefused?: (listener: ListenerConfig, reason: string) => void;
  readonly openWithinMs?: number;
  readonly webSocketMessageBytes?: number;
}

/**
 * Binds and listens.
 *
 * @throws {MitsuError} `ERR_LISTEN`, `ERR_CERT_BAD`.
 */
export async function openListener(
  config: ListenerConfig,
  options: ListenerOptions,
  onArrival: (arrival: Arrival) => void,
): Promise<BoundListener> {
  const listener = new StreamListener(config, options, onArrival);
  await listener.open();
  return listener;
}

class StreamListener implements BoundListener {
  config: ListenerConfig;
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #onArrival: (arrival: Arrival) => void;
  #bound: BoundAddress = { address: "", port: 0, unix: false };

  constructor(config: ListenerConfig, options: ListenerOptions, onArrival: (arrival: Arrival) => void) {
    this.config = config;
    this.#options = options;
    this.#onArrival = onArrival;
    this.#server = createServer({ allowHalfOpen: true, noDelay: config.noDelay }, (socket) => this.#accepted(socket));
  }

  get address(): string {
    return this.#bound.address;
  }

  get port(): number {
    return this.#bound.port;
  }

  async open(): Promise<void> {
    this.#bound = await bind(this.#server, this.config, this.#options);
    // Such as EMFILE on accept(2).
    this.#server.on("error", (error) => this.#options.onRefused?.(this.config, error.message));
  }

  async close(): Promise<void> {
    this.#server.close();
    await nextTurn();
  }

  async reload(config: ListenerConfig): Promise<void> {
    this.config = config;
  }

  #accepted(socket: Socket): void {
    const { unix } = this.#bound;
    const origin = originOf(socket, unix);
    if (origin === undefined) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    this.#onArrival({
      socket,
      webSocket: undefined,
      peer: { listener: this.config, ...origin, transport: unix ? "unix" : "tcp", certificate: undefined, identity: undefined },
    });
  }
}
