/** TLS on connections that something else has accepted. @module */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { TlsConfig } from "../config/broker-config.ts";
import type { PeerCertificate } from "../data-plane/data-plane.ts";
import { peerCertificate } from "./peer-certificate.ts";
import { readTlsFiles } from "./tls-files.ts";

/** What follows a handshake. */
export interface Secured {
  onSecure(socket: TLSSocket, certificate: PeerCertificate | undefined): void;
  /** @param reason - One of few: codes of Node's and OpenSSL's. */
  onRefused(reason: string): void;
}

/** Handshakes under one configuration. It is replaced as a whole when files change, and connections that it made go on. */
export class TlsStage {
  readonly #server: Server;
  /** Node tells of the TLS socket only, not of the one below it; what belongs to a handshake comes along in its asynchronous context. */
  readonly #underWay = new AsyncLocalStorage<{ next: Secured | undefined }>();

  /** Of a certificate that does not verify Node tells after the close, and out of context. */
  #reason: string | undefined;

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
      // Not null, as the types have it, where nothing was verified.
      const verified = socket.authorizationError as unknown as string | null | undefined;
      const reason = `TLS handshake: ${verified ?? error.code ?? "failed"}`;
      const next = stage.#take();
      if (next === undefined) stage.#reason = reason;
      else next.onRefused(reason);
      socket.destroy();
    });
    return stage;
  }

  /** Begins a handshake; what has been read too far must have been given back to the socket. */
  accept(socket: Socket, next: Secured): void {
    this.#underWay.run({ next }, () => this.#server.emit("connection", socket));
  }

  /** Why the connection that closed in this turn did so, where it is known. Once. */
  takeReason(): string | undefined {
    const reason = this.#reason;
    this.#reason = undefined;
    return reason;
  }

  /** Once: the context lives as long as the connection, and is to hold nothing. */
  #take(): Secured | undefined {
    const underWay = this.#underWay.getStore();
    const next = underWay?.next;
    if (underWay !== undefined) underWay.next = undefined;
    return next;
  }

  #secure(socket: TLSSocket): void {
    const next = this.#take();
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
