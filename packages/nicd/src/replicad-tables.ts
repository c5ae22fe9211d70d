/** What a worker and replicad tell each other, by shared memory. @module */
import type { Log } from "@mitsu/cli";
import type { Reactor } from "@mitsu/reactor";
import { Timer } from "@mitsu/reactor/timers";
import { clockMs, LoadWriter, ReportReader } from "@mitsu/replica-table";
import { ReplicaReports, type ReportState } from "./cluster/replica-reports.ts";

/** A table whose writer is silent for a second is taken for dead; twice in 100 ms is what replicad may count on. */
const beatMs = 50;
/** How often replicad's table is looked for, and whether it is still the same one. */
const lookMs = 1000;

/** Which tables. */
export interface ReplicadTablesOptions {
  readonly log: Log;
  /** This worker's own, of loads: its control socket with `.load` behind it. */
  readonly loadPath: string;
  /** replicad's control socket, and whether somebody said that it is there; null for no replicad. */
  readonly replicad: { readonly socket: string; readonly expected: boolean } | null;
}

/** Both for one worker. Neither is needed for traffic: without them the worker selects by what it sees itself. */
export class ReplicadTables {
  /** Null when the file could not be made. */
  readonly loads: LoadWriter | null;
  readonly reports: ReplicaReports | null;
  readonly #options: ReplicadTablesOptions;
  readonly #reactor: Reactor;
  readonly #beat = new Timer(() => this.#beats());
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #loadsFault = "";
  #reportsFault = "";

  constructor(reactor: Reactor, options: ReplicadTablesOptions) {
    const { log, loadPath, replicad } = options;
    this.#reactor = reactor;
    this.#options = options;
    this.loads = this.#create(loadPath);
    const onRefused = (why: string): void => {
      this.#reportsFault = why;
      log.warn("replicad's reports cannot be read", { why });
    };
    this.reports = replicad && new ReplicaReports({ path: `${replicad.socket}.reports`, open: ReportReader.open, onRefused });
    this.#beats();
  }

  get state(): ReportState {
    return this.reports?.state(clockMs()) ?? "none";
  }

  /** Why replicas are not selected by all that could be known, a sentence each. */
  get degraded(): readonly string[] {
    const reasons = this.#loadsFault === "" ? [] : [`replicad cannot see this node's requests: ${this.#loadsFault}`];
    const { replicad } = this.#options;
    const { state } = this;
    if (replicad === null || state === "fresh") return reasons;
    const { socket, expected } = replicad;
    const own = "replicas are selected by what this nicd sees itself";
    if (state === "stale") reasons.push(`replicad at ${socket} has not written its reports for a second: ${own}`);
    else if (this.#reportsFault !== "") reasons.push(`replicad's reports cannot be read (${this.#reportsFault}): ${own}`);
    else if (expected) reasons.push(`there is no replicad at ${socket}: ${own}; start it, or say --replicad off`);
    return reasons;
  }

  close(): void {
    this.#reactor.timers.disarm(this.#beat);
    this.loads?.close();
    this.reports?.close();
  }

  #create(path: string): LoadWriter | null {
    try {
      return LoadWriter.create(path);
    } catch (error) {
      this.#loadsFault = (error as Error).message;
      this.#options.log.warn("loads are not told to replicad", { why: this.#loadsFault });
      return null;
    }
  }

  #beats(): void {
    const nowMs = clockMs();
    this.loads?.beat(nowMs);
    if (nowMs - this.#lookedAtMs >= lookMs) {
      this.#lookedAtMs = nowMs;
      this.reports?.look(nowMs);
    }
    this.#reactor.timers.arm(this.#beat, beatMs);
  }
}
