/** One link that a peer opened, and the CONNECTs that come by it. @module */
import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { sessionMemory } from "./client-link.ts";
import { callerFrom } from "./connect-headers.ts";
import { parseConnectTarget } from "./connect-target.ts";
import { Heartbeat } from "./heartbeat.ts";
import { type IncomingRequest, IncomingStream, type Refuse, refuseStream, type StreamRefusal } from "./incoming-stream.ts";
import type { LinkClock } from "./link-clock.ts";
import type { LinkLimits } from "./link-limits.ts";
import type { LinkStatus } from "./link-status.ts";
import type { Carrier } from "./link-stream.ts";
import type { Refusals } from "./refusals.ts";

/** Who is at the other end. */
export interface ServerLinkPeer {
  readonly address: string;
  readonly port: number;
  /** Proved by its certificate; null in plain text, and then nothing that it says of callers counts. */
  readonly node: string | null;
  /** End of its certificate, milliseconds since 1970. */
  readonly notAfterMs: number | null;
}

/** What a server's links have in common. */
export interface ServerLinkOptions {
  readonly limits: LinkLimits;
  readonly clock: LinkClock;
  readonly refusals: Refusals;
  /** True for `address:port` of a replica of this node, an IPv6 address in brackets. */
  readonly permits: (target: string) => boolean;
  /** Takes a stream: accept or refuse it, at once or later. */
  readonly connect: (request: IncomingRequest) => void;
}

/** A link that a peer opened. */
export class ServerLink implements Carrier {
  readonly peer: ServerLinkPeer;
  readonly counts = { bytesIn: 0, bytesOut: 0 };
  streams = 0;
  #closing = false;
  /** Why it broke; null while it has not. */
  lost: Error | null = null;
  readonly #options: ServerLinkOptions;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #heartbeat: Heartbeat;

  /** @param onClose - Called once, when it is over. */
  constructor(socket: Socket, peer: ServerLinkPeer, options: ServerLinkOptions, onClose: () => void) {
    this.peer = peer;
    this.#socket = socket;
    this.#options = options;
    const { limits, clock, refusals } = options;
    // Heard before the session hears it, so that its streams know why they end.
    socket.once("close", () => {
      if (this.streams > 0) this.lost ??= new Error(`closed by ${this.#name()}`);
    });
    const session = performServerHandshake(socket, {
      settings: {
        enablePush: false,
        initialWindowSize: limits.streamWindow,
        maxConcurrentStreams: limits.streams,
        maxHeaderListSize: limits.headers,
      },
      maxHeaderListPairs: limits.headerPairs,
      maxSessionMemory: sessionMemory(limits),
      streamResetRate: limits.resetsPerSecond,
      streamResetBurst: limits.resetsPerSecond * 10,
    } as Parameters<typeof performServerHandshake>[1]);
    this.#session = session;
    session.setLocalWindowSize(limits.linkWindow);
    this.#heartbeat = new Heartbeat(session, limits, clock, () => {
      this.lost = new Error(`no answer to a PING within ${limits.pingDeadlineMs} ms`);
      this.destroy();
    });
    // A link outlives no certificate of its peer: told to go, it comes again with a new one. Its streams go on.
    const endMs = Math.min((peer.notAfterMs ?? Number.POSITIVE_INFINITY) - clock.date(), 2 ** 31 - 1);
    const cancelExpiry =
      Number.isFinite(endMs) && peer.notAfterMs !== null ? clock.after(Math.max(0, endMs), () => this.retire()) : () => {};
    session.on("stream", (stream, headers) => this.#connect(stream, headers));
    session.on("error", (error) => {
      this.lost ??= error;
      refusals.add("protocol", this.#name(), error.message);
    });
    session.on("close", () => {
      this.#heartbeat.stop();
      cancelExpiry();
      socket.destroy();
      onClose();
    });
  }

  status(): LinkStatus {
    const { address, port, node, notAfterMs } = this.peer;
    return {
      node: node ?? "",
      address,
      port,
      direction: "in",
      state: this.#closing ? "draining" : "up",
      security: node === null ? "plain-text" : "mtls",
      streams: this.streams,
      queued: 0,
      draining: this.#closing ? 1 : 0,
      ...this.counts,
      rttMs: this.#heartbeat.rttMs,
      certificateNotAfterMs: notAfterMs,
      lastError: this.lost?.message ?? null,
    };
  }

  /** GOAWAY: no new streams; it closes when the last has ended. */
  retire(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#session.close();
  }

  /** Closes at once; its streams are lost. */
  destroy(): void {
    // Not the session: that would tell the peer that every stream has ended as it should.
    this.#socket.destroy();
  }

  #connect(http2: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // Told by `close`; without a listener it would end the process.
    http2.on("error", () => {});
    this.streams++;
    http2.once("close", () => this.streams--);
    const authority = headers[":authority"] ?? "";
    const target = parseConnectTarget(authority);
    if (headers[":method"] !== "CONNECT") this.#refuse(http2, "method", String(headers[":method"]).slice(0, 20));
    else if (target === null) this.#refuse(http2, "authority", authority.slice(0, 60));
    else if (!this.#options.permits(authority)) this.#refuse(http2, "not-permitted", authority);
    else {
      const { limits, clock, connect } = this.#options;
      const { address, port, node } = this.peer;
      const caller = callerFrom(headers, { address, port }, node !== null);
      const refuse: Refuse = (reason, detail) => this.#refuse(http2, reason, `${authority}: ${detail}`);
      connect(new IncomingStream(http2, { target, caller, node: node ?? "", headers }, this, limits.acceptMs, clock, refuse));
    }
  }

  #refuse(http2: ServerHttp2Stream, reason: StreamRefusal, detail: string): void {
    this.#options.refusals.add(reason, this.#name(), detail);
    refuseStream(http2, reason, detail);
  }

  #name(): string {
    const { node, address, port } = this.peer;
    return node === null ? `${address} port ${port}` : `node ${node} (${address} port ${port})`;
  }
}
