/** An answer's way back from a replica to the client: the answering half of {@link HttpExchange}. @module */
import type { BodySink, BodyStage } from "../filters/body-stage.ts";
import { positionOf, type Step, verdictOf } from "../filters/chain.ts";
import { BodyReader, framing } from "../http1/body-reader.ts";
import type { LiveExchange } from "../live-exchange.ts";
import { flag, verdict } from "../live-exchange.ts";
import type { CompiledRoute } from "../routes/compiled-route.ts";
import { type BodyEnd, ChangedBody, type NewFraming } from "./changed-body.ts";
import { FilteredBody } from "./filtered-body.ts";
import type { Http1Downstream } from "./http1-downstream.ts";
import type { Http1Upstream } from "./http1-upstream.ts";

const nothing = Buffer.alloc(0);

/** Whose answer it is. */
export interface Answered extends LiveExchange {
  readonly downstream: Http1Downstream;
  readonly isConnect: boolean;
  readonly hasEnded: boolean;
  responseBytes: number;
  /** The answer has been written whole. @param closes Nothing can follow on the client's connection. */
  onAnswered(closes: boolean): void;
  /** The replica has granted a tunnel, and the client has been told. */
  onTunnel(): void;
  /** The answer's head cannot be written. */
  onTooLong(detail: string): void;
}

/** Passes the head through the filters and writes it, then the body; both wait while a filter says so or the client does not read. */
export class AnswerPassage implements BodyEnd {
  /** Some of the answer has been written. */
  begun = false;
  readonly #exchange: Answered;
  readonly #route: CompiledRoute;
  readonly #upstream: Http1Upstream;
  /** A filter holds the head back: where it stands. 0 when none does. */
  #step: Step = 0;
  /** Of the body, what came while the head was held back. */
  #held: Buffer = nothing;
  #filtered: FilteredBody | null = null;
  #changed: ChangedBody | null = null;
  /** The changed body has been written whole. */
  #changedEnded = false;
  /** Of what comes while the head is held back; 0: the replica is held up. */
  mostHeld = 0;
  /** Takes chunk framing off, which HTTP/1.0 does not know. */
  #unchunker: BodyReader | null = null;
  #closes = false;

  constructor(exchange: Answered, route: CompiledRoute, upstream: Http1Upstream) {
    this.#exchange = exchange;
    this.#route = route;
    this.#upstream = upstream;
  }

  /** Bytes of a body follow its head. */
  get hasBody(): boolean {
    const { reader, isAnswered } = this.#upstream;
    return (
      reader.framing !== framing.none && !(isAnswered && reader.framing === framing.length && this.#upstream.head.table.contentLength === 0)
    );
  }

  /** The head is in `upstream.head`; `buffer[start, end)` is what came of the body with it. */
  begin(buffer: Buffer, start: number, end: number): void {
    const step = this.#route.chain.responseHead(this.#exchange, 0);
    if (verdictOf(step) === verdict.continue) this.#forward(buffer, start, end);
    else if (verdictOf(step) === verdict.stop) {
      this.#upstream.head.keep();
      this.#step = step;
      this.#hold(buffer, start, end);
      if (this.mostHeld === 0) this.#upstream.stream.pause();
    }
  }

  /** More of the body, or its end. */
  data(buffer: Buffer, start: number, end: number): void {
    if (this.#step === 0) this.#body(buffer, start, end);
    else if (end > start) this.#hold(buffer, start, end);
  }

  #hold(buffer: Buffer, start: number, end: number): void {
    this.#held = Buffer.concat([this.#held, buffer.subarray(start, end)]);
    if (this.mostHeld > 0 && this.#held.length > this.mostHeld)
      this.#exchange.respond({ status: 500, flag: flag.tooLarge, body: "the answer is longer than its filter may hold back" });
  }

  /** A filter that held it back lets it go on. @returns False when none did. */
  resume(): boolean {
    if (this.#step !== 0) {
      const step = this.#route.chain.responseHead(this.#exchange, positionOf(this.#step));
      this.#step = verdictOf(step) === verdict.stop ? step : 0;
      if (verdictOf(step) !== verdict.continue) return true;
      const held = this.#held;
      this.#held = nothing;
      this.#upstream.stream.resume();
      this.#forward(held, 0, held.length);
      return true;
    }
    if (!this.#filtered?.stopped) return false;
    const held = this.#filtered.takeHeld();
    this.#upstream.stream.resume();
    this.#body(held, 0, held.length);
    return true;
  }

  /** The client has read what was written. */
  onRoom(): void {
    if (this.#step === 0 && !this.#filtered?.stopped && !this.#changed?.isFull) this.#upstream.stream.resume();
  }

  /** Writes the head, and what has come of the body. */
  #forward(buffer: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    const upstream = this.#upstream;
    const { downstream } = exchange;
    const { head, reader } = upstream;
    const { status } = head;
    const client = downstream.head.table;
    const grantsTunnel = status === 101 || (exchange.isConnect && status >= 200 && status < 300);
    if (grantsTunnel || (status === 204 && (head.table.contentLength >= 0 || head.table.chunked))) head.dropLength();
    const { chain } = this.#route;
    // Filters that change the body take it from here on.
    if (this.hasBody && chain.changesResponse(exchange)) this.#changed = new ChangedBody(reader.framing, head.table.contentLength, this);
    this.#closes =
      !grantsTunnel &&
      (client.close ||
        client.minor === 0 ||
        (reader.framing === framing.untilClose && this.#changed === null) ||
        exchange.isConnect || // what the client has sent for the tunnel would be taken for a request
        (upstream.isAnswered && !downstream.requestIsWhole) ||
        downstream.plane.draining);
    if (this.#changed) {
      this.#push(buffer, start, end);
      return;
    }
    const chunked = reader.framing === framing.chunked;
    if (chunked && client.minor === 0) {
      this.#unchunker = new BodyReader();
      this.#unchunker.begin(framing.chunked, 0);
    }
    if (chain.wantsResponseData && reader.framing !== framing.none)
      this.#filtered = new FilteredBody(reader.framing, head.table.contentLength, (data, last, from) =>
        chain.responseData(exchange, data, last, from),
      );

    const plain = this.#unchunker === null && this.#filtered === null;
    const { reactor } = downstream.plane;
    const growth = plain && !this.#closes && !grantsTunnel && buffer === head.bytes ? head.growth : -1;
    const from = head.table.start;
    if (growth === 0) {
      // The usual way: as it came, in one write.
      this.begun = true;
      if (!upstream.isAnswered) head.keep(); // the bytes it lies in are read over
      this.#write(buffer, from, end);
      this.#checkEnd();
      return;
    }
    const roomy = growth > 0 && upstream.isAnswered && buffer === reactor.scratch ? reactor.scratchWith(growth) : null;
    if (roomy !== null) {
      // With filters that add fields: in one write too, from where it was read.
      this.begun = true;
      head.growIn(roomy);
      this.#write(roomy, from, end + growth);
      this.#checkEnd();
      return;
    }
    const { outgoing } = reactor;
    const ends = status === 101 ? "upgrade" : this.#closes ? "close" : "stays";
    let length = this.#writeHead(outgoing, ends, chunked && this.#unchunker === null);
    if (length < 0) return;
    if (!upstream.isAnswered || grantsTunnel) head.keep();
    const joined = plain && length + end - start <= outgoing.length;
    if (joined) length += buffer.copy(outgoing, length, start, end);
    this.#write(outgoing, 0, length);
    if (grantsTunnel) exchange.onTunnel();
    else if (joined) this.#checkEnd();
    else this.#body(buffer, start, end);
  }

  // ── A body that filters may change ───────────────────────────────────────────────────────────────────────────────────────────

  get takesChunks(): boolean {
    return this.#exchange.downstream.head.table.minor === 1;
  }

  get hasEnded(): boolean {
    return this.#exchange.hasEnded;
  }

  bodyStages(last: BodySink): readonly BodyStage[] {
    return this.#route.chain.responseStages(this.#exchange, last);
  }

  beginBody(how: NewFraming, length: number, bytes: Buffer): boolean {
    const { head } = this.#upstream;
    if (how !== "length" || length !== head.table.contentLength) head.reframe(how === "length" ? length : null);
    if (how === "untilClose") this.#closes = true;
    const { outgoing } = this.#exchange.downstream.plane.reactor;
    const written = this.#writeHead(outgoing, this.#closes ? "close" : "stays", how === "chunked");
    if (written < 0) return false;
    if (written + bytes.length <= outgoing.length) {
      outgoing.set(bytes, written);
      this.#write(outgoing, 0, written + bytes.length);
    } else {
      this.#write(outgoing, 0, written);
      this.#write(bytes, 0, bytes.length);
    }
    return true;
  }

  moreBody(bytes: Buffer): void {
    this.#write(bytes, 0, bytes.length);
  }

  endBody(): void {
    this.#changedEnded = true;
    this.#checkEnd();
  }

  /** Writes the head into `outgoing`. @returns Where it ends; -1 for one that does not fit, of which the client is told. */
  #writeHead(outgoing: Buffer, ends: "stays" | "close" | "upgrade", chunked: boolean): number {
    try {
      const written = this.#upstream.head.writeTo(outgoing, ends, chunked);
      this.begun = true;
      return written;
    } catch (error) {
      this.#exchange.onTooLong((error as Error).message);
      return -1;
    }
  }

  #push(buffer: Buffer, start: number, end: number): void {
    const upstream = this.#upstream;
    const changed = this.#changed!;
    changed.push(buffer, start, end);
    // The bytes that the head lies in are read over, and it may not have gone yet.
    if (!this.begun && !this.#exchange.hasEnded) upstream.head.keep();
    if (upstream.isAnswered && upstream.reader.framing === framing.untilClose && !this.#exchange.hasEnded) changed.close();
    if (!this.#exchange.hasEnded && changed.isFull && !upstream.isAnswered) upstream.stream.pause();
  }

  #body(buffer: Buffer, start: number, end: number): void {
    if (this.#changed) {
      this.#push(buffer, start, end);
      return;
    }
    const filtered = this.#filtered;
    const to = filtered ? filtered.pass(buffer, start, end) : end;
    if (this.#exchange.hasEnded) return; // a filter has cut it off
    if (!this.#unchunker) this.#write(buffer, start, to);
    else
      for (let at = start; at < to && !this.#unchunker.done; ) {
        at = this.#unchunker.step(buffer, at, to);
        this.#write(buffer, this.#unchunker.dataStart, this.#unchunker.dataEnd);
      }
    if (filtered?.stopped) this.#upstream.stream.pause();
    else this.#checkEnd();
  }

  #write(buffer: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.#exchange.responseBytes += end - start;
    if (!this.#exchange.downstream.write(buffer, start, end) && !this.#upstream.isAnswered) this.#upstream.stream.pause();
  }

  #checkEnd(): void {
    if (!this.#upstream.isAnswered || (this.#changed && !this.#changedEnded)) return;
    if (this.#filtered && this.#upstream.reader.framing === framing.untilClose && !this.#filtered.close()) {
      if (!this.#exchange.hasEnded) this.#upstream.stream.pause();
      return;
    }
    // A replica may have said all before it was told all: the rest of the request has nowhere to go.
    this.#exchange.onAnswered(this.#closes || !this.#exchange.downstream.requestIsWhole);
  }
}
