/** How often a cgroup with a CPU limit was throttled. [Documentation/scheduler/sched-bwc.rst] @module */
import { KeptFile, label } from "./kept-file.ts";

const periods = label("nr_periods ");
const throttled = label("nr_throttled ");
/** Weight of one period, 100 ms unless set otherwise, in the smoothed share. */
const periodWeight = 0.2;
/** A cgroup in which nothing runs has no periods; each of these, the usual length, then counts as one without throttling. */
const idlePeriodMs = 100;

/** Reads `cpu.stat`, of version 1 or 2: both have these two counts. */
export class CgroupCpu {
  /** Smoothed share of periods in which it was throttled, 0 to 1; 0 without a limit, NaN when not known. */
  throttledShare: number = Number.NaN;
  readonly #file: KeptFile;
  #periods = Number.NaN;
  #throttled = Number.NaN;
  /** Up to when periods were counted, or passed without anything to run. */
  #countedAtMs = Number.NaN;
  #fieldless = false;

  constructor(path: string) {
    this.#file = new KeptFile(path, 1024);
  }

  sample(nowMs: number): void {
    if (this.#file.read(nowMs) === 0) {
      this.throttledShare = this.#periods = Number.NaN;
      return;
    }
    const { scan } = this.#file;
    const all = scan.past(periods) ? scan.decimal() : Number.NaN;
    const held = scan.past(throttled) ? scan.decimal() : Number.NaN;
    this.#fieldless = Number.isNaN(held);
    if (Number.isNaN(this.#periods)) {
      this.throttledShare = Number.isNaN(held) ? Number.NaN : 0;
      this.#countedAtMs = nowMs;
    } else if (all > this.#periods) {
      const keep = (1 - periodWeight) ** (all - this.#periods);
      const share = Math.min(1, Math.max(0, (held - this.#throttled) / (all - this.#periods)));
      this.throttledShare = this.throttledShare * keep + share * (1 - keep);
      this.#countedAtMs = nowMs;
    } else if (nowMs - this.#countedAtMs >= 2 * idlePeriodMs) {
      // One period may be under way. What was throttled last would be told for ever otherwise.
      this.throttledShare *= 1 - periodWeight;
      this.#countedAtMs += idlePeriodMs;
    }
    this.#periods = all;
    this.#throttled = held;
  }

  degraded(): string | null {
    if (this.#file.missing) return `${this.#file.missing}; throttling is not known`;
    return this.#fieldless ? `${this.#file.path} has no nr_throttled, as its cgroup has no cpu controller; throttling is not known` : null;
  }

  close(): void {
    this.#file.close();
  }
}
