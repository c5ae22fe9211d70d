/** Packets that wait for softirqs, and those that did not get that far. [net/core/net-procfs.c, softnet_seq_show] @module */
import { KeptFile } from "./kept-file.ts";

/** Column of `softnet_backlog_len`, since Linux 5.10. */
const backlogColumn = 11;

/** Reads `/proc/net/softnet_stat`, one line of hexadecimal columns a CPU, and drop counters of devices. */
export class NicQueue {
  /** Packets in all CPUs' backlogs; NaN when not known. */
  waiting: number = Number.NaN;
  /** Dropped from full backlogs and by devices, and softirqs that ran out of budget, a second; NaN before the second sample. */
  dropsPerS: number = Number.NaN;
  squeezesPerS: number = Number.NaN;
  readonly #softnet: KeptFile;
  readonly #devices: readonly KeptFile[];
  #drops = Number.NaN;
  #squeezes = Number.NaN;
  #atMs = Number.NaN;

  /** `devices` are counters such as `/sys/class/net/eth0/statistics/rx_dropped`. */
  constructor(path = "/proc/net/softnet_stat", devices: readonly string[] = []) {
    this.#softnet = new KeptFile(path, 64 * 1024);
    this.#devices = devices.map((one) => new KeptFile(one, 32));
  }

  sample(nowMs: number): void {
    if (this.#softnet.read(nowMs) === 0) {
      this.waiting = this.dropsPerS = this.squeezesPerS = this.#atMs = Number.NaN;
      return;
    }
    const { scan } = this.#softnet;
    let waiting = 0;
    let drops = 0;
    let squeezes = 0;
    do {
      scan.hex();
      drops += scan.hex();
      squeezes += scan.hex();
      let backlog = Number.NaN;
      for (let column = 3; column <= backlogColumn; column++) backlog = scan.hex();
      waiting += backlog;
    } while (scan.nextLine());
    for (let index = 0; index < this.#devices.length; index++) {
      const device = this.#devices[index]!;
      if (device.read(nowMs) > 0) drops += device.scan.decimal();
    }
    this.waiting = waiting;
    const spanMs = nowMs - this.#atMs;
    // Rates over less would jump from nothing to hundreds with one packet.
    if (spanMs < 100) return;
    if (spanMs > 0) {
      this.dropsPerS = Math.max(0, ((drops - this.#drops) * 1000) / spanMs);
      this.squeezesPerS = Math.max(0, ((squeezes - this.#squeezes) * 1000) / spanMs);
    }
    this.#drops = drops;
    this.#squeezes = squeezes;
    this.#atMs = nowMs;
  }

  degraded(): string | null {
    const missing = this.#softnet.missing ?? this.#devices.find((device) => device.missing)?.missing ?? null;
    return missing && `${missing}; the NIC's queue is not wholly known`;
  }

  close(): void {
    this.#softnet.close();
    for (const device of this.#devices) device.close();
  }
}
