/** A connection's first moments: what it speaks decides who takes it. @module */
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { Timer } from "@mitsu/reactor/timers";
import type { DataPlane } from "./data-plane.ts";
import type { Entry } from "./entry.ts";
import { Http1Downstream } from "./http1-downstream.ts";
import { sniff } from "./sniff.ts";
import { TcpPassage } from "./tcp-passage.ts";

/** A client that says nothing for so long may be waiting for its server to speak first: the server is connected to. */
const silentMs = 100;
/** A client that has begun to say something has so long to say enough; and a server that cannot be reached is waited for no longer. */
const undecidedMs = 5000;
/** Neither of the two says anything: as a carried connection without a byte. */
const idleMs = 3_600_000;
const tlsHandshake = 22;
const nothing = Buffer.alloc(0);

/**
 * Takes a connection's events until it is known whose they are, then passes them on. Who is slow is not taken for something else: a client that is
 * silent at first, as browsers are that connect ahead, is looked at by its first bytes, whenever they come, unless its server has spoken first.
 */
export class Incoming implements ByteStreamEvents {
  readonly #plane: DataPlane;
  readonly #entry: Entry;
  readonly #stream: ByteStream;
  readonly #timer: Timer;
  #next: ByteStreamEvents | null = null;
  #held: Buffer = nothing;
  /** To the server of a client that is silent. */
  #awaited: TcpPassage | null = null;

  /** @param attach Makes the stream's events go to this. */
  constructor(plane: DataPlane, entry: Entry, attach: (events: ByteStreamEvents) => ByteStream) {
    this.#plane = plane;
    this.#entry = entry;
    this.#timer = new Timer(() => this.#timedOut());
    this.#stream = attach(this);
    const protocol = plane.service(entry.service)?.traffic.protocol ?? "auto";
    if (protocol === "http") this.#serveHttp();
    else if (protocol === "tcp") this.#pass("tcp");
    else plane.reactor.timers.arm(this.#timer, silentMs);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#next) {
      this.#next.onData(buffer, start, end);
      return;
    }
    const bytes = this.#held.length === 0 ? buffer.subarray(start, end) : Buffer.concat([this.#held, buffer.subarray(start, end)]);
    const spoken = sniff(bytes);
    switch (spoken.kind) {
      case "undecided":
        if (this.#held.length === 0) this.#plane.reactor.timers.arm(this.#timer, undecidedMs);
        this.#held = this.#held.length === 0 ? Buffer.from(bytes) : bytes;
        break;
      case "http1": {
        const next = this.#serveHttp();
        this.#held = nothing;
        next.onData(bytes, 0, bytes.length);
        break;
      }
      default:
        this.#held = this.#held.length === 0 ? Buffer.from(bytes) : bytes;
        this.#pass(spoken.kind, spoken.kind === "tls" ? spoken.serverName : "");
    }
  }

  onEnd(): void {
    // Without a byte it was no connection for anybody: a health check, or a client that changed its mind.
    if (!this.#next && this.#held.length === 0 && !this.#awaited) {
      this.#plane.reactor.timers.disarm(this.#timer);
      this.#stream.end();
      return;
    }
    if (!this.#next) this.#pass("tcp");
    this.#next?.onEnd();
  }

  onDrain(): void {
    this.#next?.onDrain();
  }

  onClose(error: Error | null): void {
    this.#plane.reactor.timers.disarm(this.#timer);
    if (!this.#next) this.#awaited?.leave();
    this.#next?.onClose(error);
  }

  #timedOut(): void {
    if (this.#held.length > 0) {
      // What may be a request is never passed unjudged because it is slow; HTTP has a time-out of its own.
      if (this.#held[0] === tlsHandshake) this.#pass("tcp");
      else this.#serveHttp().onData(this.#held, 0, this.#held.length);
    } else if (!this.#awaited) {
      this.#awaited = TcpPassage.await(this.#plane, this.#entry, this.#stream, () => this.#pass("tcp"));
      this.#plane.reactor.timers.arm(this.#timer, this.#awaited.isConnected ? idleMs : undecidedMs);
    } else if (this.#awaited.isConnected) {
      this.#awaited.leave();
      this.#stream.destroy();
    } else this.#pass("tcp");
  }

  #serveHttp(): Http1Downstream {
    this.#plane.reactor.timers.disarm(this.#timer);
    this.#awaited?.leave();
    this.#plane.spoke("http1");
    const next = new Http1Downstream(this.#plane, this.#entry, this.#stream);
    this.#next = next;
    return next;
  }

  #pass(kind: "tcp" | "tls" | "http2", serverName = ""): void {
    this.#plane.reactor.timers.disarm(this.#timer);
    this.#plane.spoke(kind);
    const held = this.#held;
    this.#held = nothing;
    // A client that names a server is led there, also when another one was connected to while it was silent.
    if (this.#awaited && serverName !== "") {
      this.#awaited.leave();
      this.#awaited = null;
    }
    this.#next = this.#awaited?.isConnected
      ? this.#awaited.join(held)
      : TcpPassage.pass(this.#plane, this.#entry, this.#stream, held, serverName);
  }
}
