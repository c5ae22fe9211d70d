/**
 * A listener: a bound socket, and what each connection goes through before it speaks MQTT: a PROXY header, TLS, a WebSocket upgrade, each where wanted.
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { WebSocket } from "ws";
import type { ListenerConfig } from "../config/broker-config.ts";
import type { BoundListener, Peer, PeerCertificate } from "../data-plane/data-plane.ts";
import { type BoundAddress, bind } from "./bind.ts";
import { type Origin, originOf } from "./origin.ts";
import { takeProxyHeader } from "./proxied.ts";
import type { SocketFileOptions } from "./socket-file.ts";
import { TlsStage } from "./tls-stage.ts";
import { WebSocketStage } from "./web-socket-stage.ts";

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

/** What a listener tells. */
export interface ListenerOwner {
  onArrival(arrival: Arrival): void;
  /** It takes no more connections. */
  onClosed(): void;
}

/**
 * Binds and listens.
 *
 * @throws {MitsuError} `ERR_LISTEN`, `ERR_CERT_BAD`.
 */
export async function openListener(config: ListenerConfig, options: ListenerOptions, owner: ListenerOwner): Promise<BoundListener> {
  const listener = new StreamListener(config, options, owner);
  await listener.open();
  return listener;
}

/** A PROXY header, TLS handshake and upgrade take so long at most, unless told. */
const defaultOpenWithinMs = 10_000;
const defaultMessageBytes = 16 * 1024 * 1024;

class StreamListener implements BoundListener {
  config: ListenerConfig;
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #owner: ListenerOwner;
  #bound: BoundAddress = { address: "", port: 0, unix: false };
  #tls: TlsStage | undefined;
  #webSockets: WebSocketStage | undefined;
  /** Those that do not speak MQTT yet. */
  readonly #staged = new Set<Socket>();

  constructor(config: ListenerConfig, options: ListenerOptions, owner: ListenerOwner) {
    this.config = config;
    this.#options = options;
    this.#owner = owner;
    this.#server = createServer({ allowHalfOpen: true, noDelay: config.noDelay }, (socket) => this.#accepted(socket));
  }

  get address(): string {
    return this.#bound.address;
  }

  get port(): number {
    return this.#bound.port;
  }

  async open(): Promise<void> {
    await this.reload(this.config);
    this.#bound = await bind(this.#server, this.config, this.#options);
    // Such as EMFILE on accept(2).
    this.#server.on("error", (error) => this.#options.onRefused?.(this.config, error.message));
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#owner.onClosed();
    for (const socket of this.#staged) socket.destroy();
    // close(2) happens at the end of the turn.
    await nextTurn();
  }

  async reload(config: ListenerConfig): Promise<void> {
    const tls = config.tls === undefined ? undefined : await TlsStage.open(config.tls, this.#openWithinMs);
    this.#tls = tls;
    this.#webSockets =
      config.protocol === "websockets"
        ? new WebSocketStage(config.webSocketPaths, this.#options.webSocketMessageBytes ?? defaultMessageBytes)
        : undefined;
    this.config = config;
  }

  get #openWithinMs(): number {
    return this.#options.openWithinMs ?? defaultOpenWithinMs;
  }

  #accepted(socket: Socket): void {
    const origin = originOf(socket, this.#bound.unix);
    if (origin === undefined) {
      socket.on("error", ignore);
      socket.destroy();
    } else if (this.config.proxyProtocol || this.#tls !== undefined || this.#webSockets !== undefined) this.#stage(socket, origin);
    else this.#arrived(socket, undefined, origin, undefined);
  }

  #arrived(socket: Duplex, webSocket: WebSocket | undefined, origin: Origin, secured: Secure | undefined): void {
    const { unix } = this.#bound;
    const transport = webSocket !== undefined ? (secured ? "wss" : "ws") : secured ? "tls" : unix ? "unix" : "tcp";
    this.#owner.onArrival({
      socket,
      webSocket,
      peer: { listener: this.config, ...origin, transport, certificate: secured?.certificate, identity: undefined },
    });
  }

  /** Through the stages one by one, within a bounded time. */
  #stage(socket: Socket, origin: Origin): void {
    const config = this.config;
    const tls = this.#tls;
    const webSockets = this.#webSockets;
    let refused = false;
    const onRefused = (reason: string) => {
      if (refused) return;
      refused = true;
      this.#options.onRefused?.(config, reason);
    };
    const timer = setTimeout(() => {
      onRefused(`not open within ${this.#openWithinMs} ms`);
      socket.destroy();
    }, this.#openWithinMs);
    const leave = () => {
      clearTimeout(timer);
      socket.off("close", onClose);
      this.#staged.delete(socket);
    };
    const onClose = () => {
      leave();
      // Later: a stage may tell why it closed.
      setImmediate(() => onRefused(tls?.takeReason() ?? "closed before it was open"));
    };
    this.#staged.add(socket);
    socket.on("close", onClose);
    socket.on("error", ignore);

    const arrive = (carrier: Duplex, webSocket: WebSocket | undefined, from: Origin, secured: Secure | undefined) => {
      leave();
      this.#arrived(carrier, webSocket, from, secured);
    };
    const upgrade = (carrier: Duplex, from: Origin, secured: Secure | undefined) => {
      if (webSockets === undefined) return arrive(carrier, undefined, from, secured);
      webSockets.accept(carrier, {
        onUpgraded: (webSocket, sameSite) => arrive(carrier, webSocket, sameSite ? from : { ...from, local: false }, secured),
        onRefused,
      });
    };
    const secure = (from: Origin) => {
      if (tls === undefined) upgrade(socket, from, undefined);
      else tls.accept(socket, { onSecure: (carrier, certificate) => upgrade(carrier, from, { certificate }), onRefused });
    };
    if (!config.proxyProtocol) {
      secure(origin);
      return;
    }
    const onHeader = (client: Origin) => {
      // In the next tick, when what follows has its reader; a TLS socket reads by itself.
      if (tls === undefined) socket.resume();
      secure(client);
    };
    takeProxyHeader(socket, origin, onHeader, (why) => {
      onRefused(why);
      socket.destroy();
    });
  }
}

interface Secure {
  readonly certificate: PeerCertificate | undefined;
}

function ignore(): void {}
