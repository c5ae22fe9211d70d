/** What one node says of itself and its replicas, in columns that are written in place: at 1 kHz nothing of it becomes garbage. @module */
import { MitsuError } from "@mitsu/cli/error";
import { keyBytes, readKey, writeKey } from "./replica-key.ts";

/** Most replicas of a node. */
export const maxReplicas = 1024;
/** Most echoes of a message: with more nodes they take turns. */
export const maxEchoes = 8;

/**
 * Figures of a node's congestion, in the order of their bytes; NaN where the node cannot tell. Tasks that run or could; shares 0 to 1 of the time
 * that some or all tasks waited (PSI); share of CFS periods in which the cgroup was throttled; share of memory in use; packets in the backlog of
 * softirqs; packets dropped, and softirqs that ran out of budget, a second.
 */
export const nodeFigures = [
  "runQueue",
  "cpuSome",
  "cpuFull",
  "memorySome",
  "memoryFull",
  "ioSome",
  "ioFull",
  "throttled",
  "memoryUsed",
  "nicQueue",
  "nicDrops",
  "nicSqueezes",
] as const;

/** One of {@link nodeFigures}. */
export type NodeFigure = (typeof nodeFigures)[number];

/** Index of each figure. */
export const figure: Readonly<Record<NodeFigure, number>> = Object.fromEntries(nodeFigures.map((name, index) => [name, index])) as Record<
  NodeFigure,
  number
>;

/** Columns of a replica's figures. */
const columns = 6;

/** Bits of a replica's flags. */
export const replicaFlags = { draining: 1, ejected: 2, down: 4 } as const;

/** All replicas of a node; row by row, in columns of typed arrays, which are other ones after {@link ReplicaRows.add} has made room. */
export class ReplicaRows {
  /** Rows in use. */
  count = 0;
  /** Counts up whenever a row is added, or taken away: who keeps indexes looks here. */
  version = 0;
  /** Requests in flight. */
  inFlight: Float64Array = new Float64Array(0);
  /** Milliseconds of a request that does not wait; 0 when not known. */
  serviceMs: Float64Array = new Float64Array(0);
  /** Median milliseconds near the present number in flight; 0 when not known. [Prequal §4] */
  latencyMs: Float64Array = new Float64Array(0);
  /** Smoothed share of requests that failed, 0 to 1. */
  failures: Float64Array = new Float64Array(0);
  weight: Float64Array = new Float64Array(0);
  /** Requests it works on at once; 0 when not known. */
  workers: Float64Array = new Float64Array(0);
  /** See {@link replicaFlags}. */
  flags: Uint8Array = new Uint8Array(0);
  /** Keys as bytes, see replica-key.ts. */
  keys: Uint8Array = new Uint8Array(0);
  #texts: string[] = [];
  #index: Map<string, number> = new Map();

  /** `address:port` of a row. */
  key(row: number): string {
    return this.#texts[row]!;
  }

  /** Row of a key; −1 when there is none. */
  rowOf(key: string): number {
    return this.#index.get(key) ?? -1;
  }

  /**
   * Adds a replica with weight 1 and zeros, or finds it.
   *
   * @returns Its row.
   * @throws {MitsuError} `ERR_REPLICA_KEY`; `ERR_TOO_MANY_REPLICAS` past {@link maxReplicas}.
   */
  add(key: string): number {
    const known = this.rowOf(key);
    if (known >= 0) return known;
    if (this.count === maxReplicas) {
      throw new MitsuError(`cannot add ${key}: ${maxReplicas} replicas are told already`, {
        code: "ERR_TOO_MANY_REPLICAS",
        hint: "spread the services over more nodes",
      });
    }
    this.#grow(this.count + 1);
    const row = this.count;
    writeKey(key, this.keys, row * keyBytes);
    this.#texts[row] = key;
    this.#index.set(key, row);
    for (const column of [this.inFlight, this.serviceMs, this.latencyMs, this.failures, this.workers]) column[row] = 0;
    this.weight[row] = 1;
    this.flags[row] = 0;
    this.count++;
    this.version++;
    return row;
  }

  /** Takes a replica away; the last row moves into its place. */
  remove(key: string): void {
    const row = this.rowOf(key);
    if (row < 0) return;
    const last = --this.count;
    for (const column of [this.inFlight, this.serviceMs, this.latencyMs, this.failures, this.weight, this.workers, this.flags]) {
      column[row] = column[last]!;
    }
    this.keys.copyWithin(row * keyBytes, last * keyBytes, (last + 1) * keyBytes);
    this.#texts[row] = this.#texts[last]!;
    this.#texts.length = last;
    this.#index.set(this.#texts[row] ?? key, row);
    this.#index.delete(key);
    this.version++;
  }

  /** Takes all keys from bytes, at most {@link maxReplicas} of {@link keyBytes} each; figures are the caller's to write. */
  replaceKeys(keys: Uint8Array, count: number): void {
    this.#grow(count);
    this.keys.set(keys.subarray(0, count * keyBytes));
    this.#texts = Array.from({ length: count }, (_, row) => readKey(keys, row * keyBytes));
    this.#index = new Map(this.#texts.map((text, row) => [text, row]));
    this.count = count;
    this.version++;
  }

  #grow(rows: number): void {
    if (rows <= this.flags.length) return;
    const room = Math.min(maxReplicas, Math.max(8, 2 ** Math.ceil(Math.log2(rows))));
    const figures = [this.inFlight, this.serviceMs, this.latencyMs, this.failures, this.weight, this.workers];
    const grown = Array.from({ length: columns }, (_, index) => {
      const column = new Float64Array(room);
      column.set(figures[index]!);
      return column;
    });
    [this.inFlight, this.serviceMs, this.latencyMs, this.failures, this.weight, this.workers] = grown as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const flags = new Uint8Array(room);
    flags.set(this.flags);
    this.flags = flags;
    const keys = new Uint8Array(room * keyBytes);
    keys.set(this.keys);
    this.keys = keys;
  }
}

/** What a node last heard of others, so that they learn how their clocks differ: whose message, when it was sent, and how long ago it came. */
export class EchoRows {
  count = 0;
  readonly bootSeconds: Uint32Array = new Uint32Array(maxEchoes);
  readonly bootRandom: Uint32Array = new Uint32Array(maxEchoes);
  /** By the clock of who sent it. */
  readonly sentAtMs: Float64Array = new Float64Array(maxEchoes);
  readonly heldMs: Float64Array = new Float64Array(maxEchoes);
}

/** Everything that one message carries. */
export class NodeState {
  name: string;
  /** One run of the sender: when it started, seconds since 1970, and a random number. */
  bootSeconds = 0;
  bootRandom = 0;
  /** From 1, one more with each message of a boot; a whole number. */
  sequence = 0;
  /** Milliseconds since 1970 by the sender's clock, which does not go back within a boot. */
  sentAtMs = 0;
  cpus = 0;
  /** The next message comes within so many milliseconds even if nothing changes; whole, at most 65 535, 0 is not told. */
  intervalMs = 0;
  readonly figures: Float64Array = new Float64Array(nodeFigures.length).fill(Number.NaN);
  readonly replicas: ReplicaRows = new ReplicaRows();
  readonly echoes: EchoRows = new EchoRows();

  constructor(name: string) {
    this.name = name;
  }
}
