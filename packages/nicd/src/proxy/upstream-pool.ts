/** The open connections to replicas, kept for the next exchange. @module */

import type { Reactor } from "@mitsu/reactor";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import type { LoadWriter } from "@mitsu/replica-table";
import type { Caller } from "../caller.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import { Http1Upstream, type UpstreamHome } from "./http1-upstream.ts";

/** Opens a stream to a replica: a socket, or a stream of the link to its node. */
export type Dial = (endpoint: LiveEndpoint, caller: Caller, events: ByteStreamEvents) => ByteStream;

/** Waits for a connection. */
export interface PoolWaiter {
  /** A stream of a link tells the other node who calls: it serves this service's requests only. */
  readonly caller: Caller;
  onUpstream(upstream: Http1Upstream): void;
}

interface Line {
  readonly idle: Http1Upstream[];
  readonly waiting: PoolWaiter[];
  idleTimeoutMs: number;
}

/** What {@link UpstreamPool.take} says when there is none: wait, or do not. */
export const pooled = { waits: "waits", overflow: "overflow" } as const;

/** Connections by replica: at most `maxConnections` of each, the one used last first, so that those too many grow idle and are closed. */
export class UpstreamPool implements UpstreamHome {
  readonly reactor: Reactor;
  readonly #dial: Dial;
  readonly #loads: LoadWriter | null;
  readonly #lines = new Map<LiveEndpoint, Line>();
  /** Connections made so far. */
  opened = 0;
  /** Times that {@link renew} was called, and how often it had been when a connection to another node was opened. */
  #renewals = 0;
  readonly #openedAt = new WeakMap<Http1Upstream, number>();

  /** @param loads Where connections are counted for replicad; null for nowhere. */
  constructor(reactor: Reactor, dial: Dial, loads: LoadWriter | null) {
    this.reactor = reactor;
    this.#dial = dial;
    this.#loads = loads;
  }

  /** Open connections, idle ones among them. */
  get size(): number {
    let size = 0;
    for (const endpoint of this.#lines.keys()) size += endpoint.connections;
    return size;
  }

  /**
   * A connection to the replica: an idle one, a new one, or none yet: then `waiter` gets one later.
   *
   * @param fresh Never an idle one: the last one was closed just as it was used again.
   */
  take(cluster: Cluster, endpoint: LiveEndpoint, waiter: PoolWaiter, fresh: boolean): Http1Upstream | "waits" | "overflow" {
    let line = this.#lines.get(endpoint);
    if (!line) {
      line = { idle: [], waiting: [], idleTimeoutMs: 0 };
      this.#lines.set(endpoint, line);
    }
    line.idleTimeoutMs = cluster.policy.idleTimeoutMs;
    const idle = fresh ? undefined : takeFor(line.idle, endpoint, waiter.caller);
    if (idle) return idle;
    if (cluster.mayConnect(endpoint)) return this.#open(endpoint, waiter.caller);
    if (!cluster.mayWait(endpoint)) return pooled.overflow;
    endpoint.pending++;
    line.waiting.push(waiter);
    // An unused one that carries another caller's name makes room; not now, as its end may be told from within.
    const unused = line.idle[0];
    if (unused) this.reactor.defer(() => unused.user === null && unused.discard());
    return pooled.waits;
  }

  /** It waits no more. */
  forget(endpoint: LiveEndpoint, waiter: PoolWaiter): void {
    const waiting = this.#lines.get(endpoint)?.waiting;
    const index = waiting?.indexOf(waiter) ?? -1;
    if (index < 0) return;
    waiting!.splice(index, 1);
    endpoint.pending--;
  }

  /** Opens a stream that is not kept: for what is not HTTP. */
  dial(endpoint: LiveEndpoint, caller: Caller, events: ByteStreamEvents): ByteStream {
    return this.#dial(endpoint, caller, events);
  }

  onFree(upstream: Http1Upstream): void {
    const { endpoint } = upstream;
    const line = this.#lines.get(endpoint)!;
    const waits = line.waiting[0];
    if (!endpoint.here && this.#openedAt.get(upstream) !== this.#renewals) upstream.discard();
    // One that carries another caller's name makes room for one that carries this one's.
    else if (waits && !serves(upstream, waits.caller)) upstream.discard();
    else if (waits) this.#next(line, endpoint)!.onUpstream(upstream);
    else if (endpoint.gone) upstream.discard();
    else {
      line.idle.push(upstream);
      upstream.arm(line.idleTimeoutMs);
    }
  }

  onGone(upstream: Http1Upstream): void {
    const { endpoint } = upstream;
    const line = this.#lines.get(endpoint)!;
    this.#count(endpoint, -1);
    const index = line.idle.indexOf(upstream);
    if (index >= 0) line.idle.splice(index, 1);
    const next = this.#next(line, endpoint);
    if (next) next.onUpstream(this.#open(endpoint, next.caller));
    else if (endpoint.connections === 0) this.#lines.delete(endpoint);
  }

  /** Streams of links are used no more than to the end of what they carry: there are newer links, with newer certificates, for what comes next. */
  renew(): void {
    this.#renewals++;
    for (const endpoint of [...this.#lines.keys()]) if (!endpoint.here) this.prune(endpoint);
  }

  /** Closes the unused connections to a replica that is no longer wanted. */
  prune(endpoint: LiveEndpoint): void {
    for (const idle of [...(this.#lines.get(endpoint)?.idle ?? [])]) idle.discard();
  }

  #count(endpoint: LiveEndpoint, more: 1 | -1): void {
    endpoint.connections += more;
    this.#loads?.connections(endpoint.loadRow, endpoint.connections);
  }

  #next(line: Line, endpoint: LiveEndpoint): PoolWaiter | undefined {
    const next = line.waiting.shift();
    if (next) endpoint.pending--;
    return next;
  }

  #open(endpoint: LiveEndpoint, caller: Caller): Http1Upstream {
    this.#count(endpoint, 1);
    this.opened++;
    const upstream = new Http1Upstream(this, endpoint, caller);
    if (!endpoint.here) this.#openedAt.set(upstream, this.#renewals);
    upstream.stream = this.#dial(endpoint, caller, upstream);
    return upstream;
  }
}

/** The connection used last that may carry the caller's requests; it leaves the list. */
function takeFor(idle: Http1Upstream[], endpoint: LiveEndpoint, caller: Caller): Http1Upstream | undefined {
  for (let index = idle.length - 1; index >= 0; index--) {
    const one = idle[index]!;
    if (!endpoint.here && !serves(one, caller)) continue;
    idle.splice(index, 1);
    if (one.isUsable) return one;
  }
  return undefined;
}

function serves({ endpoint, caller }: Http1Upstream, other: Caller): boolean {
  return endpoint.here || caller.service === other.service;
}
