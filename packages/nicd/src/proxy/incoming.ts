/** A connection's first moments: what it speaks decides who takes it. @module */
import type { ByteStream, ByteStreamEvents } from "../byte-stream.ts";
import { Timer } from "../reactor/timers.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Entry } from "./entry.ts";
import { Http1Downstream } from "./http1-downstream.ts";
import { mayBecomeHttp, sniff } from "./sniff.ts";
import { TcpPassage } from "./tcp-passage.ts";

/** A client that says nothing so long waits for its server to speak first. */
const sniffMs = 100;
const nothing = Buffer.alloc(0);

/** Takes a connection's events until it is known whose they are, then passes them on. */
export class Incoming implements ByteStreamEvents {
  readonly #plane: DataPlane;
  readonly #entry: Entry;
  readonly #stream: ByteStream;
  readonly #timer: Timer;
  #next: ByteStreamEvents | null = null;
  #held: Buffer = nothing;

  /** @param attach Makes the stream's events go to this. */
  constructor(plane: DataPlane, entry: Entry, attach: (events: ByteStreamEvents) => ByteStream) {
    this.#plane = plane;
    this.#entry = entry;
    this.#timer = new Timer(() => this.#decide());
    this.#stream = attach(this);
    const protocol = plane.service(entry.service)?.traffic.protocol ?? "auto";
    if (protocol === "http") this.#serveHttp();
    else if (protocol === "tcp") this.#pass("tcp");
    else plane.reactor.timers.arm(this.#timer, sniffMs);
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
        this.#pass(spoken.kind);
    }
  }

  onEnd(): void {
    // Without a byte it was no connection for anybody: a health check, or a client that changed its mind.
    if (!this.#next && this.#held.length === 0) {
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
    this.#next?.onClose(error);
  }

  /** Time is over. A client that has begun to speak is not waiting for its server; nothing that may become a request may pass unjudged. */
  #decide(): void {
    const held = this.#held;
    if (held.length === 0 || !mayBecomeHttp(held)) {
      this.#pass("tcp");
      return;
    }
    const next = this.#serveHttp();
    this.#held = nothing;
    next.onData(held, 0, held.length);
  }

  #serveHttp(): Http1Downstream {
    this.#plane.reactor.timers.disarm(this.#timer);
    this.#plane.spoke("http1");
    const next = new Http1Downstream(this.#plane, this.#entry, this.#stream);
    this.#next = next;
    return next;
  }

  #pass(kind: "tcp" | "tls" | "http2"): void {
    this.#plane.reactor.timers.disarm(this.#timer);
    this.#plane.spoke(kind);
    const held = this.#held;
    this.#held = nothing;
    this.#next = TcpPassage.open(this.#plane, this.#entry, this.#stream, held);
  }
}
