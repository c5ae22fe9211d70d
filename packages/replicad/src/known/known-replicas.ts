/** What is known of every replica of the mesh, whoever said it: this node's own rows, what other nodes told, and what an operator overrides. @module */
import type { ReportRow } from "@mitsu/replica-table";
import { type NodeState, type ReplicaRows, replicaFlags } from "../bus/node-state.ts";
import type { NodeEntry } from "../bus/node-table.ts";

/** One replica; `atMs` is −∞ when nothing was ever heard, `flags` are {@link replicaFlags}, draining also when an operator says so. */
export interface KnownReplica extends ReportRow {
  readonly key: string;
  /** Node that spoke last; empty before anybody did. */
  node: string;
  /** An operator drains it. */
  drained: boolean;
}

/** What an operator says of a replica. */
export interface Overriding {
  readonly draining: boolean;
  /** Null for the mesh file's. */
  readonly weight: number | null;
}

/**
 * Replicas by key. A node's rows are taken in place, a thousand times a second and without garbage: which row is whose is looked up only when keys changed.
 *
 * @example
 * ```ts
 * const known = new KnownReplicas((key) => overrides.get(key));
 * known.own(state, clockMs());
 * known.told(entry, atMs);
 * known.get("10.0.0.7:8080")?.inFlight;
 * ```
 */
export class KnownReplicas {
  /** Raised when a replica comes or goes. */
  version = 0;
  readonly #all = new Map<string, KnownReplica>();
  #rowsOf = new WeakMap<ReplicaRows, { version: number; known: KnownReplica[] }>();
  readonly #overriding: (key: string) => Overriding | undefined;

  constructor(overriding: (key: string) => Overriding | undefined) {
    this.#overriding = overriding;
  }

  get size(): number {
    return this.#all.size;
  }

  get(key: string): KnownReplica | undefined {
    return this.#all.get(key);
  }

  all(): IterableIterator<KnownReplica> {
    return this.#all.values();
  }

  /** Takes this node's rows, true at `atMs`. */
  own(state: NodeState, atMs: number): void {
    this.#take(state, atMs);
  }

  /** Takes what another node told, true at `atMs`. */
  told({ state }: NodeEntry, atMs: number): void {
    this.#take(state, atMs);
  }

  /** An override was made, changed or taken back. */
  overridden(key: string): void {
    const one = this.#all.get(key) ?? this.#add(key);
    this.#override(one);
  }

  /** Forgets those for which `keep` says no: neither the mesh has them nor anybody speaks of them. */
  prune(keep: (one: KnownReplica) => boolean): void {
    for (const [key, one] of this.#all) {
      if (keep(one)) continue;
      this.#all.delete(key);
      this.#rowsOf = new WeakMap();
      this.version++;
    }
  }

  /** The replica of this key, made when it is the first time: the mesh has it, and nobody said anything yet. */
  expect(key: string): KnownReplica {
    return this.#all.get(key) ?? this.#add(key);
  }

  #take({ name, replicas }: NodeState, atMs: number): void {
    const known = this.#knownOf(replicas);
    const { inFlight, serviceMs, latencyMs, failures, workers, flags } = replicas;
    for (let row = 0; row < known.length; row++) {
      const one = known[row]!;
      // Two nodes that claim one replica: the younger word holds.
      if (atMs < one.atMs && one.node !== name) continue;
      one.node = name;
      one.atMs = atMs;
      one.inFlight = inFlight[row]!;
      one.serviceMs = serviceMs[row]!;
      one.latencyMs = latencyMs[row]!;
      one.failures = failures[row]!;
      one.workers = workers[row]!;
      one.flags = flags[row]! | (one.drained ? replicaFlags.draining : 0);
    }
  }

  #knownOf(rows: ReplicaRows): KnownReplica[] {
    let held = this.#rowsOf.get(rows);
    if (held?.version !== rows.version) {
      const known = Array.from({ length: rows.count }, (_, row) => this.expect(rows.key(row)));
      held = { version: rows.version, known };
      this.#rowsOf.set(rows, held);
    }
    return held.known;
  }

  #add(key: string): KnownReplica {
    const one: KnownReplica = {
      key,
      node: "",
      atMs: Number.NEGATIVE_INFINITY,
      inFlight: 0,
      serviceMs: 0,
      latencyMs: 0,
      failures: 0,
      workers: 0,
      weight: Number.NaN,
      flags: 0,
      drained: false,
    };
    this.#all.set(key, one);
    this.version++;
    this.#override(one);
    return one;
  }

  #override(one: KnownReplica): void {
    const said = this.#overriding(one.key);
    one.weight = said?.weight ?? Number.NaN;
    one.drained = said?.draining ?? false;
    one.flags = one.drained ? one.flags | replicaFlags.draining : one.flags & ~replicaFlags.draining;
  }
}
