/**
 * How bytes come from clients and go to them, whatever carries them. The broker writes all that a turn of the loop brings into one slab, tells the
 * plane who gets which part, and flushes once: each connection gets one write a turn, in the order of the parts.
 * @module
 */
import type { ListenerConfig } from "../config/broker-config.ts";

/** What is known of a connection when it is open. */
export interface Peer {
  /** Where it came in. */
  readonly listener: ListenerConfig;
  /** The client's address, by the PROXY header where one is expected; empty for a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** Loopback, a Unix socket or in-process: what `anonymous: local` lets in. */
  readonly local: boolean;
  /** How its bytes travel, for status. */
  readonly transport: "tcp" | "tls" | "ws" | "wss" | "unix" | "memory";
  /** The verified client certificate, where there is one. */
  readonly certificate: PeerCertificate | undefined;
  /** An in-process client's identity, which is believed. */
  readonly identity: string | undefined;
}

/** What of a client certificate identities are made of. */
export interface PeerCertificate {
  /** Common name; empty for none. */
  readonly commonName: string;
  /** `URI:` names, such as SPIFFE ids. */
  readonly uris: readonly string[];
  /** The subject as `CN=a,O=b`, most specific first. */
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** What the broker is told; never from within one of the plane's methods. `id` is the plane's own number of a connection; numbers are used again after `onClose`. */
export interface PlaneEvents {
  onOpen(id: number, peer: Peer): void;
  /** Bytes came: `buffer[start, end)`, valid during the call only. */
  onBytes(id: number, buffer: Buffer, start: number, end: number): void;
  /** All that waited has left. */
  onDrain(id: number): void;
  /** It is over; nothing is told of this number until it is opened again. */
  onClose(id: number, error: Error | null): void;
  /** All events of this turn have been told: the broker now writes and flushes. */
  onTurn(): void;
}

/** A bound listener. */
export interface BoundListener {
  readonly config: ListenerConfig;
  /** Where it listens, the port that the kernel chose for 0; the path for a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** Takes no more connections; those there go on. */
  close(): Promise<void>;
  /** Takes a changed configuration over (certificates), for new connections; throws a `MitsuError` and keeps the old one when it is not fit. */
  reload(config: ListenerConfig): Promise<void>;
}

/**
 * A data plane. `slab` is where the broker writes; parts given to {@link fan} and {@link send} lie in it and stay as they are until {@link flush} returns.
 *
 * @example
 * ```ts
 * const route = plane.installRoute(Int32Array.of(4, 7));
 * slab.set(packet, 0);
 * plane.fan(route, slab, 0, packet.length, 1, true);
 * plane.flush();
 * ```
 */
export interface DataPlane {
  readonly kind: "net" | "epoll";
  /** At `[id]`: bytes that the kernel did not take yet. A plain view: reading it costs nothing. */
  readonly waitingBytes: Uint32Array;
  /** A droppable part is left out for a connection of which more than this waits; {@link dropped} counts. */
  dropAboveBytes: number;
  /** At `[id]`: droppable messages left out since it was opened. */
  readonly dropped: Uint32Array;
  /** Binds and listens. @throws {MitsuError} `ERR_LISTEN` when the address is taken or not allowed, `ERR_CERT_BAD` for TLS files that cannot be used. */
  listen(config: ListenerConfig): Promise<BoundListener>;
  /** Whether this plane carries such listeners. */
  carries(config: ListenerConfig): boolean;
  /** Keeps a set of connections under a number, for {@link fan}. */
  installRoute(ids: Int32Array): number;
  /** The number is given out again. */
  uninstallRoute(route: number): void;
  /** Each connection of the route gets `slab[start, end)`, which holds so many `messages`, at the next flush. */
  fan(route: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void;
  /** One connection gets `slab[start, end)` at the next flush. */
  send(id: number, slab: Buffer, start: number, end: number, messages: number, droppable: boolean): void;
  /** Writes all parts since the last flush. @returns Whether the slab may be used again from its start: false when the plane still refers to it. */
  flush(): boolean;
  /** Closes when what waits has left, `graceMs` later at most; at once when `graceMs` is 0. `onClose` follows in a later turn. */
  close(id: number, graceMs: number): void;
  /** No `onBytes` until {@link resume}: the client is held up. */
  pause(id: number): void;
  resume(id: number): void;
  /** Ends the plane: listeners and connections. */
  stop(): Promise<void>;
}
