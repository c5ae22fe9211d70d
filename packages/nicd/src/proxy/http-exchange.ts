/**
 * One request by HTTP/1.1 from its head to its answer's end. What it does at each moment is spread over three: {@link ReplicaCall} tries replicas,
 * {@link AnswerPassage} brings the answer back, and this has the route, the request's filters, nicd's own answers, and the end.
 * A few lines over 300, as all that filters may see of an exchange is here.
 * @module
 */
import { failure } from "../cluster/outcome.ts";
import type { BodySink, BodyStage } from "../filters/body-stage.ts";
import { positionOf, type Step, verdictOf } from "../filters/chain.ts";
import { framing } from "../http1/body-reader.ts";
import { Http1ResponseHead } from "../http1/response-head.ts";
import { type Flag, flag, type Half, type Kept, type OwnAnswer, type Verdict, verdict } from "../live-exchange.ts";
import type { RequestHead, ResponseHead } from "../message-head.ts";
import type { CompiledRoute } from "../routes/compiled-route.ts";
import { type Answered, AnswerPassage } from "./answer-passage.ts";
import { type BodyEnd, ChangedBody, type NewFraming } from "./changed-body.ts";
import { FilteredBody } from "./filtered-body.ts";
import type { Http1Downstream } from "./http1-downstream.ts";
import type { Http1Upstream } from "./http1-upstream.ts";
import { relay } from "./relay.ts";
import { type Calling, ReplicaCall } from "./replica-call.ts";

const nothing = Buffer.alloc(0);
const goOn = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
const tooLong: OwnAnswer = { status: 413, flag: flag.tooLarge, body: "Payload Too Large" };

let exchanges = 0;

/** Made when a request's head is whole. */
export class HttpExchange implements Calling, Answered, BodyEnd {
  readonly id: number = ++exchanges;
  readonly downstream: Http1Downstream;
  readonly method: string;
  target = "";
  flag: Flag = flag.none;
  deniedBy = "";
  kept: Kept[] | null = null;

  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  sampled = false;

  readonly startNs: number;
  firstNs = 0;
  endNs = 0;
  requestBytes: number;
  responseBytes = 0;
  response: ResponseHead | null = null;
  hasEnded = false;

  #route: CompiledRoute;
  readonly #call: ReplicaCall;
  #passage: AnswerPassage | null = null;
  /** A filter holds the head back: where it stands. 0 when none does. */
  #step: Step = 0;
  /** Of the body, what came while the head was held back. */
  #early: Buffer = nothing;
  /** The head has passed the filters. */
  #passed = false;
  #filtered: FilteredBody | null = null;
  #changed: ChangedBody | null = null;
  /** Of {@link #early}, while the head is held back; 0: the client is held up. */
  #mostEarly = 0;
  #answersItself = false;

  constructor(downstream: Http1Downstream) {
    const { entry, head, plane } = downstream;
    this.downstream = downstream;
    downstream.forgetIds();
    this.traceId = downstream.traceId;
    this.spanId = downstream.spanId;
    this.parentSpanId = downstream.parentSpanId;
    this.startNs = plane.nowNs();
    this.requestBytes = head.table.end - head.table.start;
    this.method = head.method;
    this.#route = plane.routeOf(entry, head);
    this.#call = new ReplicaCall(this, this.#route);
  }

  get caller(): Answered["caller"] {
    return this.downstream.entry.caller;
  }
  get service(): string {
    return this.downstream.entry.service;
  }
  get port(): number {
    return this.downstream.entry.port;
  }
  get request(): RequestHead {
    return this.downstream.head;
  }
  get route(): Answered["route"] {
    return this.#route.route;
  }
  get endpoint(): Answered["endpoint"] {
    return this.#call.endpoint;
  }
  get tries(): number {
    return this.#call.tries;
  }
  get isHeadRequest(): boolean {
    return this.method === "HEAD";
  }
  get isConnect(): boolean {
    return this.method === "CONNECT";
  }
  get upgrades(): boolean {
    const { head } = this.downstream;
    return head.table.upgrade && !/\bh2c\b/i.test(head.get("upgrade") ?? "h2c");
  }

  // ── The request ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends it on its way. `buffer[start, end)` of its body came with the head. */
  begin(buffer: Buffer, start: number, end: number): void {
    const { entry, plane } = this.downstream;
    this.requestBytes += end - start;
    if (this.#route === plane.noRoute) {
      this.respond({ status: 404, flag: flag.noRoute, body: `${this.service} has no route for this request` });
      return;
    }
    this.target = entry.chosen ? entry.service : this.#route.pick(plane.random());
    const { timeoutMs } = this.#route.route;
    if (timeoutMs > 0) this.downstream.limit(timeoutMs);
    this.#runHead(this.#route.chain.requestHead(this, 0), buffer, start, end);
  }

  /** More of the body, with chunk framing if it has any. */
  onRequestData(buffer: Buffer, start: number, end: number): void {
    this.requestBytes += end - start;
    if (this.#passed) this.#body(buffer, start, end);
    else {
      this.#early = Buffer.concat([this.#early, buffer.subarray(start, end)]);
      if (this.#mostEarly > 0 && this.#early.length > this.#mostEarly) this.respond(tooLong);
    }
  }

  /** Chunk framing broke in the middle: what was sent of it cannot be ended. */
  onRequestBroken(): void {
    this.respond({ status: 400, flag: flag.downstreamProtocolError, body: "bad chunk" });
  }

  onClientEnd(): void {
    // A client may end its direction after a whole request and wait (RFC 9112 §9.6); in the middle of one it has gone.
    if (!this.downstream.requestIsWhole) this.onClientGone();
  }

  onClientGone(): void {
    if (this.flag === flag.none) this.flag = flag.downstreamGone;
    this.#abort(this.flag);
  }

  /** The client has read what was written. */
  onClientDrain(): void {
    this.#passage?.onRoom();
  }

  onRoom(): void {
    if (!this.#filtered?.stopped && !this.#changed?.isFull) this.downstream.resumeBody();
  }

  #runHead(step: Step, buffer: Buffer, start: number, end: number): void {
    switch (verdictOf(step)) {
      case verdict.continue:
        this.#step = 0;
        this.#body(buffer, start, end);
        break;
      case verdict.stop:
        this.#step = step;
        this.#early = Buffer.from(buffer.subarray(start, end));
        if (this.#mostEarly === 0) this.downstream.pauseBody();
        else if (this.#early.length > this.#mostEarly) this.respond(tooLong);
    }
  }

  /** Passes a part of the body, the first time with the head. */
  #body(buffer: Buffer, start: number, end: number): void {
    if (!this.#passed) {
      const { chain } = this.#route;
      if (this.requestHasBody && !this.isConnect && !this.upgrades && chain.changesRequest(this)) this.#change();
      if (chain.wantsRequestData && this.#changed === null) this.#filter();
    }
    if (this.#changed) {
      this.#passed = true;
      this.#changed.push(buffer, start, end);
      if (!this.hasEnded && this.#changed.isFull) this.downstream.pauseBody();
      return;
    }
    const filtered = this.#filtered;
    const to = filtered ? filtered.pass(buffer, start, end) : end;
    if (this.hasEnded) return; // a filter of the body has answered
    if (this.#passed) this.#call.body(buffer, start, to);
    else {
      this.#passed = true;
      this.#call.begin(buffer, start, to);
    }
    if (filtered?.stopped) this.downstream.pauseBody();
    else if (this.downstream.requestIsWhole) this.#call.end();
  }

  /** Filters that change the body take it from here on. */
  #change(): void {
    const { downstream } = this;
    const { head } = downstream;
    const { chunked, contentLength } = head.table;
    this.#changed = new ChangedBody(chunked ? framing.chunked : framing.length, contentLength, this);
    if (!/^100-continue$/i.test(head.get("expect") ?? "")) return;
    // The client waits for a word, and the head may wait for the body: as Envoy, the word is ours.
    head.remove("expect");
    if (head.table.minor === 1) downstream.write(goOn, 0, goOn.length);
  }

  get takesChunks(): boolean {
    return true;
  }

  bodyStages(last: BodySink): readonly BodyStage[] {
    return this.#route.chain.requestStages(this, last);
  }

  beginBody(how: NewFraming, length: number, bytes: Buffer): boolean {
    const { head } = this.downstream;
    if (how !== "length") head.reframe("chunked");
    else if (head.table.contentLength !== length) head.reframe(length);
    this.#call.begin(bytes, 0, bytes.length);
    return !this.hasEnded;
  }

  moreBody(bytes: Buffer): void {
    this.#call.body(bytes, 0, bytes.length);
  }

  endBody(): void {
    this.#call.end();
  }

  #filter(): void {
    const { chunked, contentLength } = this.downstream.head.table;
    if (!chunked && contentLength <= 0) return;
    this.#filtered = new FilteredBody(chunked ? framing.chunked : framing.length, contentLength, (data, last, from) =>
      this.#route.chain.requestData(this, data, last, from),
    );
  }

  // ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onAnswer(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void {
    if (upstream.head.status === 101 && !this.upgrades) {
      this.#call.refuse("it changed the protocol, which nobody had asked it to");
      return;
    }
    this.firstNs = this.downstream.plane.nowNs();
    this.response = upstream.head;
    this.#passage = new AnswerPassage(this, this.#route, upstream);
    this.#passage.begin(buffer, bodyStart, bodyEnd);
  }

  onAnswerData(_: Http1Upstream, buffer: Buffer, start: number, end: number): void {
    this.#passage!.data(buffer, start, end);
  }

  onFailed(status: number, why: Flag, detail: string, headers: OwnAnswer["headers"] = []): void {
    this.respond({ status, flag: why, body: detail, headers });
  }

  onTooLong(detail: string): void {
    this.respond({ status: 502, flag: flag.tooLarge, body: detail });
  }

  /** The route's time is over. */
  onTimeout(): void {
    this.#call.leave(failure.timeout);
    const { timeoutMs } = this.#route.route;
    this.respond({ status: 504, flag: flag.upstreamTimeout, body: `${this.target} took over ${timeoutMs} ms` });
  }

  respond({ status, flag: why, body, headers = [], bytes }: OwnAnswer): Verdict {
    // Own answers pass the filters too: one that would answer itself then is not asked.
    if (this.hasEnded || this.#answersItself) return verdict.respond;
    if (this.#passage?.begun) {
      this.#abort(why);
      return verdict.respond;
    }
    this.#call.leave(failure.cancelled);
    this.#passage = null;
    if (this.flag === flag.none || why !== flag.none) this.flag = why;
    const { downstream } = this;
    const { table } = downstream.head;
    const text = bytes === undefined ? Buffer.from(body === "" ? "" : `${body}\n`) : Buffer.from(bytes);
    const answer = new Http1ResponseHead();
    answer.make(status, status === 204 || status === 304 ? null : text.length);
    for (const [name, value] of headers)
      if (bytes === undefined) answer.set(name, value);
      else answer.add(name, value);
    if (text.length > 0 && !answer.has("content-type")) answer.set("content-type", "text/plain; charset=utf-8");
    this.response = answer;
    this.firstNs = downstream.plane.nowNs();
    this.#answersItself = true;
    this.#route.chain.responseHead(this, 0);
    // A body that is still on its way would be read as the next request.
    const closes = table.close || table.minor === 0 || this.isConnect || !downstream.requestIsWhole || downstream.plane.draining;
    const { outgoing } = downstream.plane.reactor;
    let length = answer.writeTo(outgoing, closes ? "close" : "stays", false);
    const bodyBytes = this.isHeadRequest ? 0 : text.length;
    this.responseBytes += length + bodyBytes;
    const joined = length + bodyBytes <= outgoing.length;
    if (joined) length += text.copy(outgoing, length, 0, bodyBytes);
    downstream.write(outgoing, 0, length);
    if (!joined) downstream.write(text, 0, bodyBytes);
    this.onAnswered(closes);
    return verdict.respond;
  }

  /** A filter that held something back lets it go on. */
  resume(half?: Half): void {
    if (this.hasEnded) return;
    if (half === "response") {
      if (!this.#passage?.resume()) this.#passage?.onRoom();
      return;
    }
    if (this.#step !== 0) {
      const early = this.#early;
      this.#early = nothing;
      this.#runHead(this.#route.chain.requestHead(this, positionOf(this.#step)), early, 0, early.length);
    } else if (half === "request" || (!this.#passage?.resume() && this.#filtered?.stopped)) {
      if (!this.#filtered?.stopped) {
        this.onRoom();
        return;
      }
      const held = this.#filtered.takeHeld();
      this.#body(held, 0, held.length);
      if (!this.hasEnded) this.onRoom();
    }
  }

  get requestHasBody(): boolean {
    const { chunked, contentLength } = this.downstream.head.table;
    return chunked || contentLength > 0;
  }

  get responseHasBody(): boolean {
    return this.#passage?.hasBody ?? false;
  }

  buffer(half: Half, bytes: number): void {
    if (half === "request") this.#mostEarly = bytes;
    else if (this.#passage) this.#passage.mostHeld = bytes;
  }

  chooseAgain(): void {
    const { entry, head, plane } = this.downstream;
    if (this.#passed || this.hasEnded || entry.chosen) return;
    const chosen = plane.routeOf(entry, head);
    if (chosen === plane.noRoute) return;
    this.#route = chosen.with(this.#route.chain);
    this.#call.reroute(this.#route);
    this.target = chosen.pick(plane.random());
  }

  reset(why: Flag): void {
    this.#abort(why);
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onAnswered(closes: boolean): void {
    this.#call.leave(this.#call.upstream ? this.#call.upstream.head.table.status : failure.cancelled);
    this.#finish();
    this.downstream.exchangeEnded(closes);
  }

  /** What was begun cannot be ended well. */
  #abort(why: Flag): void {
    if (this.hasEnded) return;
    this.flag = why;
    this.#call.leave(failure.cancelled);
    this.#finish();
    this.downstream.abort();
  }

  onTunnel(): void {
    const { downstream } = this;
    const upstream = this.#call.becomeTunnel();
    const ends = relay(downstream.plane, downstream.stream, upstream.stream, (toReplicaBytes, toClientBytes) => {
      this.requestBytes += toReplicaBytes;
      this.responseBytes += toClientBytes;
      this.#finish();
    });
    const fromReplica = upstream.becomeTunnel(ends.toClient);
    const fromClient = downstream.becomeTunnel(ends.toReplica);
    if (fromReplica.length > 0) ends.toClient.onData(fromReplica, 0, fromReplica.length);
    if (fromClient.length > 0) ends.toReplica.onData(fromClient, 0, fromClient.length);
    if (downstream.clientHasEnded) ends.toReplica.onEnd();
  }

  #finish(): void {
    this.hasEnded = true;
    const { downstream } = this;
    this.endNs = downstream.plane.nowNs();
    if (this.endNs === this.startNs) this.endNs = downstream.plane.freshNs(); // an answer of nicd's own takes its time as well
    downstream.unlimit();
    this.#route.chain.end(this);
    downstream.plane.exchangeEnded(this);
  }
}
