/**
 * One request's way by HTTP/1.1: route, filters, a replica, perhaps another one, and the answer's way back. Longer than files here should be:
 * these are the states of one thing, and its tries, its time-outs and its two ends cannot be told apart.
 * @module
 */
import type { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { failure, type Outcome } from "../cluster/outcome.ts";
import { positionOf, type Step, verdictOf } from "../filters/chain.ts";
import { framing } from "../http1/body-reader.ts";
import { Http1ResponseHead } from "../http1/response-head.ts";
import { type Flag, flag, type LiveExchange, type OwnAnswer, type Verdict, verdict } from "../live-exchange.ts";
import type { RequestHead, ResponseHead } from "../message-head.ts";
import { Timer } from "../reactor/timers.ts";
import type { CompiledRoute } from "../routes/compiled-route.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Http1Downstream } from "./http1-downstream.ts";
import type { Http1Upstream, UpstreamEnd, UpstreamUser } from "./http1-upstream.ts";
import { Mirror } from "./mirror.ts";
import { relay } from "./relay.ts";
import type { PoolWaiter } from "./upstream-pool.ts";

/** Of a request's body, kept for a further try or while nothing can be sent. What is longer is sent once, and holds the client up. */
const mostKept = 64 * 1024;
const nothing = Buffer.alloc(0);

/** Where a filter said `stop`. */
type StoppedAt = "request-head" | "request-data" | "response-head" | "response-data";

let exchanges = 0;

/** Made when a request's head is whole. */
export class HttpExchange implements LiveExchange, UpstreamUser, PoolWaiter {
  readonly id: number = ++exchanges;
  readonly #downstream: Http1Downstream;
  readonly #plane: DataPlane;
  #route: CompiledRoute | null = null;
  target = "";
  #cluster: Cluster | null = null;
  #endpoint: LiveEndpoint | null = null;
  /** Those that failed. */
  #tried: LiveEndpoint[] | null = null;
  tries = 0;
  flag: Flag = flag.none;
  deniedBy = "";

  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  sampled = false;

  readonly startNs: number;
  firstNs = 0;
  endNs = 0;
  requestBytes: number;
  responseBytes = 0;
  readonly #method: string;

  #upstream: Http1Upstream | null = null;
  /** In the line for a connection. */
  #waits = false;
  /** A try is counted in its cluster. */
  #counted = false;
  #tryNs = 0;
  #retries = 0;
  #budgeted = false;
  /** Nothing goes back to a replica that was reached with a connection closed under it. */
  #fresh = false;
  #answer: Http1ResponseHead | null = null;
  /** The request's head has passed the filters. */
  #passed = false;
  #responded = false;
  #ended = false;
  #requestWhole = false;
  #answerWhole = false;
  /** Body of the request that has been kept, to be sent, or to be sent again. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** More came than is kept. */
  #tooLongToKeep = false;
  #sent = false;
  /** Where the filter chain waits: of the request's head, of its data, of the answer's head. */
  #stoppedAt: StoppedAt | null = null;
  #step: Step = 0;
  #stoppedPieces: Buffer[] = [];
  #heldAnswer: Buffer[] = [];
  #chunks: "pass" | "take-off" = "pass";
  #closes = false;
  #mirror: Mirror | null = null;

  constructor(downstream: Http1Downstream) {
    this.#downstream = downstream;
    this.#plane = downstream.plane;
    this.traceId = downstream.traceId.fill(0);
    this.spanId = downstream.spanId.fill(0);
    this.parentSpanId = downstream.parentSpanId.fill(0);
    this.startNs = this.#plane.nowNs();
    const { table } = downstream.head;
    this.requestBytes = table.end - table.start;
    this.#method = downstream.head.method;
    const routes = this.#plane.routesOf(downstream.entry.service);
    this.#route = routes?.find(downstream.head, downstream.entry.port) ?? null;
  }

  get caller(): LiveExchange["caller"] {
    return this.#downstream.entry.caller;
  }
  get service(): string {
    return this.#downstream.entry.service;
  }
  get port(): number {
    return this.#downstream.entry.port;
  }
  get request(): RequestHead {
    return this.#downstream.head;
  }
  get response(): ResponseHead | null {
    return this.#answer;
  }
  get route(): LiveExchange["route"] {
    return (this.#route ?? this.#plane.noRoute).route;
  }
  get endpoint(): LiveEndpoint | null {
    return this.#endpoint;
  }
  get isHeadRequest(): boolean {
    return this.#method === "HEAD";
  }
  get isConnect(): boolean {
    return this.#method === "CONNECT";
  }
  get observesAnswer(): boolean {
    return this.#chunks === "take-off" || (this.#route?.chain.wantsResponseData ?? false);
  }
  /** Connection and Upgrade go to the replica too. */
  get #upgrades(): boolean {
    const { head } = this.#downstream;
    return head.table.upgrade && !/\bh2c\b/i.test(head.get("upgrade") ?? "h2c");
  }

  // ── The request ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends it on its way. `[start, end)` of its body came with the head. */
  begin(buffer: Buffer, start: number, end: number): void {
    this.requestBytes += end - start;
    if (!this.#route) {
      this.#route = this.#plane.noRoute;
      this.#keep(buffer, start, end);
      this.respond({ status: 404, flag: flag.noRoute, body: `${this.service} has no route for this request` });
      return;
    }
    const { entry } = this.#downstream;
    this.target = entry.chosen ? entry.service : this.#route.pick(this.#plane.random());
    const { timeoutMs } = this.#route.route;
    if (timeoutMs > 0) {
      this.#downstream.limit(timeoutMs);
    }
    if (this.#responded) {
      this.#noteWhole();
      return; // a filter of the body has answered already
    }
    const step = this.#route.chain.requestHead(this, 0);
    switch (verdictOf(step)) {
      case verdict.continue:
        this.#passed = true;
        this.#start(buffer, start, end);
        break;
      case verdict.stop:
        this.#stoppedAt = "request-head";
        this.#step = step;
        this.#keep(buffer, start, end);
    }
    this.#noteWhole();
  }

  /** A piece of the body itself, before {@link onRequestData} tells of it as it came. */
  onRequestPiece(buffer: Buffer, start: number, end: number): void {
    if (!this.#route?.chain.wantsRequestData || this.#responded) return;
    if (this.#stoppedAt !== null || !this.#passed) {
      this.#stoppedPieces.push(Buffer.from(buffer.subarray(start, end)));
      return;
    }
    this.#requestData(buffer.subarray(start, end), false, 0);
  }

  /** More of the body: `buffer[start, end)` as it came, with chunk framing if it has any. */
  onRequestData(buffer: Buffer, start: number, end: number): void {
    this.requestBytes += end - start;
    if (!this.#responded && end > start) {
      if (this.#upstream && this.#sent && this.#stoppedAt === null) this.#sendData(buffer, start, end);
      else this.#keep(buffer, start, end);
    }
    this.#noteWhole();
  }

  /** Chunk framing broke in the middle: what was sent of it cannot be ended. */
  onRequestBroken(): void {
    if (!this.#responded) this.respond({ status: 400, flag: flag.downstreamProtocolError, body: "bad chunk" });
    else this.#abort(flag.downstreamProtocolError);
  }

  onClientEnd(): void {
    // A client may end its direction after a whole request and wait (RFC 9112 §9.6); in the middle of one it has gone.
    if (!this.#requestWhole) this.onClientGone();
  }

  onClientGone(): void {
    if (this.#ended) return;
    if (this.flag === flag.none) this.flag = flag.downstreamGone;
    this.#leaveUpstream(failure.cancelled);
    this.#downstream.abort();
    this.#finish();
  }

  onClientDrain(): void {
    this.#upstream?.stream.resume();
  }

  onUpstreamDrain(): void {
    this.#downstream.resumeBody();
  }

  #noteWhole(): void {
    if (this.#requestWhole || !this.#downstream.requestIsWhole) return;
    this.#requestWhole = true;
    const { table } = this.#downstream.head;
    if (this.#route?.chain.wantsRequestData && (table.chunked || table.contentLength > 0) && !this.#responded) {
      if (this.#stoppedAt === null && this.#passed) this.#requestData(nothing, true, 0);
      else this.#stoppedPieces.push(nothing);
    }
    this.#mirror?.end();
    if (this.#answerWhole) this.#complete();
  }

  #requestData(data: Uint8Array, last: boolean, from: number): void {
    const step = this.#route!.chain.requestData(this, data, last, from);
    if (verdictOf(step) !== verdict.stop) return;
    this.#stoppedAt = "request-data";
    this.#step = step;
    this.#stoppedPieces.unshift(Buffer.from(data));
    this.#downstream.pauseBody();
  }

  /** Keeps a part of the body that cannot be sent yet. */
  #keep(buffer: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.#kept.push(Buffer.from(buffer.subarray(start, end)));
    this.#keptBytes += end - start;
    if (this.#keptBytes >= mostKept) this.#downstream.pauseBody();
  }

  // ── A replica ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The filters let it pass. */
  #start(buffer: Buffer, start: number, end: number): void {
    const { entry } = this.#downstream;
    this.#cluster = this.#plane.cluster(this.target, entry.port);
    const { mirror } = this.#route!.route;
    if (mirror && this.#plane.random() < mirror.share)
      this.#mirror = Mirror.of(this.#plane, mirror.service, entry.port, this.#downstream.head, entry.caller);
    this.#try(buffer, start, end);
  }

  /** Tries a replica; bytes of the body that have not been kept yet may be given along. */
  #try(buffer: Buffer, start: number, end: number): void {
    const cluster = this.#cluster;
    if (!cluster) {
      this.#keep(buffer, start, end);
      this.respond({ status: 503, flag: flag.noHealthyUpstream, body: `no service ${this.target} with port ${this.port}` });
      return;
    }
    const admitted = cluster.admits();
    const endpoint = admitted ? (this.#downstream.entry.chosen ?? cluster.select(this.#tried)) : null;
    if (!endpoint) {
      this.#keep(buffer, start, end);
      if (admitted) this.respond({ status: 503, flag: flag.noHealthyUpstream, body: `${this.target} has no replica` });
      else this.respond({ status: 503, flag: flag.upstreamOverflow, body: `${this.target} has too many requests in flight` });
      return;
    }
    this.#endpoint = endpoint;
    this.tries++;
    cluster.begin(endpoint);
    this.#counted = true;
    this.#tryNs = this.#plane.nowNs();
    const upstream = this.#plane.pool.take(cluster, endpoint, this, this.#fresh);
    if (typeof upstream !== "string") {
      this.#send(upstream, buffer, start, end);
      return;
    }
    this.#keep(buffer, start, end);
    if (upstream === "waits") this.#waits = true;
    else {
      this.#leaveUpstream(failure.cancelled);
      this.respond({ status: 503, flag: flag.upstreamOverflow, body: `${this.target} has too many requests waiting` });
    }
  }

  onUpstream(upstream: Http1Upstream): void {
    this.#waits = false;
    this.#send(upstream, nothing, 0, 0);
  }

  #send(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void {
    this.#upstream = upstream;
    upstream.begin(this);
    const { outgoing } = this.#plane.reactor;
    let length = this.#downstream.head.writeTo(outgoing, this.#upgrades);
    let goesOn = true;
    if (this.#kept.length === 0 && length + end - start <= outgoing.length) {
      // The usual way: head, and body if there is one, in one write.
      if (end > start) {
        length += buffer.copy(outgoing, length, start, end);
        if (this.#mayTryAgain) this.#keep(buffer, start, end);
        this.#mirror?.data(buffer, start, end);
      }
      goesOn = upstream.stream.write(outgoing, 0, length);
    } else {
      goesOn = upstream.stream.write(outgoing, 0, length);
      this.#keep(buffer, start, end);
      if (this.#stoppedAt !== "request-data") goesOn = this.#sendKept(upstream) && goesOn;
    }
    this.#sent = true;
    if (!goesOn) this.#downstream.pauseBody();
    else if (!this.#requestWhole && this.#stoppedAt === null) this.#downstream.resumeBody();
    const { perTryTimeoutMs } = this.#route!.route.retries;
    const { connectTimeoutMs } = this.#cluster!.policy;
    if (perTryTimeoutMs > 0)
      upstream.after(perTryTimeoutMs, () => this.#tryFailed(failure.timeout, flag.upstreamTimeout, "no answer in time"));
    else if (upstream.served === 0 && connectTimeoutMs > 0)
      upstream.after(connectTimeoutMs, () => {
        if (!(upstream.stream as { isOpen?: boolean }).isOpen)
          this.#tryFailed(failure.connect, flag.upstreamConnectFailure, `no connection within ${connectTimeoutMs} ms`);
      });
  }

  #sendKept(upstream: Http1Upstream): boolean {
    let goesOn = true;
    for (const piece of this.#kept) {
      goesOn = upstream.stream.write(piece, 0, piece.length) && goesOn;
      if (!this.#retries) this.#mirror?.data(piece, 0, piece.length);
    }
    if (!this.#mayTryAgain) this.#dropKept();
    return goesOn;
  }

  #sendData(buffer: Buffer, start: number, end: number): void {
    if (this.#mayTryAgain) {
      if (this.#keptBytes + end - start > mostKept) {
        this.#tooLongToKeep = true;
        this.#dropKept();
      } else {
        this.#kept.push(Buffer.from(buffer.subarray(start, end)));
        this.#keptBytes += end - start;
      }
    } else this.#tooLongToKeep = true;
    this.#mirror?.data(buffer, start, end);
    if (!this.#upstream!.stream.write(buffer, start, end)) this.#downstream.pauseBody();
  }

  #dropKept(): void {
    if (this.#keptBytes > 0 && this.#sent) this.#tooLongToKeep = true;
    this.#kept = [];
    this.#keptBytes = 0;
  }

  /** The route allows further tries, and what was sent is still at hand. */
  get #mayTryAgain(): boolean {
    return this.#route!.route.retries.attempts > 0 && !this.#tooLongToKeep;
  }

  /** Ends the present try. */
  #leaveUpstream(outcome: Outcome): void {
    if (this.#waits) {
      this.#waits = false;
      this.#plane.pool.forget(this.#endpoint!, this);
    }
    if (this.#counted) {
      this.#counted = false;
      this.#cluster!.end(this.#endpoint!, outcome, this.#plane.nowNs() - this.#tryNs);
    }
    if (this.#budgeted) {
      this.#budgeted = false;
      this.#cluster!.retries.give();
    }
    const upstream = this.#upstream;
    this.#upstream = null;
    if (!upstream) return;
    if (upstream.user === this && upstream.reader.done && upstream.answering && this.#requestWhole) upstream.release();
    else if (upstream.user === this) upstream.discard();
  }

  onUpstreamGone(upstream: Http1Upstream, { kind, detail }: UpstreamEnd): void {
    if (this.#ended || upstream !== this.#upstream) return;
    const stale = kind === "reset" && upstream.served > 0 && !upstream.answering;
    if (this.#answer && !this.#stoppedAt) {
      this.#leaveUpstream(failure.reset);
      this.#abort(flag.upstreamReset);
      return;
    }
    // A connection that the replica closed just as it was used again says nothing about the replica: RFC 9112 §9.3.1 has it tried on another one.
    if (stale && !this.#fresh && !this.#tooLongToKeep && this.#isIdempotent && (this.#requestBytesKept || this.#requestHasNoBody)) {
      this.#leaveUpstream(failure.cancelled);
      this.tries--;
      this.#fresh = true;
      this.#try(nothing, 0, 0);
      return;
    }
    if (kind === "connect-failure") this.#tryFailed(failure.connect, flag.upstreamConnectFailure, detail);
    else if (kind === "protocol-error") this.#tryFailed(failure.protocol, flag.upstreamProtocolError, detail);
    else this.#tryFailed(failure.reset, flag.upstreamReset, detail);
  }

  get #isIdempotent(): boolean {
    return (
      this.#method === "GET" || this.#method === "HEAD" || this.#method === "OPTIONS" || this.#method === "PUT" || this.#method === "DELETE"
    );
  }
  get #requestHasNoBody(): boolean {
    const { table } = this.#downstream.head;
    return !table.chunked && table.contentLength <= 0;
  }
  get #requestBytesKept(): boolean {
    return this.#mayTryAgain;
  }

  #tryFailed(outcome: Outcome, why: Flag, detail: string): void {
    const connected = outcome !== failure.connect;
    this.#leaveUpstream(outcome);
    if (this.#retry(outcome, connected)) return;
    if (this.#answer && !this.#stoppedAt) {
      this.#abort(why);
      return;
    }
    const status = outcome === failure.timeout ? 504 : outcome === failure.protocol ? 502 : 503;
    const given = this.#retries > 0 ? flag.retryLimit : why;
    this.respond({ status, flag: given, body: `${this.target} did not answer: ${detail}` });
  }

  /** Tries another replica if the route has it so. */
  #retry(outcome: Outcome, reached: boolean): boolean {
    const { retry } = this.#route!;
    if (retry.policy.attempts === 0 || !this.#cluster) return false;
    const replayable = !this.#tooLongToKeep;
    if (!retry.allows(outcome, { method: this.#method, tries: this.tries, replayable, reached })) return false;
    if (!this.#cluster.retries.take(retry.policy, this.#cluster.inFlight + 1)) {
      this.flag = flag.retryLimit;
      return false;
    }
    this.#retries++;
    this.#plane.retries++;
    this.#tried ??= [];
    this.#tried.push(this.#endpoint!);
    this.#answer = null;
    this.#sent = false;
    const pause = new Timer(() => {
      if (this.#ended || this.#responded) {
        this.#cluster!.retries.give();
        return;
      }
      this.#budgeted = true;
      this.#try(nothing, 0, 0);
    });
    this.#plane.reactor.timers.arm(pause, retry.backOffMs(this.#retries, this.#plane.random()));
    return true;
  }

  /** The route's time is over. */
  onTimeout(): void {
    this.#leaveUpstream(failure.timeout);
    if (this.#answer && !this.#stoppedAt) this.#abort(flag.upstreamTimeout);
    else
      this.respond({
        status: 504,
        flag: flag.upstreamTimeout,
        body: `${this.target || this.service} took over ${this.route.timeoutMs} ms`,
      });
  }

  // ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onInterim(_: Http1Upstream, buffer: Buffer, start: number, end: number): void {
    if (this.#downstream.head.table.minor === 1) this.#downstream.stream.write(buffer, start, end); // HTTP/1.0 has none
  }

  onAnswer(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void {
    const { head } = upstream;
    if (this.#retries < this.#route!.route.retries.attempts && head.status >= 400 && this.#retryAnswered(head.status)) return;
    this.firstNs = this.#plane.nowNs();
    this.#answer = head;
    this.#plane.reactor.timers.disarm(upstream.timer);
    const step = this.#route!.chain.responseHead(this, 0);
    if (verdictOf(step) === verdict.stop) {
      head.keep();
      upstream.stream.pause();
      this.#stoppedAt = "response-head";
      this.#step = step;
      if (bodyEnd > bodyStart) this.#heldAnswer.push(Buffer.from(buffer.subarray(bodyStart, bodyEnd)));
      return;
    }
    if (verdictOf(step) === verdict.respond) return;
    this.#forward(upstream, buffer, bodyStart, bodyEnd);
  }

  /** An answer that counts as a failure may be thrown away, and another replica asked. */
  #retryAnswered(status: number): boolean {
    const { retry } = this.#route!;
    const replayable = !this.#tooLongToKeep;
    if (!retry.allows(status, { method: this.#method, tries: this.tries, replayable, reached: true })) return false;
    this.#leaveUpstream(status);
    if (this.#retry(status, true)) return true;
    // No budget: the upstream was given back, so what it said is said in short.
    this.respond({ status, flag: flag.retryLimit, body: `${this.target} answered ${status}, and too many retries are in flight` });
    return true;
  }

  /** Writes the head, and what came with it of the body, to the client. */
  #forward(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void {
    const { head } = upstream;
    const { stream } = this.#downstream;
    const { table } = this.#downstream.head;
    const tunnels = head.status === 101 || (this.isConnect && head.status >= 200 && head.status < 300);
    const untilClose = upstream.reader.framing === framing.untilClose;
    this.#closes = !tunnels && (table.close || table.minor === 0 || untilClose);
    const chunked = upstream.reader.framing === framing.chunked;
    this.#chunks = chunked && table.minor === 0 ? "take-off" : "pass";
    let goesOn: boolean;
    if (!this.#closes && !tunnels && head.isVerbatim) {
      // The usual way: as it came, in one write.
      const from = head.table.start;
      goesOn = stream.write(buffer, from, bodyEnd);
      this.responseBytes += bodyEnd - from;
    } else {
      const { outgoing } = this.#plane.reactor;
      const ends = tunnels ? "upgrade" : this.#closes ? "close" : "stays";
      let length = head.writeTo(outgoing, ends === "upgrade" && head.status !== 101 ? "stays" : ends, chunked && this.#chunks === "pass");
      if (this.#chunks === "take-off") {
        goesOn = stream.write(outgoing, 0, length);
        for (const piece of this.#heldAnswer) goesOn = stream.write(piece, 0, piece.length) && goesOn;
        this.#heldAnswer = [];
      } else {
        const fits = Math.min(bodyEnd - bodyStart, outgoing.length - length);
        length += buffer.copy(outgoing, length, bodyStart, bodyStart + fits);
        goesOn = stream.write(outgoing, 0, length);
        if (bodyStart + fits < bodyEnd) {
          goesOn = stream.write(buffer, bodyStart + fits, bodyEnd) && goesOn;
          this.responseBytes += bodyEnd - bodyStart - fits;
        }
      }
      this.responseBytes += length;
    }
    if (tunnels) {
      this.#becomeTunnel(upstream);
      return;
    }
    if (upstream.reader.done) this.#answerEnded();
    else if (!goesOn) upstream.stream.pause();
  }

  onAnswerPiece(buffer: Buffer, start: number, end: number): void {
    if (this.#route!.chain.wantsResponseData && this.#answer) {
      const step = this.#route!.chain.responseData(this, buffer.subarray(start, end), false, 0);
      if (verdictOf(step) === verdict.respond) {
        this.#abort(this.flag);
        return;
      }
    }
    if (this.#chunks === "take-off") {
      this.responseBytes += end - start;
      if (this.#answer) this.#downstream.stream.write(buffer, start, end);
      else this.#heldAnswer.push(Buffer.from(buffer.subarray(start, end)));
    }
  }

  onAnswerData(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void {
    if (this.#ended || upstream !== this.#upstream) return;
    if (this.#stoppedAt === "response-head" || this.#stoppedAt === "response-data") {
      if (end > start) this.#heldAnswer.push(Buffer.from(buffer.subarray(start, end)));
      return;
    }
    if (this.#chunks === "pass" && end > start) {
      this.responseBytes += end - start;
      if (!this.#downstream.stream.write(buffer, start, end)) upstream.stream.pause();
    }
    if (upstream.reader.done) this.#answerEnded();
  }

  #answerEnded(): void {
    const { chain } = this.#route!;
    if (chain.wantsResponseData) chain.responseData(this, nothing, true, 0);
    this.#answerWhole = true;
    if (this.#requestWhole) this.#complete();
    else {
      // The replica has said all before it was told all: the rest of the request has nowhere to go.
      this.#closes = true;
      this.#complete();
    }
  }

  respond({ status, flag: why, body, headers = [] }: OwnAnswer): Verdict {
    if (this.#ended) return verdict.respond;
    if (this.#answer && !this.#stoppedAt && this.#responded === false && this.responseBytes > 0) {
      this.#abort(why);
      return verdict.respond;
    }
    this.#leaveUpstream(failure.cancelled);
    this.#responded = true;
    this.#stoppedAt = null;
    if (this.flag === flag.none || why !== flag.none) this.flag = why;
    const text = body === "" ? "" : `${body}\n`;
    const answer = new Http1ResponseHead();
    answer.make(status);
    for (const [name, value] of headers) answer.set(name, value);
    if (text !== "" && !answer.has("content-type")) answer.set("content-type", "text/plain; charset=utf-8");
    if (status !== 204 && status !== 304) answer.set("content-length", String(Buffer.byteLength(text)));
    this.#answer = answer;
    this.firstNs = this.#plane.nowNs();
    this.#route?.chain.responseHead(this, 0);
    const { table } = this.#downstream.head;
    // A body that is still on its way would be read as the next request.
    this.#closes = table.close || table.minor === 0 || !this.#downstream.requestIsWhole;
    const { outgoing } = this.#plane.reactor;
    let length = answer.writeTo(outgoing, this.#closes ? "close" : "stays", false);
    if (!this.isHeadRequest) length += outgoing.write(text, length);
    this.#downstream.stream.write(outgoing, 0, length);
    this.responseBytes += length;
    this.#answerWhole = true;
    this.#complete();
    return verdict.respond;
  }

  resume(): void {
    const where = this.#stoppedAt;
    if (where === null || this.#ended) return;
    this.#stoppedAt = null;
    const { chain } = this.#route!;
    switch (where) {
      case "request-head": {
        const step = chain.requestHead(this, positionOf(this.#step));
        if (verdictOf(step) === verdict.stop) this.#stop(where, step);
        else if (verdictOf(step) === verdict.continue) {
          this.#passed = true;
          this.#resumePieces(0);
          if (!this.#responded) this.#start(nothing, 0, 0);
        }
        break;
      }
      case "request-data":
        this.#resumePieces(positionOf(this.#step));
        if (this.#stoppedAt === null && this.#upstream && !this.#responded) {
          if (this.#sendKept(this.#upstream)) this.#downstream.resumeBody();
        }
        break;
      default: {
        const step = chain.responseHead(this, positionOf(this.#step));
        if (verdictOf(step) === verdict.stop) this.#stop(where, step);
        else if (verdictOf(step) === verdict.continue && this.#upstream) {
          const held = Buffer.concat(this.#heldAnswer);
          this.#heldAnswer = [];
          this.#upstream.stream.resume();
          this.#forward(this.#upstream, held, 0, held.length);
        }
      }
    }
  }

  #stop(where: StoppedAt, step: Step): void {
    this.#stoppedAt = where;
    this.#step = step;
  }

  /** The pieces that came while a filter held the request back, the first of them from where that filter stands. */
  #resumePieces(from: number): void {
    let position = from;
    while (this.#stoppedPieces.length > 0 && this.#stoppedAt === null && !this.#responded) {
      const piece = this.#stoppedPieces.shift()!;
      this.#requestData(piece, piece.length === 0, position);
      position = 0;
    }
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The answer has been written whole. */
  #complete(): void {
    if (this.#ended) return;
    this.#leaveUpstream(this.#upstream ? this.#upstream.head.table.status : failure.cancelled);
    this.#finish();
    this.#downstream.exchangeEnded(this.#closes);
  }

  /** Something was sent that cannot be ended well. */
  #abort(why: Flag): void {
    if (this.#ended) return;
    this.flag = why;
    this.#leaveUpstream(failure.cancelled);
    this.#finish();
    this.#downstream.abort();
  }

  #becomeTunnel(upstream: Http1Upstream): void {
    this.#cluster!.end(this.#endpoint!, upstream.head.table.status, this.#plane.nowNs() - this.#tryNs);
    this.#counted = false;
    this.#upstream = null;
    const downstream = this.#downstream;
    const { toClient, toReplica } = relay(this.#plane, downstream.stream, upstream.stream, (bytesOut, bytesIn) => {
      this.requestBytes += bytesOut;
      this.responseBytes += bytesIn;
      this.#finish();
    });
    upstream.becomeTunnel(toClient);
    const early = downstream.becomeTunnel(toReplica);
    if (early.length > 0) toReplica.onData(early, 0, early.length);
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.endNs = this.#plane.nowNs();
    this.#downstream.unlimit();
    this.#kept = [];
    this.#route?.chain.end(this);
    this.#plane.exchangeEnded(this);
  }
}
