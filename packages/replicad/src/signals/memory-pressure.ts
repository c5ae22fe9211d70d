/** Which share of memory is in use: of the machine, or of what a cgroup may have. @module */
import { KeptFile, label } from "./kept-file.ts";

const totalLabel = label("MemTotal:");
const availableLabel = label("MemAvailable:");

/** Reads `/proc/meminfo`, or `memory.current` and `memory.max` of a cgroup. How long tasks waited for memory is PSI's to tell. */
export class MemoryPressure {
  /** 0 to 1; NaN when not known. */
  usedShare: number = Number.NaN;
  readonly #file: KeptFile;
  readonly #limit: KeptFile | null;

  constructor(path = "/proc/meminfo", limitPath: string | null = null) {
    this.#file = new KeptFile(path, 256);
    this.#limit = limitPath === null ? null : new KeptFile(limitPath, 64);
  }

  sample(nowMs: number): void {
    this.usedShare = Number.NaN;
    if (this.#file.read(nowMs) === 0) return;
    const { scan } = this.#file;
    if (this.#limit === null) {
      const total = scan.past(totalLabel) ? scan.decimal() : Number.NaN;
      const available = scan.past(availableLabel) ? scan.decimal() : Number.NaN;
      this.usedShare = Math.min(1, Math.max(0, 1 - available / total));
      return;
    }
    if (this.#limit.read(nowMs) === 0) return;
    const limit = this.#limit.scan.decimal();
    // `max`: without a limit of its own, none of it is used up.
    this.usedShare = Number.isNaN(limit) ? 0 : Math.min(1, scan.decimal() / limit);
  }

  degraded(): string | null {
    const missing = this.#file.missing ?? this.#limit?.missing ?? null;
    return missing && `${missing}; memory in use is not known`;
  }

  close(): void {
    this.#file.close();
    this.#limit?.close();
  }
}
