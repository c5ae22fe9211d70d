/** A copy of a request, whose answer nobody reads. @module */
import type { Caller } from "../caller.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { failure, type Outcome } from "../cluster/outcome.ts";
import type { Http1RequestHead } from "../http1/request-head.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Http1Upstream, UpstreamEnd, UpstreamUser } from "./http1-upstream.ts";
import type { PoolWaiter } from "./upstream-pool.ts";

/** A longer body is not mirrored: nothing may wait for a copy. */
const mostBytes = 64 * 1024;
/** A replica that does not answer a copy in this time keeps its connection from others no longer. */
const timeoutMs = 30_000;

/** Gathers the request as it goes on, and sends it when it is whole. */
export class Mirror implements UpstreamUser, PoolWaiter {
  readonly isHeadRequest: boolean;
  readonly isConnect = false;
  readonly caller: Caller;
  readonly #plane: DataPlane;
  readonly #cluster: Cluster;
  readonly #parts: Buffer[];
  #bytes = 0;
  #endpoint: LiveEndpoint | null = null;
  #tooLong = false;
  #sentAtMs = 0;
  #answeredAtMs = 0;

  private constructor(plane: DataPlane, cluster: Cluster, head: Http1RequestHead, caller: Caller) {
    this.caller = caller;
    this.#plane = plane;
    this.#cluster = cluster;
    this.isHeadRequest = head.method === "HEAD";
    const { outgoing } = plane.reactor;
    this.#parts = [Buffer.from(outgoing.subarray(0, head.writeTo(outgoing, false)))];
  }

  /** Begins a copy; null when it has nowhere to go. Tunnels are not copied. */
  static of(plane: DataPlane, service: string, port: number, head: Http1RequestHead, caller: Caller): Mirror | null {
    if (head.isConnect || head.table.upgrade) return null;
    const cluster = plane.cluster(service, port);
    try {
      return cluster?.admits() ? new Mirror(plane, cluster, head, caller) : null;
    } catch {
      return null; // the head has grown too long, which the request itself is told
    }
  }

  /** More of the body, with its framing. */
  data(buffer: Uint8Array, start: number, end: number): void {
    if (this.#tooLong || end === start) return;
    this.#bytes += end - start;
    this.#tooLong = this.#bytes > mostBytes;
    if (this.#tooLong) this.#parts.length = 0;
    else this.#parts.push(Buffer.from(buffer.subarray(start, end)));
  }

  /** That was all of it. */
  end(): void {
    if (this.#tooLong) {
      this.#plane.mirrorsSkipped++;
      return;
    }
    const endpoint = this.#cluster.select();
    if (!endpoint) return;
    this.#endpoint = endpoint;
    this.#sentAtMs = this.#cluster.begin(endpoint);
    this.#plane.mirrored++;
    const upstream = this.#plane.pool.take(this.#cluster, endpoint, this, false);
    if (typeof upstream !== "string") this.onUpstream(upstream);
    else if (upstream === "overflow") this.#over(failure.cancelled);
  }

  onUpstream(upstream: Http1Upstream): void {
    upstream.begin(this);
    upstream.arm(timeoutMs);
    const whole = Buffer.concat(this.#parts);
    upstream.stream.write(whole, 0, whole.length);
  }

  onInterim(): void {}
  onUpstreamDrain(): void {}

  onAnswer(upstream: Http1Upstream): void {
    this.#answeredAtMs = this.#plane.nowMs();
    this.onAnswerData(upstream);
  }

  onAnswerData(upstream: Http1Upstream): void {
    if (!upstream.isAnswered) return;
    this.#over(upstream.head.status);
    upstream.release();
  }

  onUpstreamTimeout(upstream: Http1Upstream): void {
    this.#over(failure.timeout);
    upstream.discard();
  }

  onUpstreamGone(_: Http1Upstream, { kind }: UpstreamEnd): void {
    this.#over(kind === "dead" ? failure.dead : kind === "connect-failure" ? failure.connect : failure.reset);
  }

  #over(outcome: Outcome): void {
    this.#cluster.end(this.#endpoint!, outcome, this.#sentAtMs, this.#answeredAtMs);
  }
}
