/** TLS on connections that something else has accepted. @module */
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { TlsConfig } from "../config/broker-config.ts";
import type { PeerCertificate } from "../data-plane/data-plane.ts";
import { peerCertificate } from "./peer-certificate.ts";
import { readTlsFiles } from "./tls-files.ts";

/** What follows a handshake. */
export interface Secured {
  onSecure(socket: TLSSocket, certificate: PeerCertificate | undefined): void;
  onRefused(reason: string): void;
}

/** Handshakes under one configuration. It is replaced as a whole when files change, and connections that it made go on. */
export class TlsStage {
  readonly #server: Server;
  /** By the four numbers of a connection: Node tells only of the TLS socket, not of the one below it. */
  readonly #underWay = new Map<string, Secured>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Reads the files.
   *
   * @throws {MitsuError} `ERR_CERT_BAD`.
   */
  static async open(tls: TlsConfig, handshakeMs: number): Promise<TlsStage> {
    const files = await readTlsFiles(tls);
    const server = createServer({
      cert: files.certificate,
      key: files.key,
      ...(files.authorities === undefined ? {} : { ca: files.authorities }),
      ...(files.revoked === undefined ? {} : { crl: files.revoked }),
      // A certificate may be shown wherever there is somebody to verify it; it must be only where one is required.
      requestCert: files.authorities !== undefined,
      rejectUnauthorized: tls.requireCertificate,
      handshakeTimeout: handshakeMs,
      SNICallback: (name, done) => done(null, files.byServerName.get(name.toLowerCase())),
    });
    const stage = new TlsStage(server);
    server.on("secureConnection", (socket) => stage.#secure(socket));
    server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
      const reason: unknown = socket.authorizationError;
      stage
        .#take(socket)
        ?.onRefused(`TLS handshake: ${reason === undefined || reason === null ? (error.code ?? error.message) : String(reason)}`);
      socket.destroy();
    });
    return stage;
  }

  /** Begins a handshake; what has been read too far must have been given back to the socket. */
  accept(socket: Socket, next: Secured): void {
    const key = keyOf(socket);
    if (key === undefined) {
      socket.destroy();
      return;
    }
    this.#underWay.set(key, next);
    socket.once("close", () => {
      if (this.#underWay.get(key) === next) this.#underWay.delete(key);
    });
    this.#server.emit("connection", socket);
  }

  #take(socket: TLSSocket): Secured | undefined {
    const key = keyOf(socket);
    if (key === undefined) return undefined;
    const next = this.#underWay.get(key);
    this.#underWay.delete(key);
    return next;
  }

  #secure(socket: TLSSocket): void {
    const next = this.#take(socket);
    const certificate = socket.getPeerX509Certificate();
    if (next === undefined) {
      // The other end is gone already.
      socket.destroy();
    } else if (certificate !== undefined && !socket.authorized) {
      // One that shows a certificate means to be known by it: it does not come in as somebody without one.
      next.onRefused(`client certificate: ${String(socket.authorizationError)}`);
      socket.destroy();
    } else next.onSecure(socket, certificate === undefined ? undefined : peerCertificate(certificate));
  }
}

function keyOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
