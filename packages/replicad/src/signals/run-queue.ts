/** Tasks that run or wait for a CPU, this instant. [proc_loadavg(5), fourth field] @module */
import { KeptFile } from "./kept-file.ts";

const slash = 0x2f;

/** Reads `/proc/loadavg`, cheaper by far than the sum of `/proc/stat`. */
export class RunQueue {
  /** Without the task that asks; NaN when not known. */
  tasks: number = Number.NaN;
  readonly #file: KeptFile;

  constructor(path = "/proc/loadavg") {
    this.#file = new KeptFile(path, 64);
  }

  sample(nowMs: number): void {
    this.tasks = Number.NaN;
    if (this.#file.read(nowMs) === 0) return;
    const { scan } = this.#file;
    // `0.20 0.18 0.12 1/80 11206`: the number before the slash.
    let at = 0;
    while (at < scan.length && scan.bytes[at] !== slash) at++;
    if (at === scan.length) return;
    while (at > 0 && scan.bytes[at - 1]! >= 0x30 && scan.bytes[at - 1]! <= 0x39) at--;
    scan.at = at;
    this.tasks = Math.max(0, scan.decimal() - 1);
  }

  degraded(): string | null {
    return this.#file.missing && `${this.#file.missing}; the run queue is not known`;
  }

  close(): void {
    this.#file.close();
  }
}
