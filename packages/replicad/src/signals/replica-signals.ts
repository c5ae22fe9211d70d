/** How busy this node's replicas are, read from shared memory as often as somebody asks: no timers, sockets or promises of its own. @module */
import type { ReplicadSource } from "@mitsu/ipc";
import type { ReplicaRows } from "../bus/node-state.ts";
import { NicdLoads } from "./nicd-loads.ts";
import { type KernelReplicas, ReplicaMerge } from "./replica-merge.ts";

/** How often missing, replaced and dead tables are looked for. */
const lookMs = 200;

/** Whom to listen to. */
export interface ReplicaSignalsOptions {
  /** nicd's control socket, whose tables lie beside it; null for a node without. */
  readonly nicd: string | null;
  /** Where the figures go. */
  readonly rows: ReplicaRows;
  /** Whether a replica is on this node; what nicd says to be here is, without asking. */
  readonly here: (key: string) => boolean;
  /** Null for a node whose kernel does not count. */
  readonly kernel: KernelReplicas | null;
  /** Share of the time that tasks of this node wait for a CPU, 0 to 1; 0 unless told. */
  readonly stall?: () => number;
  /** Milliseconds by `clockMs` of `@mitsu/replica-table`. */
  readonly clock: () => number;
  /** Nobody took a connect there, where somebody did before; the rows say so already. */
  readonly onDown?: (key: string) => void;
}

/**
 * Samples when told to.
 *
 * @example
 * ```ts
 * using signals = new ReplicaSignals({ nicd: "/run/mitsu/nicd.sock", rows: state.replicas, here, kernel: null, clock: clockMs });
 * using ticker = new Ticker({ publisher, now, sample: () => signals.sample() });
 * ```
 */
export class ReplicaSignals {
  readonly #loads: NicdLoads | null;
  readonly #merge: ReplicaMerge;
  readonly #options: ReplicaSignalsOptions;
  #lookedAtMs: number = Number.NEGATIVE_INFINITY;

  constructor(options: ReplicaSignalsOptions) {
    this.#options = options;
    this.#loads = options.nicd === null ? null : new NicdLoads(options.nicd);
    this.#merge = new ReplicaMerge(options.rows, options.kernel, options.onDown ?? (() => {}));
    this.#look(options.clock());
  }

  /** Brings the rows up to date, in some microseconds. @returns Whether one of them is other than before. */
  sample(): boolean {
    const clockMs = this.#options.clock();
    this.#look(clockMs);
    const tables = this.#loads?.tables ?? [];
    for (const table of tables) table.follow(this.#options.here);
    return this.#merge.sample(tables, clockMs, this.#options.stall?.() ?? 0);
  }

  /** Names the replicas of this node: they are told of even when nicd never called them. */
  watch(keys: Iterable<string>): void {
    this.#merge.watch(keys);
  }

  /** A connect to the replica worked: it is no longer down. */
  setUp(key: string): void {
    this.#merge.setUp(key);
  }

  sources(): ReplicadSource[] {
    const { nicd } = this.#options;
    if (nicd === null) return [{ name: "nicd", path: "", state: "off", why: null }];
    const why = this.#loads!.why;
    return [{ name: "nicd", path: `${nicd}.load`, state: why === null ? "up" : "away", why }];
  }

  /** What is not known, and why. */
  degraded(): readonly string[] {
    const why = this.#loads?.why ?? null;
    const { left } = this.#merge;
    return [
      ...(why === null ? [] : [`nicd does not say how busy replicas are: ${why}`]),
      ...(left === 0 ? [] : [`${left} replicas of this node are not told: a message has no room for more`]),
    ];
  }

  [Symbol.dispose](): void {
    this.#loads?.close();
  }

  #look(clockMs: number): void {
    if (clockMs - this.#lookedAtMs < lookMs) return;
    this.#lookedAtMs = clockMs;
    this.#loads?.look(clockMs);
    const tables = this.#loads?.tables ?? [];
    this.#merge.look(clockMs, tables.length > 0, this.#options.stall?.() ?? 0);
    for (const table of tables) table.look(this.#options.here);
  }
}
