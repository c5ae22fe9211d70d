/** Takes links of other nodes' nicds. @module */
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import type { Identity } from "../certificates/mod.ts";
import { type LinkClock, machineClock } from "./link-clock.ts";
import { type LinkLimits, linkLimits } from "./link-limits.ts";
import type { LinkSecurity } from "./link-pool.ts";
import type { LinkStatus } from "./link-status.ts";
import { peerOf } from "./peer-identity.ts";
import { type RefusalReason, Refusals } from "./refusals.ts";
import { ServerLink, type ServerLinkOptions, type ServerLinkPeer } from "./server-link.ts";

/** What a server is made with. */
export interface LinkServerOptions {
  readonly security: LinkSecurity;
  readonly permits: ServerLinkOptions["permits"];
  readonly connect: ServerLinkOptions["connect"];
  readonly limits?: Partial<LinkLimits>;
  readonly clock?: LinkClock;
  /** Hears of each refusal, for the log. */
  readonly refused?: (reason: RefusalReason, line: string) => void;
}

/**
 * Listens for links, knows their peers by certificate, and hands their streams on.
 *
 * @example
 * ```ts
 * const server = new LinkServer({ security, permits: (target) => replicasHere.has(target), connect: (request) => request.accept(events) });
 * await server.listen(15008, "0.0.0.0");
 * files.onChange((identity) => server.rotate(identity));
 * ```
 */
export class LinkServer {
  readonly refusals: Refusals;
  readonly #server: Server | TlsServer;
  readonly #links = new Set<ServerLink>();
  readonly #options: ServerLinkOptions;
  readonly #security: LinkSecurity;

  constructor({ security, permits, connect, limits = {}, clock = machineClock, refused }: LinkServerOptions) {
    this.refusals = new Refusals(refused);
    this.#security = security;
    this.#options = { limits: { ...linkLimits, ...limits }, clock, refusals: this.refusals, permits, connect };
    this.#server = security.security === "mtls" ? this.#tls(security.identity(), security.trustDomain) : this.#plainText();
    this.#server.maxConnections = this.#options.limits.links;
  }

  /**
   * Begins to listen.
   *
   * @param reusePort - Several workers listen at one port (SO_REUSEPORT); a link belongs to the one that accepts it.
   * @throws the system's error, as when the port is taken.
   * @returns The port.
   */
  async listen(port: number, address: string, reusePort: boolean = false): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject).listen({ port, host: address, reusePort }, resolve);
    await promise;
    this.#server.off("error", reject);
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : port;
  }

  /** New links are taken with this identity; those there are go on until their peer renews them. */
  rotate(identity: Identity): void {
    if (this.#security.security === "mtls") (this.#server as TlsServer).setSecureContext(identity.tls);
  }

  status(): readonly LinkStatus[] {
    return [...this.#links].map((link) => link.status());
  }

  /** Takes no more links and streams. @param graceful - Resolves when the streams there are have ended; else they are lost. */
  async close(graceful = false): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const link of this.#links) {
      if (graceful) link.retire();
      else link.destroy();
    }
    await promise;
  }

  #tls(identity: Identity, trustDomain: string): TlsServer {
    const server = createTlsServer({
      ...identity.tls,
      ALPNProtocols: ["h2"],
      requestCert: true,
      // Judged in `peerOf`, so that the reason can be counted. Nothing is read of a socket that fails there.
      rejectUnauthorized: false,
      handshakeTimeout: this.#options.limits.connectMs,
    });
    server.on("secureConnection", (socket) => {
      const who = addressOf(socket);
      const verdict = peerOf(socket, trustDomain);
      // What breaks it after this is told by the session.
      socket.on("error", () => {});
      if ("reason" in verdict) {
        this.refusals.add(verdict.reason, `${who.address} port ${who.port}`, verdict.detail);
        socket.destroy();
      } else if (socket.alpnProtocol !== "h2") {
        this.refusals.add("no-http2", `${who.address} port ${who.port}`, "");
        socket.destroy();
      } else this.#take(socket, { ...who, ...verdict });
    });
    server.on("tlsClientError", (error, socket) => {
      const { address, port } = addressOf(socket);
      this.refusals.add("handshake", `${address} port ${port}`, error.message);
    });
    return server;
  }

  #plainText(): Server {
    return createTcpServer((socket) => {
      socket.on("error", () => {});
      this.#take(socket, { ...addressOf(socket), node: null, notAfterMs: null });
    });
  }

  #take(socket: Socket, peer: ServerLinkPeer): void {
    const link: ServerLink = new ServerLink(socket, peer, this.#options, () => void this.#links.delete(link));
    this.#links.add(link);
  }
}

function addressOf(socket: Socket): { address: string; port: number } {
  // An IPv4 peer of a listener for both families has its address in IPv6's form.
  return { address: socket.remoteAddress?.replace(/^::ffff:/, "") ?? "", port: socket.remotePort ?? 0 };
}
