/** Pressure stall information: which share of the time tasks waited for CPU, memory or I/O. [Documentation/accounting/psi.rst] @module */
import { KeptFile, label } from "./kept-file.ts";

const some = label("some ");
const full = label("full ");
const total = label("total=");

/**
 * One pressure file, of the machine (`/proc/pressure/cpu`) or a cgroup (`cpu.pressure`). The averages in it are of 10 seconds and more; the totals grow at
 * once, so the share is made of their differences, over at least {@link Psi.windowMs}.
 */
export class Psi {
  /** Shorter differences would be noise. */
  readonly windowMs: number;
  /** 0 to 1; NaN before the second sample, or without the file. */
  someShare: number = Number.NaN;
  fullShare: number = Number.NaN;
  readonly #file: KeptFile;
  #some = Number.NaN;
  #full = Number.NaN;
  #atMs = Number.NaN;

  constructor(path: string, windowMs = 20) {
    this.#file = new KeptFile(path, 256);
    this.windowMs = windowMs;
  }

  sample(nowMs: number): void {
    if (this.#file.read(nowMs) === 0) {
      this.someShare = this.fullShare = this.#atMs = Number.NaN;
      return;
    }
    const { scan } = this.#file;
    const someUs = scan.past(some) && scan.past(total) ? scan.decimal() : Number.NaN;
    // Kernels before 5.13 have no full line for CPU.
    const fullUs = scan.past(full) && scan.past(total) ? scan.decimal() : Number.NaN;
    const spanMs = nowMs - this.#atMs;
    if (spanMs < this.windowMs) return;
    if (spanMs > 0) {
      this.someShare = Math.min(1, Math.max(0, (someUs - this.#some) / (spanMs * 1000)));
      this.fullShare = Math.min(1, Math.max(0, (fullUs - this.#full) / (spanMs * 1000)));
    }
    this.#some = someUs;
    this.#full = fullUs;
    this.#atMs = nowMs;
  }

  degraded(): string | null {
    return this.#file.missing && `${this.#file.missing}; PSI is not known (CONFIG_PSI, psi=1)`;
  }

  close(): void {
    this.#file.close();
  }
}
