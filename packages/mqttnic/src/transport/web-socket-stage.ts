/** The WebSocket upgrade on connections that something else has accepted. [MQTT 5.0 §6] @module */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { isLoopback } from "./origin.ts";

/** What follows an upgrade. */
export interface Upgraded {
  /** @param sameSite - No page of another site asks: one may reach what listens on loopback only, by the browser of somebody here. */
  onUpgraded(webSocket: WebSocket, sameSite: boolean): void;
  /** @param reason - One of few. */
  onRefused(reason: string): void;
}

/** Upgrades under one configuration. */
export class WebSocketStage {
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #paths: readonly string[];
  readonly #underWay = new WeakMap<Duplex, Upgraded>();

  /** @param paths - Those it is opened at; all when empty. @param messageBytes - The longest message, which is buffered whole. */
  constructor(paths: readonly string[], messageBytes: number) {
    this.#paths = paths;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: messageBytes,
      skipUTF8Validation: true,
      handleProtocols: (offered) => pick(offered) ?? false,
    });
    this.#http = createServer((request, response) => {
      this.#refuse(request.socket, "a request that is no WebSocket upgrade");
      response.writeHead(426, { connection: "close", upgrade: "websocket", "content-type": "text/plain" });
      response.end("MQTT over WebSocket is spoken here: upgrade with the subprotocol mqtt.\n");
    });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      this.#refuse(socket, `HTTP: ${error.code ?? "failed"}`);
      answer(socket, "400 Bad Request", "");
    });
  }

  /** Begins with the request; what has been read too far must have been given back to the socket. */
  accept(socket: Duplex, next: Upgraded): void {
    this.#underWay.set(socket, next);
    this.#http.emit("connection", socket);
  }

  #refuse(socket: Duplex, reason: string): void {
    const next = this.#underWay.get(socket);
    this.#underWay.delete(socket);
    next?.onRefused(reason);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    if (this.#paths.length > 0 && !this.#paths.includes(path)) {
      this.#refuse(socket, "WebSocket at another path");
      answer(socket, "404 Not Found", "No MQTT at this path.\n");
      return;
    }
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    // [MQTT-6.0.0-3]
    if (pick(new Set(offered)) === undefined) {
      this.#refuse(socket, "WebSocket without the subprotocol mqtt");
      answer(socket, "400 Bad Request", "The subprotocol mqtt is wanted.\n");
      return;
    }
    const next = this.#underWay.get(socket);
    if (next === undefined) {
      socket.destroy();
      return;
    }
    this.#underWay.delete(socket);
    let done = false;
    const failed = () => {
      if (!done) next.onRefused("WebSocket: a wrong upgrade");
    };
    socket.once("close", failed);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      done = true;
      socket.off("close", failed);
      next.onUpgraded(webSocket, isSameSite(request.headers.origin));
    });
  }
}

/** [MQTT-6.0.0-4]; `mqttv3.1` is what clients of MQTT 3.1 ask for. */
function pick(offered: ReadonlySet<string>): string | undefined {
  return offered.has("mqtt") ? "mqtt" : offered.has("mqttv3.1") ? "mqttv3.1" : undefined;
}

/** Browsers name the page's site; programs send none. */
function isSameSite(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { hostname } = new URL(origin);
  return hostname === "localhost" || hostname === "[::1]" || isLoopback(hostname);
}

function answer(socket: Duplex, status: string, text: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
  socket.end(head + text, () => socket.destroy());
}
