/** Brings what replicad tells to the replicas of one cluster. @module */
import type { ReportRow } from "@mitsu/replica-table";
import type { Membership } from "@mitsu/selector";
import type { LiveEndpoint } from "./live-endpoint.ts";
import type { ReplicaReports } from "./replica-reports.ts";

/** Bits of a report's flags: `replicaFlags` of replicad's `bus/node-state.ts`. */
const flags = { draining: 1, down: 4 } as const;

/** More often than this nothing is looked at: replicad writes a thousand times a second at most. */
const eachMs = 1;

/**
 * Takes reports over as they change: loads into the candidates, weights, drains and deaths into the membership. Once replicad is not heard any more, all
 * that came from it is forgotten: what the mesh file says, and what this worker sees itself, holds.
 */
export class HeardReports {
  readonly #reports: ReplicaReports | null;
  readonly #membership: Membership<LiveEndpoint>;
  readonly #row: ReportRow = { atMs: 0, inFlight: 0, serviceMs: 0, latencyMs: 0, failures: 0, workers: 1, weight: Number.NaN, flags: 0 };
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #version = -1;
  #generation = -1;
  #table = -1;
  /** Something of it is in force. */
  #hears = false;

  constructor(reports: ReplicaReports | null, membership: Membership<LiveEndpoint>) {
    this.#reports = reports;
    this.#membership = membership;
  }

  /** Programs that send requests, as far as replicad tells. */
  get clients(): number {
    return this.#hears ? this.#reports!.clients : 1;
  }

  /** The endpoints have changed: each looks for its row anew. */
  forgetRows(): void {
    this.#table = -1;
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Looks whether anything has changed, at most once a millisecond. Makes no garbage. */
  take(endpoints: readonly LiveEndpoint[], nowMs: number): void {
    const reports = this.#reports;
    if (reports === null || nowMs - this.#lookedAtMs < eachMs) return;
    this.#lookedAtMs = nowMs;
    if (!reports.fresh(nowMs)) {
      if (this.#hears) this.#forget(endpoints, nowMs);
      return;
    }
    const { version, generation, table } = reports;
    if (this.#hears && version === this.#version && generation === this.#generation && table === this.#table) return;
    const moved = generation !== this.#generation || table !== this.#table;
    this.#version = version;
    this.#generation = generation;
    this.#table = table;
    this.#hears = true;
    for (let index = 0; index < endpoints.length; index++) {
      const endpoint = endpoints[index]!;
      if (moved) endpoint.reportRow = reports.rowOf(endpoint.key);
      if (reports.read(endpoint.reportRow, this.#row)) this.#apply(endpoint, this.#row, nowMs);
      else if (moved) this.#release(endpoint, nowMs);
    }
  }

  /** What was told of a replica last; null when nothing is known of it now. The object is used again. */
  rowOf(endpoint: LiveEndpoint): ReportRow | null {
    return this.#hears && this.#reports!.read(endpoint.reportRow, this.#row) && this.#row.atMs > 0 ? this.#row : null;
  }

  #apply(endpoint: LiveEndpoint, row: ReportRow, nowMs: number): void {
    const { key } = endpoint;
    // 0: nothing was heard of it yet.
    if (row.atMs > 0 && row.atMs > endpoint.reportedAtMs) endpoint.report(row.atMs, row, nowMs);
    const weight = row.weight >= 0 && row.weight < Number.POSITIVE_INFINITY ? row.weight : endpoint.meshWeight; // NaN: not overridden
    if (weight !== endpoint.weight) this.#membership.setWeight(key, weight, nowMs);
    const changed = endpoint.reportFlags ^ row.flags;
    if (changed === 0) return;
    endpoint.reportFlags = row.flags;
    if ((changed & flags.draining) !== 0) this.#membership.drain(key, (row.flags & flags.draining) !== 0, nowMs);
    if ((changed & flags.down) !== 0) this.#membership.tell(key, (row.flags & flags.down) !== 0 ? "down" : "up", nowMs);
  }

  #forget(endpoints: readonly LiveEndpoint[], nowMs: number): void {
    this.#hears = false;
    this.#table = -1;
    for (const endpoint of endpoints) this.#release(endpoint, nowMs);
  }

  #release(endpoint: LiveEndpoint, nowMs: number): void {
    const { key } = endpoint;
    endpoint.reportRow = -1;
    endpoint.reportedAtMs = Number.NEGATIVE_INFINITY;
    endpoint.reportedInFlight = 0;
    endpoint.reportedServiceMs = 0;
    endpoint.workers = 1;
    if (endpoint.weight !== endpoint.meshWeight) this.#membership.setWeight(key, endpoint.meshWeight, nowMs);
    if ((endpoint.reportFlags & flags.draining) !== 0) this.#membership.drain(key, false, nowMs);
    if ((endpoint.reportFlags & flags.down) !== 0) this.#membership.tell(key, "up", nowMs);
    endpoint.reportFlags = 0;
  }
}
