/** One row for each replica of this node, out of nicd's tables of loads and what the kernel knows. @module */
import { maxReplicas, type ReplicaRows, replicaFlags } from "../bus/node-state.ts";
import type { LoadTable } from "./load-table.ts";
import { ReplicaMemory } from "./replica-memory.ts";

/** A replica that nobody knows any more is told for so long: nicd may only have started anew. */
const keepMs = 5000;
/** How often the kernel is asked whether a replica is up. */
const upMs = 10;
/** What was measured longer ago says nothing of how congested the node is now. */
const measuredMs = 1000;
/** Tasks are taken to wait for at most this share of the time: some of a replica's work waits for no CPU. */
const mostStall = 0.75;

/** How many times longer work takes that has to wait for a CPU that share of the time, 1 to 4. */
const slowerBy = (stall: number): number => 1 / (1 - Math.min(mostStall, Math.max(0, stall)));

/** What the kernel knows of replicas by key; null where it knows nothing. */
export interface KernelReplicas {
  /** Connections that are open. */
  active(key: string): number | null;
  up(key: string): boolean | null;
}

/** Merges by key. */
export class ReplicaMerge {
  /** Replicas for which there was no row. */
  left = 0;
  readonly #rows: ReplicaRows;
  readonly #kernel: KernelReplicas | null;
  readonly #onDown: (key: string) => void;
  readonly #memories: Map<string, ReplicaMemory> = new Map();
  /** The same; a loop over an array makes no garbage. */
  #all: ReplicaMemory[] = [];
  #watched: readonly string[] = [];
  #version = -1;
  #askedAtMs: number = Number.NEGATIVE_INFINITY;

  constructor(rows: ReplicaRows, kernel: KernelReplicas | null, onDown: (key: string) => void) {
    this.#rows = rows;
    this.#kernel = kernel;
    this.#onDown = onDown;
  }

  /** Names replicas of this node that have a row whether or not nicd ever called them. */
  watch(keys: Iterable<string>): void {
    this.#watched = [...keys];
  }

  /** A connect to the replica worked. */
  setUp(key: string): void {
    this.#memories.get(key)?.setUp();
  }

  /**
   * Looks what changed hands: which replicas only the kernel knows, and which nobody any more.
   *
   * @param counted Some nicd counts: a replica of this node that it never called has nothing in flight from it.
   * @param stall Share of the time that tasks of this node wait for a CPU, 0 to 1: a replica that has not answered for a while is taken for slower than
   * it was by as much as that has grown since, as the next request there would be, or for faster. One that answers shows it itself.
   */
  look(clockMs: number, counted: boolean, stall: number): void {
    const slower = slowerBy(stall);
    for (const { row, requests, answeredAtMs, drainMs, slower: then } of this.#all) {
      // What is under way for long is in the drain time, which each sample writes.
      if (row >= 0 && requests === 0 && clockMs - answeredAtMs > measuredMs) this.#rows.serviceMs[row] = drainMs * (slower / then);
    }
    for (const key of this.#watched) {
      if (counted) this.#memory(key, clockMs).knownAtMs = clockMs;
      else if (!this.#memories.has(key) && this.#kernel !== null && this.#kernel.active(key) !== null) this.#memory(key, clockMs);
    }
    for (const memory of this.#all) if (clockMs - memory.knownAtMs > keepMs) this.#forget(memory);
  }

  /**
   * Takes a sample of all tables, and writes the rows.
   *
   * @param stall As of {@link ReplicaMerge.look}: what was measured was measured beside it.
   * @returns Whether a row is other than before.
   */
  sample(tables: readonly LoadTable[], clockMs: number, stall: number): boolean {
    for (const memory of this.#all) memory.begin();
    for (const table of tables) {
      for (const seen of table.rows) {
        if (!seen.here) continue;
        if (seen.memory === null || seen.memory.forgotten) seen.memory = this.#memory(seen.key, clockMs);
        const { memory } = seen;
        memory.knownAtMs = clockMs;
        const counts = table.moved(seen) ? table.counts(seen) : null;
        // Where rows change hands just now, what was true a moment ago stands in.
        if (counts === null) memory.wait(seen, table.connections(seen), clockMs);
        else memory.take(seen, counts, clockMs);
      }
    }
    const asks = this.#kernel !== null && clockMs - this.#askedAtMs >= upMs;
    if (asks) this.#askedAtMs = clockMs;
    const placed = this.#place();
    let changed = placed;
    for (const memory of this.#all) {
      const active = this.#kernel?.active(memory.key) ?? null;
      if (active !== null) memory.knownAtMs = clockMs;
      if (asks) memory.told(this.#kernel!.up(memory.key));
      const became = memory.end(active ?? 0, clockMs);
      if (memory.answeredAtMs === clockMs) memory.beside(slowerBy(stall));
      if ((became !== "still" || placed) && memory.row >= 0 && this.#write(memory)) changed = true;
      if (became === "down") this.#onDown(memory.key);
    }
    return changed;
  }

  #write(memory: ReplicaMemory): boolean {
    const { inFlight, latencyMs, serviceMs, failures, flags } = this.#rows;
    const { row, drainMs } = memory;
    // Of draining the node itself speaks.
    const kept = flags[row]! & replicaFlags.draining;
    const flag = kept | (memory.refused || memory.up === false ? replicaFlags.down : 0);
    const same =
      inFlight[row] === memory.inFlight &&
      flags[row] === flag &&
      serviceMs[row] === drainMs &&
      latencyMs[row] === memory.latencyMs &&
      failures[row] === memory.failures;
    if (same) return false;
    inFlight[row] = memory.inFlight;
    flags[row] = flag;
    serviceMs[row] = drainMs;
    latencyMs[row] = memory.latencyMs;
    failures[row] = memory.failures;
    return true;
  }

  /** Gives each replica a row, when rows are others than before. @returns Whether they were. */
  #place(): boolean {
    if (this.#version === this.#rows.version) return false;
    this.left = 0;
    for (const memory of this.#all) {
      memory.row = this.#rows.rowOf(memory.key);
      if (memory.row >= 0) continue;
      if (this.#rows.count < maxReplicas) memory.row = this.#rows.add(memory.key);
      else this.left++;
    }
    this.#version = this.#rows.version;
    return true;
  }

  #memory(key: string, clockMs: number): ReplicaMemory {
    let memory = this.#memories.get(key);
    if (!memory) {
      memory = new ReplicaMemory(key);
      memory.knownAtMs = clockMs;
      this.#memories.set(key, memory);
      this.#all.push(memory);
      this.#version = -1;
    }
    return memory;
  }

  #forget(memory: ReplicaMemory): void {
    memory.forgotten = true;
    this.#memories.delete(memory.key);
    this.#all = [...this.#memories.values()];
    this.#rows.remove(memory.key);
  }
}
