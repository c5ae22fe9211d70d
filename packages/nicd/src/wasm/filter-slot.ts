/**
 * A filter of a worker by name: the machine that serves, the one that is tried out, and what happens when either stops badly.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { MeshFilter } from "@mitsu/catalog";
import { defaultLimits, type FilterModule, type TrapReport } from "@mitsu/proxy-wasm";
import { Timer } from "@mitsu/reactor/timers";
import { FilterMachine, LogBudget, type MachineEnv, type MachineOwner } from "./filter-machine.ts";
import { FilterMetrics } from "./filter-metrics.ts";

/** What a machine is made of. */
export interface FilterVersion {
  readonly spec: MeshFilter;
  readonly module: FilterModule;
  /** Where the module came from. */
  readonly origin: "file" | "push";
}

/** How the roll-out of a changed filter ended. */
export interface RollOut {
  readonly outcome: "taken" | "rolled back" | "superseded";
  readonly reason: string;
  readonly sha256: string;
  readonly atMs: number;
}

/** A machine that trapped is started again at once; when it traps again before it has been well for a while, after so long, and twice as long each time. */
const restartMs = { second: 1000, most: 60_000, well: 60_000 };
/** Exchanges without which an error share says nothing. */
const leastExchanges = 20;
/** A canary may have so much more errors, as a share of its exchanges. */
const errorMargin = 0.1;

/** What tells two versions apart: all that a machine reads when it starts. */
export function versionKey({ spec, module }: Pick<FilterVersion, "spec" | "module">): string {
  const { configuration, rootId, vmId, limits, capabilities } = spec;
  return createHash("sha256")
    .update(JSON.stringify([module.info.sha256, configuration, rootId, vmId, limits, capabilities]))
    .digest("hex");
}

/** See the module. */
export class FilterSlot implements MachineOwner {
  readonly name: string;
  readonly metrics: FilterMetrics = new FilterMetrics(defaultLimits.metrics);
  readonly budget: LogBudget = new LogBudget();
  /** Since the worker began, all machines together. */
  traps = 0;
  restarts = 0;
  /** Exchanges that found no machine, or whose machine failed them. */
  failures = 0;
  lastTrap: TrapReport | null = null;
  /** Of machines that are no more. */
  calls = 0;
  fuel = 0;
  denied = 0;
  timeNs = 0;
  rollOut: RollOut | null = null;
  version: FilterVersion;
  readonly #env: MachineEnv;
  #current: FilterMachine | null = null;
  #canary: {
    readonly machine: FilterMachine;
    readonly version: FilterVersion;
    readonly untilMs: number;
    readonly settled: (how: RollOut) => void;
  } | null = null;
  /** Counts of the current machine when the canary began. */
  #before = { exchanges: 0, errors: 0 };
  readonly #canaryTimer: Timer;
  readonly #restartTimer: Timer;
  /** Before the next restart. */
  #pauseMs = 0;
  #startedMs = 0;
  /** Versions that were rolled back: not to be tried again by themselves. */
  readonly #refused = new Set<string>();
  #closed = false;

  /** @param machine Of the first version, started. */
  constructor(version: FilterVersion, env: MachineEnv) {
    this.name = version.spec.name;
    this.version = version;
    this.#env = env;
    this.#canaryTimer = new Timer(() => this.#judge(true));
    this.#restartTimer = new Timer(() => this.#restart());
  }

  /** Starts a machine of a version, which nothing uses yet. @throws {MitsuError} `ERR_FILTER_START` */
  prepare(version: FilterVersion): FilterMachine {
    return FilterMachine.start(version.module, version.spec, this.#env, this);
  }

  /** The machine that serves a new stream; null when there is none now. */
  pick(): FilterMachine | null {
    const canary = this.#canary;
    if (canary !== null && this.#env.plane.random() < canary.version.spec.canary.share) return canary.machine;
    return this.#current;
  }

  get current(): FilterMachine | null {
    return this.#current;
  }

  get canary(): { readonly machine: FilterMachine; readonly untilMs: number } | null {
    return this.#canary;
  }

  get state(): "running" | "canary" | "restarting" {
    if (this.#current === null) return "restarting";
    return this.#canary === null ? "running" : "canary";
  }

  /** Its module has callbacks of connections. */
  get looksAtBytes(): boolean {
    return this.version.module.info.exports.some((name) => /^proxy_on_(new_connection|(down|up)stream_data)$/.test(name));
  }

  /** It is the canary. */
  isTrying(version: FilterVersion): boolean {
    return this.#canary !== null && versionKey(this.#canary.version) === versionKey(version);
  }

  /** Was rolled back before. */
  refuses(version: FilterVersion): boolean {
    return this.#refused.has(versionKey(version));
  }

  /** Takes the first machine, or one that is to serve at once. */
  take(machine: FilterMachine, version: FilterVersion): void {
    const old = this.#current;
    this.#current = machine;
    this.version = version;
    this.#startedMs = this.#env.plane.nowMs();
    this.#env.plane.reactor.timers.disarm(this.#restartTimer);
    if (old !== null) this.#retire(old);
  }

  /**
   * Gives a machine of a changed version a share of the new streams for a while.
   *
   * @returns How it ended.
   */
  tryOut(machine: FilterMachine, version: FilterVersion): Promise<RollOut> {
    this.#settle("superseded", "another version came");
    const { share, forMs } = version.spec.canary;
    if (this.#current === null || share >= 1 || forMs === 0 || share === 0) {
      this.take(machine, version);
      return Promise.resolve(this.#said("taken", "at once", version));
    }
    const { promise, resolve } = Promise.withResolvers<RollOut>();
    this.#before = { exchanges: this.#current.exchanges, errors: this.#current.errors };
    this.#canary = { machine, version, untilMs: this.#env.plane.nowMs() + forMs, settled: resolve };
    this.#env.plane.reactor.timers.arm(this.#canaryTimer, forMs);
    this.#env.log.info("a filter's new version is tried out", { filter: this.name, sha256: version.module.info.sha256, share, forMs });
    return promise;
  }

  /** Another worker has rolled a version back: so does this one. */
  rollBack(key: string): void {
    if (this.#canary !== null && versionKey(this.#canary.version) === key) this.#settle("rolled back", "another worker has rolled it back");
  }

  /** Settings that no machine reads: they change at once. */
  adopt(spec: MeshFilter): void {
    this.version = { ...this.version, spec: { ...this.version.spec, onFailure: spec.onFailure, canary: spec.canary, key: spec.key } };
  }

  onEnded(machine: FilterMachine): void {
    if (this.#canary?.machine === machine) this.#judge(false);
  }

  onTrap(machine: FilterMachine, report: TrapReport): void {
    this.traps++;
    this.lastTrap = report;
    if (this.budget.takes(this.#env.plane.nowMs()))
      this.#env.log.error("a filter stopped badly", {
        filter: this.name,
        reason: report.reason,
        callback: report.callback,
        detail: report.detail,
      });
    if (this.#canary?.machine === machine) {
      this.#settle("rolled back", `it stopped in ${report.callback}: ${report.detail}`);
      return;
    }
    if (this.#current !== machine) return;
    this.#current = null;
    this.#retire(machine);
    this.#startLater();
  }

  close(): void {
    this.#closed = true;
    const { timers } = this.#env.plane.reactor;
    timers.disarm(this.#restartTimer);
    this.#settle("superseded", "the filter is gone");
    const machine = this.#current;
    this.#current = null;
    if (machine !== null) this.#retire(machine);
  }

  /** Counters with those of the machines that are at work. */
  get totals(): Readonly<Record<"calls" | "fuel" | "denied" | "memoryBytes" | "timeNs", number>> {
    const machines = [this.#current, this.#canary?.machine].flatMap((machine) => machine ?? []);
    const alive = machines.map(({ plugin }) => plugin);
    const sum = (of: "calls" | "fuel" | "denied"): number => alive.reduce((total, { counters }) => total + counters[of], this[of]);
    const timeNs = machines.reduce((total, machine) => total + machine.timeNs, this.timeNs);
    return {
      calls: sum("calls"),
      fuel: sum("fuel"),
      denied: sum("denied"),
      timeNs,
      memoryBytes: alive.reduce((total, { memoryBytes }) => total + memoryBytes, 0),
    };
  }

  #retire(machine: FilterMachine): void {
    const { counters } = machine.plugin;
    this.calls += counters.calls;
    this.fuel += counters.fuel;
    this.denied += counters.denied;
    this.timeNs += machine.timeNs;
    machine.retire();
  }

  #startLater(): void {
    const nowMs = this.#env.plane.nowMs();
    const { reactor } = this.#env.plane;
    if (nowMs - this.#startedMs > restartMs.well) this.#pauseMs = 0;
    // Even at once is not now: the machine that trapped is still in its callback.
    if (this.#pauseMs === 0) reactor.defer(() => this.#restart());
    else reactor.timers.arm(this.#restartTimer, this.#pauseMs);
    this.#env.log.info("a filter is started again", { filter: this.name, inMs: this.#pauseMs });
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, restartMs.second), restartMs.most);
  }

  #restart(): void {
    if (this.#closed || this.#current !== null) return;
    this.restarts++;
    try {
      this.take(this.prepare(this.version), this.version);
    } catch (error) {
      this.#env.log.error("a filter cannot be started", { filter: this.name, error });
      this.#startLater();
    }
  }

  /** Is the canary worse than what serves? @param over Its time is over. */
  #judge(over: boolean): void {
    const canary = this.#canary;
    const current = this.#current;
    if (canary === null) return;
    const { exchanges, errors } = canary.machine;
    const others = current === null ? 0 : current.exchanges - this.#before.exchanges;
    const usual = others === 0 ? 0 : (current!.errors - this.#before.errors) / others;
    const share = exchanges === 0 ? 0 : errors / exchanges;
    const counts = exchanges >= (over ? 1 : leastExchanges);
    if (counts && share > usual + errorMargin)
      this.#settle("rolled back", `${errors} of its ${exchanges} exchanges ended with 5xx, of the others ${Math.round(usual * 100)} %`);
    else if (over) this.#settle("taken", `${exchanges} exchanges, ${errors} of them with 5xx`);
  }

  #settle(outcome: RollOut["outcome"], reason: string): void {
    const canary = this.#canary;
    if (canary === null) return;
    this.#canary = null;
    this.#env.plane.reactor.timers.disarm(this.#canaryTimer);
    if (outcome === "taken") this.take(canary.machine, canary.version);
    else {
      if (outcome === "rolled back") this.#refused.add(versionKey(canary.version));
      this.#retire(canary.machine);
    }
    canary.settled(this.#said(outcome, reason, canary.version));
  }

  #said(outcome: RollOut["outcome"], reason: string, { module }: FilterVersion): RollOut {
    const said: RollOut = { outcome, reason, sha256: module.info.sha256, atMs: Date.now() };
    this.rollOut = said;
    const fields = { filter: this.name, outcome, reason, sha256: said.sha256 };
    if (outcome === "rolled back") this.#env.log.error("a filter's new version was rolled back", fields);
    else this.#env.log.info("a filter's new version", fields);
    return said;
  }
}
