/** One row for each replica of this node, out of what nicd and sockhijack say of it. @module */
import type { Flow, NicdCluster, ServiceStatus } from "@mitsu/ipc";
import { type ReplicaRows, replicaFlags } from "../bus/node-state.ts";
import { replicaKey } from "../bus/replica-key.ts";
import { LatencyNear } from "../simulate/latency-near.ts";

/** What one more request leaves of the share of failures. */
const failureMemory = 0.95;
/** The time without waiting is the least of the last one to two of these. */
const leastWindowMs = 5000;

/** What is remembered of a replica between two polls. */
class Memory {
  inNicd = false;
  inSockhijack = false;
  inFlight = 0;
  /** Connections that nicd holds: sockhijack counts them too. */
  pooled = 0;
  ejected = false;
  requests = Number.NaN;
  errors = Number.NaN;
  failures = 0;
  active = 0;
  up = true;
  weight = 1;
  latencyMs = 0;
  readonly near: LatencyNear = new LatencyNear();
  #leastMs = Number.POSITIVE_INFINITY;
  #lastLeastMs = Number.POSITIVE_INFINITY;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** A latency that was just measured, at the number in flight. */
  took(ms: number, inFlight: number, nowMs: number): void {
    this.latencyMs = ms;
    this.near.add(Math.round(inFlight), ms);
    if (nowMs - this.#sinceMs > leastWindowMs) {
      this.#lastLeastMs = this.#leastMs;
      this.#leastMs = Number.POSITIVE_INFINITY;
      this.#sinceMs = nowMs;
    }
    this.#leastMs = Math.min(this.#leastMs, ms);
  }

  /** Milliseconds; 0 when nothing was measured. */
  get serviceMs(): number {
    const least = Math.min(this.#leastMs, this.#lastLeastMs);
    return least === Number.POSITIVE_INFINITY ? 0 : least;
  }
}

/** Sums over the clusters that one replica is in. */
interface Sum {
  inFlight: number;
  connections: number;
  requests: number;
  errors: number;
  /** Of the cluster with the most requests. */
  latencyUs: number;
  most: number;
  ejected: boolean;
  weight: number;
}

/**
 * Merges by key. In flight are nicd's requests and, as TCP proxies count, each connection that does not go by nicd as one (Envoy, `tcp_proxy`).
 *
 * @example
 * ```ts
 * const merge = new ReplicaMerge((key) => own.has(key));
 * merge.nicd(clusters, nowMs);
 * merge.sockhijack(services, flows, nowMs);
 * merge.write(state.replicas);
 * ```
 */
export class ReplicaMerge {
  readonly #memories = new Map<string, Memory>();
  readonly #here: (key: string) => boolean;

  /** `here`: whether a replica that nicd does not say so of is on this node. */
  constructor(here: (key: string) => boolean) {
    this.#here = here;
  }

  /** Takes an answer of nicd's `clusters`. */
  nicd(clusters: readonly NicdCluster[], nowMs: number): void {
    const sums = new Map<string, Sum>();
    for (const { endpoints } of clusters) {
      for (const one of endpoints) {
        const key = replicaKey(one.address, one.port);
        if (!one.here && !this.#here(key)) continue;
        let sum = sums.get(key);
        if (!sum) {
          sum = { inFlight: 0, connections: 0, requests: 0, errors: 0, latencyUs: 0, most: -1, ejected: false, weight: one.weight };
          sums.set(key, sum);
        }
        sum.inFlight += one.inFlight;
        sum.connections += one.connections;
        sum.requests += one.requests;
        sum.errors += one.errors;
        sum.ejected ||= one.ejectedForMs > 0;
        if (one.latencyUs > 0 && one.requests > sum.most) {
          sum.most = one.requests;
          sum.latencyUs = one.latencyUs;
        }
      }
    }
    for (const memory of this.#memories.values()) memory.inNicd = false;
    for (const [key, sum] of sums) this.#fromNicd(this.#memory(key), sum, nowMs);
  }

  #fromNicd(memory: Memory, sum: Sum, nowMs: number): void {
    memory.inNicd = true;
    memory.inFlight = sum.inFlight;
    memory.pooled = sum.connections;
    memory.ejected = sum.ejected;
    memory.weight = sum.weight;
    // The first counts are of a time that nobody saw; those that went back are of a nicd that started anew, and all of them are new.
    const before = Number.isNaN(memory.requests) ? sum.requests : sum.requests >= memory.requests ? memory.requests : 0;
    const errorsBefore = Number.isNaN(memory.errors) ? sum.errors : sum.errors >= memory.errors ? memory.errors : 0;
    const requests = sum.requests - before;
    if (requests > 0) {
      const keep = failureMemory ** requests;
      const share = Math.min(1, Math.max(0, (sum.errors - errorsBefore) / requests));
      memory.failures = memory.failures * keep + share * (1 - keep);
    }
    if ((requests > 0 || memory.latencyMs === 0) && sum.latencyUs > 0) memory.took(sum.latencyUs / 1000, sum.inFlight, nowMs);
    memory.requests = sum.requests;
    memory.errors = sum.errors;
  }

  /** Takes answers of sockhijack's `services` and `flows`. */
  sockhijack(services: readonly ServiceStatus[], flows: readonly Flow[], nowMs: number): void {
    for (const memory of this.#memories.values()) memory.inSockhijack = false;
    for (const { replicas } of services) {
      for (const one of replicas) {
        if (one.protocol !== "tcp") continue;
        const key = replicaKey(one.address, one.port);
        if (!this.#here(key) && !this.#memories.get(key)?.inNicd) continue;
        const memory = this.#memory(key);
        memory.active = (memory.inSockhijack ? memory.active : 0) + one.active;
        memory.up = one.up;
        if (!memory.inNicd) memory.weight = one.weight;
        memory.inSockhijack = true;
      }
    }
    const times = new Map<string, { sum: number; count: number }>();
    for (const { server, latencyUs } of flows) {
      if (latencyUs === null) continue;
      const key = replicaKey(server.address, server.port);
      const time = times.get(key) ?? { sum: 0, count: 0 };
      time.sum += latencyUs;
      time.count++;
      times.set(key, time);
    }
    for (const [key, { sum, count }] of times) {
      const memory = this.#memories.get(key);
      // What nicd measured is a request's time; a flow's may be a round trip only.
      if (memory && !memory.inNicd) memory.took(sum / count / 1000, memory.active, nowMs);
    }
  }

  /** A source went away: what it counted is over or not known, its replicas stay. */
  lost(source: "nicd" | "sockhijack"): void {
    for (const memory of this.#memories.values()) {
      if (source === "sockhijack") {
        memory.active = 0;
        memory.up = true;
      } else {
        memory.inFlight = 0;
        memory.pooled = 0;
        memory.ejected = false;
        memory.requests = memory.errors = Number.NaN;
      }
    }
  }

  /** Writes the rows; replicas that neither knows any more go. Flags of draining are left as they are: replicad itself sets them. */
  write(rows: ReplicaRows): void {
    for (const [key, memory] of this.#memories) {
      if (!memory.inNicd && !memory.inSockhijack) {
        this.#memories.delete(key);
        rows.remove(key);
        continue;
      }
      const row = rows.add(key);
      const inFlight = memory.inFlight + Math.max(0, memory.active - memory.pooled);
      rows.inFlight[row] = inFlight;
      rows.latencyMs[row] = memory.near.median(Math.round(inFlight));
      rows.serviceMs[row] = memory.serviceMs;
      rows.failures[row] = memory.failures;
      rows.weight[row] = memory.weight;
      const kept = rows.flags[row]! & replicaFlags.draining;
      rows.flags[row] = kept | (memory.ejected ? replicaFlags.ejected : 0) | (memory.up ? 0 : replicaFlags.down);
    }
  }

  #memory(key: string): Memory {
    let memory = this.#memories.get(key);
    if (!memory) {
      memory = new Memory();
      this.#memories.set(key, memory);
    }
    return memory;
  }
}
