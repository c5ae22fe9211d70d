/**
 * An exchange's way to a replica, and to another one when that fails: the trying half of {@link HttpExchange}. Over 300 lines: what a try takes
 * (a count, a place in a line, a connection, kept bytes) has to be given back in one place.
 * @module
 */

import { Timer } from "@mitsu/reactor/timers";
import type { Caller } from "../caller.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { failure, isUnsent, type Outcome } from "../cluster/outcome.ts";
import { stickyKeyOf } from "../cluster/sticky-key.ts";
import { saysDead, wordOfDeath } from "../links/word-of-death.ts";
import { type Flag, flag, type OwnAnswer } from "../live-exchange.ts";
import type { CompiledRoute } from "../routes/compiled-route.ts";
import type { Http1Downstream } from "./http1-downstream.ts";
import type { Http1Upstream, UpstreamEnd, UpstreamUser } from "./http1-upstream.ts";
import { Mirror } from "./mirror.ts";
import type { PoolWaiter } from "./upstream-pool.ts";

/** Of a request's body, kept for a further try or while nothing can be sent. What is longer is sent once, and holds the client up. */
const mostKept = 64 * 1024;
const nothing = Buffer.alloc(0);

/** What the call works for, and tells. */
export interface Calling {
  readonly downstream: Http1Downstream;
  readonly isHeadRequest: boolean;
  readonly isConnect: boolean;
  /** Connection and Upgrade go to the replica too. */
  readonly upgrades: boolean;
  readonly method: string;
  /** Name of the service to be called. */
  readonly target: string;
  flag: Flag;
  /** An answer came that is not to be tried again. */
  onAnswer(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void;
  onAnswerData(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void;
  /** No further try is made. @param status What to say of it, unless the answer has begun. */
  onFailed(status: number, why: Flag, detail: string, headers?: OwnAnswer["headers"]): void;
  /** The replica takes more of the body. */
  onRoom(): void;
}

/** Counts each try in its cluster, holds what a further one would need, and gives connections back. */
export class ReplicaCall implements UpstreamUser, PoolWaiter {
  /** 0 when none reached a replica. */
  tries = 0;
  /** The replica of the last try. */
  endpoint: LiveEndpoint | null = null;
  upstream: Http1Upstream | null = null;
  readonly #exchange: Calling;
  #route: CompiledRoute;
  #cluster: Cluster | null = null;
  #mirror: Mirror | null = null;
  /** Those that failed. */
  #tried: LiveEndpoint[] | null = null;
  #retries = 0;
  /** Runs before a retry. */
  #pause: Timer | null = null;
  /** In the line for a connection. */
  #waits = false;
  /** The present try is counted in its cluster, and in the retry budget. */
  #counted = false;
  #budgeted = false;
  #sentAtMs = 0;
  /** When the answer's head came; 0 before. */
  #answeredAtMs = 0;
  /** The replica's node has answered in its place that it is gone. */
  #toldDead = false;
  /** The last connection was closed just as it was used again: this time only a new one. */
  #fresh = false;
  /** The connection's timer is about its connecting. */
  #limitsConnect = false;
  /** The head, and what was kept, has gone to the present replica. */
  #sent = false;
  /** Body of the request that is still to be sent, or would be sent again. */
  #kept: Buffer[] | null = null;
  #keptBytes = 0;
  /** All that was sent is at hand. */
  #replayable = true;
  /** The answer's head has been handed over: from then on no other replica can help. */
  #answered = false;
  /** All of the request has been handed over. */
  #whole = false;

  constructor(exchange: Calling, route: CompiledRoute) {
    this.#exchange = exchange;
    this.#route = route;
  }

  get isHeadRequest(): boolean {
    return this.#exchange.isHeadRequest;
  }
  get caller(): Caller {
    return this.#downstream.entry.caller;
  }
  get isConnect(): boolean {
    return this.#exchange.isConnect;
  }
  get #downstream(): Http1Downstream {
    return this.#exchange.downstream;
  }

  /** Another route was chosen before {@link begin}. */
  reroute(route: CompiledRoute): void {
    this.#route = route;
  }

  /** Makes the first try. `buffer[start, end)` of the body is there already. */
  begin(buffer: Buffer, start: number, end: number): void {
    const { entry, plane, head } = this.#downstream;
    this.#cluster = plane.cluster(this.#exchange.target, entry.port);
    const { mirror } = this.#route.route;
    if (mirror && plane.random() < mirror.share) {
      this.#mirror = Mirror.of(plane, mirror.service, entry.port, head, entry.caller);
      this.#mirror?.data(buffer, start, end);
    }
    this.#try(buffer, start, end);
  }

  /** More of the body, with chunk framing if it has any. */
  body(buffer: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.#mirror?.data(buffer, start, end);
    if (!this.#sent) {
      this.#keep(buffer, start, end);
      if (this.#keptBytes >= mostKept) this.#downstream.pauseBody();
      return;
    }
    if (this.#keeps && this.#keptBytes + end - start <= mostKept) this.#keep(buffer, start, end);
    else this.#drop();
    if (!this.upstream!.stream.write(buffer, start, end)) this.#downstream.pauseBody();
  }

  /** That was all of the request. */
  end(): void {
    this.#whole = true;
    this.#mirror?.end();
    this.#mirror = null;
  }

  /** Ends the present try: the connection is used again when its answer is whole. Does nothing when there is none. */
  leave(outcome: Outcome): void {
    const { plane } = this.#downstream;
    if (this.#pause) plane.reactor.timers.disarm(this.#pause);
    if (this.#waits) {
      this.#waits = false;
      plane.pool.forget(this.endpoint!, this);
    }
    if (this.#counted) {
      this.#counted = false;
      const told = this.#toldDead && outcome === 503 ? failure.dead : outcome;
      this.#cluster!.end(this.endpoint!, told, this.#sentAtMs, this.#answeredAtMs);
    }
    if (this.#budgeted) {
      this.#budgeted = false;
      this.#cluster!.retries.give();
    }
    const { upstream } = this;
    this.upstream = null;
    if (upstream?.user !== this) return;
    if (upstream.isAnswered && this.#whole) upstream.release();
    else upstream.discard();
  }

  /** The replica has granted a tunnel. @returns Its connection, which is no concern of this call any more. */
  becomeTunnel(): Http1Upstream {
    const upstream = this.upstream!;
    this.upstream = null;
    this.leave(upstream.head.status);
    return upstream;
  }

  /** What came is no answer to what was asked. */
  refuse(detail: string): void {
    this.#answered = false;
    this.upstream?.discard();
    this.#failed(failure.protocol, flag.upstreamProtocolError, detail);
  }

  onUpstream(upstream: Http1Upstream): void {
    this.#waits = false;
    this.#send(upstream, nothing, 0, 0);
  }

  onUpstreamDrain(): void {
    this.#exchange.onRoom();
  }

  onInterim(buffer: Buffer, start: number, end: number): void {
    if (this.#downstream.head.table.minor === 1) this.#downstream.write(buffer, start, end); // HTTP/1.0 has none
  }

  onAnswer(upstream: Http1Upstream, buffer: Buffer, bodyStart: number, bodyEnd: number): void {
    const { status } = upstream.head;
    this.#answeredAtMs = this.#downstream.plane.nowMs();
    this.#toldDead = status === 503 && !upstream.endpoint.here && saysDead(upstream.head);
    if (status >= 400 && (this.#toldDead ? this.#again(failure.dead, false) : this.#again(status, true))) return;
    upstream.disarm();
    this.#answered = true;
    this.#exchange.onAnswer(upstream, buffer, bodyStart, bodyEnd);
  }

  onAnswerData(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void {
    this.#exchange.onAnswerData(upstream, buffer, start, end);
  }

  onUpstreamTimeout(upstream: Http1Upstream): void {
    if (!this.#limitsConnect) {
      this.#failed(failure.timeout, flag.upstreamTimeout, `no answer within ${this.#route.route.retries.perTryTimeoutMs} ms`);
      return;
    }
    const { connectTimeoutMs } = this.#cluster!.policy;
    if (upstream.isConnecting) this.#failed(failure.connect, flag.upstreamConnectFailure, `no connection within ${connectTimeoutMs} ms`);
    else {
      this.#limitsConnect = false;
      const { perTryTimeoutMs } = this.#route.route.retries;
      if (perTryTimeoutMs > 0) upstream.arm(Math.max(1, perTryTimeoutMs - connectTimeoutMs));
    }
  }

  onUpstreamGone(upstream: Http1Upstream, { kind, detail }: UpstreamEnd): void {
    if (upstream !== this.upstream) return;
    const stale = kind === "reset" && upstream.served > 0 && !upstream.answering;
    // A connection that the replica closed just as it was used again says nothing about the replica: RFC 9112 §9.3.1 has it tried on another one.
    if (stale && !this.#fresh && this.#replayable && isIdempotent(this.#exchange.method)) {
      this.leave(failure.cancelled);
      this.tries--;
      this.#fresh = true;
      this.#sent = false;
      this.#try(nothing, 0, 0);
    } else if (kind === "dead") this.#failed(failure.dead, flag.upstreamConnectFailure, detail);
    else if (kind === "connect-failure") this.#failed(failure.connect, flag.upstreamConnectFailure, detail);
    else if (kind === "protocol-error") this.#failed(failure.protocol, flag.upstreamProtocolError, detail);
    else this.#failed(failure.reset, flag.upstreamReset, detail);
  }

  /** Tries a replica; bytes of the body that have not been kept yet may be given along. */
  #try(buffer: Buffer, start: number, end: number): void {
    const { entry, plane } = this.#downstream;
    const cluster = this.#cluster;
    const { target } = this.#exchange;
    const { noHealthyUpstream, upstreamOverflow } = flag;
    if (!cluster) {
      this.#exchange.onFailed(503, noHealthyUpstream, `no service ${target} with port ${entry.port}`);
      return;
    }
    if (!cluster.admits()) {
      this.#exchange.onFailed(503, upstreamOverflow, `${target} has too many requests in flight`);
      return;
    }
    const endpoint = entry.chosen ?? cluster.select(this.#tried, this.#stickyKey(cluster));
    if (!endpoint) {
      this.#exchange.onFailed(503, noHealthyUpstream, `${target} has no replica`);
      return;
    }
    this.endpoint = endpoint;
    this.tries++;
    this.#sentAtMs = cluster.begin(endpoint);
    this.#answeredAtMs = 0;
    this.#toldDead = false;
    this.#counted = true;
    const upstream = plane.pool.take(cluster, endpoint, this, this.#fresh);
    if (typeof upstream !== "string") this.#send(upstream, buffer, start, end);
    else if (upstream === "waits") {
      this.#waits = true;
      this.#keep(buffer, start, end);
    } else {
      this.tries--;
      this.leave(failure.cancelled);
      this.#exchange.onFailed(503, upstreamOverflow, `${target} has too many requests waiting`);
    }
  }

  #send(upstream: Http1Upstream, buffer: Buffer, start: number, end: number): void {
    this.upstream = upstream;
    upstream.begin(this);
    const { outgoing } = this.#downstream.plane.reactor;
    let length: number;
    try {
      length = this.#downstream.head.writeTo(outgoing, this.#exchange.upgrades);
    } catch (error) {
      this.leave(failure.cancelled);
      this.#exchange.onFailed(431, flag.tooLarge, (error as Error).message);
      return;
    }
    let goesOn: boolean;
    if (this.#kept === null && length + end - start <= outgoing.length) {
      // The usual way: head, and body if there is one, in one write.
      if (end > start) {
        if (this.#keeps) this.#keep(buffer, start, end);
        else this.#drop();
        length += buffer.copy(outgoing, length, start, end);
      }
      goesOn = upstream.stream.write(outgoing, 0, length);
    } else {
      goesOn = upstream.stream.write(outgoing, 0, length);
      this.#keep(buffer, start, end);
      for (const piece of this.#kept ?? []) goesOn = upstream.stream.write(piece, 0, piece.length);
      if (!this.#keeps || this.#keptBytes > mostKept) this.#drop();
    }
    this.#sent = true;
    this.#limit(upstream);
    if (goesOn) this.#exchange.onRoom();
    else this.#downstream.pauseBody();
  }

  /** Limits the time of a try: of its connecting, or of all of it, whichever is over first. */
  #limit(upstream: Http1Upstream): void {
    const { perTryTimeoutMs } = this.#route.route.retries;
    const { connectTimeoutMs } = this.#cluster!.policy;
    this.#limitsConnect = upstream.isConnecting && connectTimeoutMs > 0 && (perTryTimeoutMs === 0 || connectTimeoutMs < perTryTimeoutMs);
    const ms = this.#limitsConnect ? connectTimeoutMs : perTryTimeoutMs;
    if (ms > 0) upstream.arm(ms);
  }

  /** What was sent is kept for a further try. */
  get #keeps(): boolean {
    return this.#replayable && this.#route.retry.policy.attempts > 0;
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.#kept ??= [];
    this.#kept.push(Buffer.from(buffer.subarray(start, end)));
    this.#keptBytes += end - start;
  }

  /** Some of what was sent is not at hand any more. */
  #drop(): void {
    this.#replayable = false;
    this.#kept = null;
    this.#keptBytes = 0;
  }

  #stickyKey({ policy: { stickyKey } }: Cluster): string | null {
    return stickyKey && stickyKeyOf(stickyKey, this.#downstream.head, this.caller.address);
  }

  #failed(outcome: Outcome, why: Flag, detail: string): void {
    if (this.#again(outcome, !isUnsent(outcome))) return;
    this.leave(outcome);
    const status = outcome === failure.timeout ? 504 : outcome === failure.protocol ? 502 : 503;
    // The node that has chosen this replica is told, so that it asks another.
    const headers = outcome === failure.dead && this.#downstream.entry.chosen ? wordOfDeath : [];
    this.#exchange.onFailed(
      status,
      this.#retries > 0 ? flag.retryLimit : why,
      `${this.#exchange.target} did not answer: ${detail}`,
      headers,
    );
  }

  /** Makes another try, after a pause, if the route has it so. @param reached The replica may have acted on the request. */
  #again(outcome: Outcome, reached: boolean): boolean {
    const { retry } = this.#route;
    const cluster = this.#cluster!;
    const { method } = this.#exchange;
    if (this.#answered || retry.policy.attempts === 0) return false;
    if (!retry.allows(outcome, { method, tries: this.tries, replayable: this.#replayable, reached })) return false;
    // No replica has seen it, and another one can: it waits for nothing, and adds to no overload.
    const atOnce = outcome === failure.dead && cluster.hasAnother(this.endpoint!, this.#tried);
    let budgeted = this.#budgeted;
    if (!budgeted) {
      if (atOnce) cluster.retries.pass();
      else if (cluster.retries.take(retry.policy, cluster.inFlight)) budgeted = true;
      else {
        this.#exchange.flag = flag.retryLimit;
        return false;
      }
    }
    this.#budgeted = false; // the next try takes the place over
    this.leave(outcome);
    this.#budgeted = budgeted;
    this.#retries++;
    const { plane } = this.#downstream;
    plane.retries++;
    this.#tried ??= [];
    this.#tried.push(this.endpoint!);
    this.#sent = false;
    if (atOnce) {
      this.#try(nothing, 0, 0);
      return true;
    }
    this.#pause ??= new Timer(() => this.#try(nothing, 0, 0));
    plane.reactor.timers.arm(this.#pause, retry.backOffMs(this.#retries, plane.random()));
    return true;
  }
}

/** RFC 9110 §9.2.2. */
function isIdempotent(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "PUT" || method === "DELETE" || method === "TRACE";
}
