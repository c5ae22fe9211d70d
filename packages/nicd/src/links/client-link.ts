/** One connection to a peer's nicd: TCP, TLS and HTTP/2, and the streams on it. @module */
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import type { Identity } from "../certificates/mod.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { LinkClock } from "./link-clock.ts";
import { linkError, linkErrorCode } from "./link-error.ts";
import type { LinkLimits } from "./link-limits.ts";
import type { OutgoingCarrier, OutgoingStream } from "./outgoing-stream.ts";
import { peerOf } from "./peer-identity.ts";
import { refusalReasons } from "./refusals.ts";

/** Where a peer's nicd takes links, and who it must be. */
export interface PeerAddress {
  readonly address: string;
  readonly port: number;
  /** Name of the node: its certificate must say so. */
  readonly node: string;
}

/** How to reach a peer. */
export interface ClientLinkOptions {
  readonly peer: PeerAddress;
  readonly trustDomain: string;
  /** Null for plain text. */
  readonly identity: Identity | null;
  readonly limits: LinkLimits;
  readonly clock: LinkClock;
}

/** What happens to a link. */
export interface ClientLinkEvents {
  /** It takes streams. */
  onUp(): void;
  /** A stream has ended, so another may begin; or it will take no more, see `takes`. */
  onRoom(): void;
  /** It is closed: with an error if it never came up or broke. */
  onDown(error: Error | null): void;
}

/** A link this node opened. */
export class ClientLink implements OutgoingCarrier {
  readonly counts = { bytesIn: 0, bytesOut: 0 };
  /** Of the identity it was made with, so that a newer one can replace it. */
  readonly version: number;
  streams = 0;
  /** End of the peer's certificate, milliseconds since 1970; null before it was seen and in plain text. */
  peerNotAfterMs: number | null = null;
  /** Why it broke; null while it has not. */
  lost: Error | null = null;
  readonly #options: ClientLinkOptions;
  readonly #events: ClientLinkEvents;
  readonly #socket: Socket | TLSSocket;
  #session: ClientHttp2Session | null = null;
  #heartbeat: Heartbeat | null = null;
  #state: "connecting" | "up" | "closing" | "down" = "connecting";
  #opened = 0;
  /** Highest stream that the peer has looked at; from its GOAWAY. */
  #lastLookedAt = Number.POSITIVE_INFINITY;
  readonly #cancelDeadline: () => void;

  constructor(options: ClientLinkOptions, events: ClientLinkEvents) {
    this.#options = options;
    this.#events = events;
    this.version = options.identity?.version ?? 0;
    const { limits, clock, peer } = options;
    this.#cancelDeadline = clock.after(limits.connectMs, () => this.#fail(this.#unreachable(`no answer within ${limits.connectMs} ms`)));
    this.#socket = this.#connect();
    this.#socket.on("error", (error) => this.#fail(this.#unreachable(error.message, error)));
    this.#socket.on("close", () => this.#closed(peer));
  }

  /** @throws when it is not up. */
  get session(): ClientHttp2Session {
    if (this.#session === null) throw new TypeError("the link is not up");
    return this.#session;
  }

  get rttMs(): number | null {
    return this.#heartbeat?.rttMs ?? null;
  }

  /** A stream can begin now. */
  get hasRoom(): boolean {
    return this.takes && this.streams < Math.min(this.#session?.remoteSettings.maxConcurrentStreams ?? 0, 2 ** 31);
  }

  /** It is up and not about to close. */
  get takes(): boolean {
    return this.#state === "up" && this.#session?.closed === false && this.#opened < this.#options.limits.streamsPerLink;
  }

  /** It has taken as many streams as a link should: replace it. */
  get isWorn(): boolean {
    return this.#opened >= this.#options.limits.streamsPerLink;
  }

  /** Starts a stream; `onRoom` follows when it is over. @throws when the session has just closed; the stream is as it was then. */
  start(stream: OutgoingStream): void {
    stream.start(this);
    stream.onOver = () => this.#ended();
    this.streams++;
    this.#opened++;
  }

  gaveBack(stream: ClientHttp2Stream): boolean {
    if (stream.id === undefined) return true;
    return stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || stream.id > this.#lastLookedAt;
  }

  /** Takes no more streams, and closes when the last has ended. */
  retire(): void {
    if (this.#state === "connecting") this.destroy();
    if (this.#state !== "up") return;
    this.#state = "closing";
    this.#session?.close();
  }

  /** Closes at once; its streams are lost. @param why - For them, unless it broke before. */
  destroy(why: Error = this.#unreachable("it was closed")): void {
    if (this.#state !== "down") this.lost ??= why;
    // Not the session: that would tell the peer that every stream has ended as it should.
    this.#socket.destroy();
  }

  #connect(): Socket | TLSSocket {
    const { peer, identity, trustDomain } = this.#options;
    const { address: host, port } = peer;
    if (identity === null) {
      const socket = connectTcp({ host, port });
      return socket.once("connect", () => this.#begin());
    }
    const options: ConnectionOptions = {
      host,
      port,
      ALPNProtocols: ["h2"],
      secureContext: identity.secureContext,
      // Judged below, so that the reason can be told.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    };
    const socket = connectTls(options);
    return socket.once("secureConnect", () => {
      const verdict = peerOf(socket, trustDomain);
      if ("reason" in verdict) this.#fail(this.#impostor(`${refusalReasons[verdict.reason]} (${verdict.detail})`));
      else if (verdict.node !== peer.node) this.#fail(this.#impostor(`its certificate is for node '${verdict.node}'`));
      else if (socket.alpnProtocol !== "h2") this.#fail(this.#unreachable(refusalReasons["no-http2"]));
      else {
        this.peerNotAfterMs = verdict.notAfterMs;
        this.#begin();
      }
    });
  }

  #begin(): void {
    const { limits, clock, identity } = this.#options;
    const session = connectHttp2(identity === null ? "http://link" : "https://link", {
      createConnection: () => this.#socket,
      settings: { enablePush: false, initialWindowSize: limits.streamWindow, maxHeaderListSize: limits.headers },
      maxSessionMemory: sessionMemory(limits),
      maxHeaderListPairs: limits.headerPairs,
    });
    this.#session = session;
    session.setLocalWindowSize(limits.linkWindow);
    // The peer's SETTINGS come after it has accepted our certificate (TLS 1.3 tells a client nothing of it).
    session.once("remoteSettings", () => {
      if (this.#state !== "connecting") return;
      this.#state = "up";
      this.#cancelDeadline();
      this.#heartbeat = new Heartbeat(session, limits, clock, () =>
        this.destroy(this.#unreachable(`no answer to a PING within ${limits.pingDeadlineMs} ms`)),
      );
      this.#events.onUp();
    });
    session.on("remoteSettings", () => this.#events.onRoom());
    session.on("goaway", (code, lastStreamId) => {
      this.#lastLookedAt = lastStreamId;
      if (code !== constants.NGHTTP2_NO_ERROR) this.lost ??= this.#unreachable(`the peer closed the link with error ${code}`);
      // Node closes the session right after this event: streams that the peer knows of go on.
      if (this.#state === "up") this.#state = "closing";
      this.#events.onRoom();
    });
    session.on("error", (error) => this.#fail(this.#unreachable(error.message, error)));
    session.on("close", () => this.#socket.destroy());
  }

  #ended(): void {
    this.streams--;
    this.#events.onRoom();
  }

  #fail(error: Error): void {
    this.destroy(error);
  }

  #closed({ node }: PeerAddress): void {
    if (this.#state === "down") return;
    const was = this.#state;
    this.#state = "down";
    this.#cancelDeadline();
    this.#heartbeat?.stop();
    if (was === "connecting")
      this.lost ??= this.#unreachable(
        `closed by the peer before it was up; it may not accept this node's certificate, which \`nicd status\` on ${node} tells`,
      );
    else if (was === "up") this.lost ??= this.#unreachable("closed by the peer without a word");
    this.#events.onDown(this.lost);
  }

  #name(): string {
    const { node, address, port } = this.#options.peer;
    return `nicd of ${node} at ${address} port ${port}`;
  }

  #unreachable(why: string, cause?: unknown): Error {
    return linkError(
      linkErrorCode.connect,
      `no link to ${this.#name()}: ${why}`,
      "see that its nicd runs and that the port is open between the nodes",
      cause,
    );
  }

  #impostor(why: string): Error {
    return linkError(
      linkErrorCode.identity,
      `no link to ${this.#name()}: ${why}`,
      "see that both nodes trust the same authority, and that the address is that node's",
    );
  }
}

/** What Node lets one session use, in its unit of 10⁶ bytes: room for every stream's window, as the windows are what bounds it. */
export function sessionMemory({ streamWindow, streams }: LinkLimits): number {
  return Math.ceil((streamWindow * streams) / 1e6) + 16;
}
