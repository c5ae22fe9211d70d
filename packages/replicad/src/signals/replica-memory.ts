/** What is remembered of one replica of this node between two samples. @module */
import type { LoadCounts } from "@mitsu/replica-table";
import { LatencyNear } from "../simulate/latency-near.ts";
import { DrainTime } from "./drain-time.ts";
import type { SeenRow } from "./load-table.ts";

/** What one more request leaves of the share of failures. */
const failureMemory = 0.95;

/** The say of the newest sample with an answer in how congested the node was; as that of the newest request in the drain time, which it goes with. */
const congestionPart = 0.1;

/** Sums of a sample over the processes that send to the replica, and what follows from them. */
export class ReplicaMemory {
  readonly key: string;
  /** Row among those that are told; −1 before the first. */
  row = -1;
  /** When a table, or the kernel, last knew of it. */
  knownAtMs = 0;
  /** When it last answered. */
  answeredAtMs: number = Number.NEGATIVE_INFINITY;
  /** Nobody knew of it for long, and it is told no more. */
  forgotten = false;
  /** Of nicd; of all that is known. */
  requests = 0;
  inFlight = 0;
  /** Smoothed share of answers that were bad, 0 to 1. */
  failures = 0;
  /** Near the number in flight; 0 when not known. */
  latencyMs = 0;
  /** Nobody took a connect, and nothing was heard since that would say otherwise. */
  refused = false;
  /** What the kernel says of it; null when nothing. */
  up: boolean | null = null;
  /** See {@link DrainTime}; 0 when not known. */
  drainMs = 0;
  /** How many times longer the node's congestion made work take, 1 to 4, smoothed over the answers that `drainMs` is of. */
  slower = 1;
  #congestionSeen = 0;
  readonly #drain: DrainTime = new DrainTime();
  #near: LatencyNear = new LatencyNear();
  #connections = 0;
  #answers = 0;
  #bad = 0;
  #refusals = 0;
  #latencyMs = 0;
  /** Since the replica is known. */
  #ended = 0;
  #busyMs = 0;
  /** Good answers that may be to requests from before the refusal. */
  #older = 0;
  /** The busy time that `drainMs` is of. */
  #drainedMs = 0;
  /** Something was said that no sample has told yet. */
  #changed = true;

  constructor(key: string) {
    this.key = key;
  }

  /** Begins a sample. */
  begin(): void {
    this.requests = this.#connections = this.#answers = this.#bad = this.#refusals = this.#latencyMs = 0;
  }

  /** Takes what a process has sent since the row was seen last. */
  take(seen: SeenRow, now: Readonly<LoadCounts>, clockMs: number): void {
    const { last } = seen;
    // The row was given back and taken by the same replica: counting began anew.
    if (now.begun < last.begun || now.ended < last.ended || now.refused < last.refused) {
      last.begun = last.ended = last.failed = last.refused = last.latencyMs = seen.busyMs = 0;
    }
    const answers = now.ended - last.ended;
    if (answers > 0) {
      this.#answers += answers;
      this.#bad += Math.min(answers, Math.max(0, now.failed - last.failed));
      this.#latencyMs += Math.max(0, now.latencyMs - last.latencyMs);
    }
    this.#refusals += now.refused - last.refused;
    last.begun = now.begun;
    last.ended = now.ended;
    last.failed = now.failed;
    last.refused = now.refused;
    last.latencyMs = now.latencyMs;
    last.inFlight = now.inFlight;
    last.busyMs = now.busyMs;
    last.busySinceMs = now.busySinceMs;
    this.wait(seen, now.connections, clockMs);
  }

  /** Takes what a process has there still. */
  wait(seen: SeenRow, connections: number, clockMs: number): void {
    const { last } = seen;
    this.requests += last.inFlight;
    if (connections > 0) this.#connections += connections;
    const busyMs = last.busySinceMs > 0 && clockMs > last.busySinceMs ? last.busyMs + clockMs - last.busySinceMs : last.busyMs;
    // A request that ended between two of the reads has its time twice, or not at all; the next sample sets it right.
    if (busyMs > seen.busyMs) {
      this.#busyMs += busyMs - seen.busyMs;
      seen.busyMs = busyMs;
    }
  }

  /**
   * Ends a sample.
   *
   * @param active Connections that the kernel knows, nicd's included.
   * @returns What became of the replica: `down` when it has just gone down, `still` when all is as it was.
   */
  end(active: number, clockMs: number): "still" | "moved" | "down" {
    // As TCP proxies count: a connection that does not go by nicd is a request. [Envoy, tcp_proxy]
    const inFlight = active > this.#connections ? this.requests + active - this.#connections : this.requests;
    const changed = this.#changed || inFlight !== this.inFlight;
    const quiet = !changed && this.#answers === 0 && this.#refusals === 0;
    if (quiet && this.#busyMs === this.#drainedMs) return "still";
    this.#changed = false;
    this.inFlight = inFlight;
    if (this.#answers > 0) this.answeredAtMs = clockMs;
    if (!quiet) this.#learn(Math.round(inFlight));
    this.#drainedMs = this.#busyMs;
    this.#drain.take(this.#busyMs, this.#ended, clockMs);
    this.drainMs = this.#drain.ms;
    return this.#judge() ? "down" : "moved";
  }

  /** Answers came while the node's congestion made work take so many times longer. */
  beside(slower: number): void {
    // The first ones count alike, as those of the drain time do.
    this.slower += Math.max(congestionPart, 1 / ++this.#congestionSeen) * (slower - this.slower);
  }

  /** A connect worked. */
  setUp(): void {
    if (this.refused) this.#beginAnew();
  }

  /** The kernel's word: once it says that a replica is there again, the refusal is of before. */
  told(up: boolean | null): void {
    if (up === this.up) return;
    if (up === true && this.up === false) this.#beginAnew();
    this.up = up;
    this.#changed = true;
  }

  /** It is another process now: how the one before failed, and how fast it was, says nothing. */
  #beginAnew(): void {
    this.refused = false;
    this.failures = this.latencyMs = this.drainMs = 0;
    this.#near = new LatencyNear();
    this.#drain.forget();
    this.slower = 1;
    this.#congestionSeen = 0;
    this.#changed = true;
  }

  #learn(near: number): void {
    if (this.#answers > 0) {
      this.#ended += this.#answers;
      const keep = failureMemory ** this.#answers;
      this.failures = this.failures * keep + (this.#bad / this.#answers) * (1 - keep);
      this.#near.add(near, this.#latencyMs / this.#answers);
    }
    this.latencyMs = this.#near.median(near);
  }

  #judge(): boolean {
    if (this.#refusals > 0) {
      const before = this.refused;
      this.refused = true;
      // A server that ends takes no connects, and answers what it has: only one good answer more than that is a sign of life.
      this.#older = this.requests;
      return !before;
    }
    if (this.refused) {
      this.#older -= this.#answers - this.#bad;
      if (this.#older < 0) this.refused = false;
    }
    return false;
  }
}
