/** Counts what happens in a run, and makes its outcome. @module */
import type { Outcome } from "./outcome.ts";
import type { Setting } from "./setting.ts";

/** Requests to one server are counted in windows of this length where nothing is broadcast. */
const windowWithoutFeedbackMs = 10;
/** By when all clients should leave a dead server alone. */
const knownWithinMs = 100;

/** What is counted between the end of the warm-up and the end of the run. */
export class Tally {
  events = 0;
  probes = 0;
  retries = 0;
  readonly #setting: Setting;
  readonly #windowMs: number;
  #latencies = new Float64Array(4096);
  #answers = 0;
  #failures = 0;
  #arrivals = 0;
  #inTime = 0;
  #sentToDead = 0;
  readonly #firstFailureMs: Float64Array;
  /** Per server: requests, those of the present window, the window, and squares of full windows. */
  readonly #sent: Int32Array;
  readonly #inWindow: Int32Array;
  readonly #window: Float64Array;
  readonly #squares: Float64Array;
  #inSystem = 0;
  #changedMs = 0;
  #area = 0;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#windowMs = Number.isFinite(setting.feedback.intervalMs) ? setting.feedback.intervalMs : windowWithoutFeedbackMs;
    this.#firstFailureMs = new Float64Array(setting.servers).fill(Number.POSITIVE_INFINITY);
    this.#sent = new Int32Array(setting.servers);
    this.#inWindow = new Int32Array(setting.servers);
    this.#window = new Float64Array(setting.servers).fill(-1);
    this.#squares = new Float64Array(setting.servers);
  }

  arrived(nowMs: number): void {
    this.#advance(nowMs);
    this.#inSystem++;
    if (nowMs >= this.#setting.warmUpMs) this.#arrivals++;
  }

  sent(server: number, nowMs: number): void {
    if (nowMs > this.#firstFailureMs[server]! + knownWithinMs) this.#sentToDead++;
    if (nowMs < this.#setting.warmUpMs || nowMs >= this.#setting.durationMs) return;
    this.#sent[server]!++;
    const window = Math.floor((nowMs - this.#setting.warmUpMs) / this.#windowMs);
    if (window !== this.#window[server]) {
      this.#squares[server]! += this.#inWindow[server]! ** 2;
      this.#inWindow[server] = 0;
      this.#window[server] = window;
    }
    this.#inWindow[server]!++;
  }

  /** A try failed, and its client knows. */
  failedTry(server: number, up: boolean, nowMs: number): void {
    if (!up) this.#firstFailureMs[server] = Math.min(this.#firstFailureMs[server]!, nowMs);
  }

  recovered(server: number): void {
    this.#firstFailureMs[server] = Number.POSITIVE_INFINITY;
  }

  over(arrivedMs: number, nowMs: number, ok: boolean): void {
    this.#advance(nowMs);
    this.#inSystem--;
    if (ok && nowMs >= this.#setting.warmUpMs && nowMs < this.#setting.durationMs) this.#inTime++;
    if (arrivedMs < this.#setting.warmUpMs) return;
    if (!ok) {
      this.#failures++;
      return;
    }
    if (this.#answers === this.#latencies.length) {
      const grown = new Float64Array(2 * this.#answers);
      grown.set(this.#latencies);
      this.#latencies = grown;
    }
    this.#latencies[this.#answers++] = nowMs - arrivedMs;
  }

  outcome(offeredPerMs: number): Outcome {
    const { durationMs, warmUpMs, selector, load } = this.#setting;
    const spanMs = durationMs - warmUpMs;
    const sorted = this.#latencies.subarray(0, this.#answers).sort();
    const at = (share: number): number => sorted[Math.min(this.#answers - 1, Math.floor(share * this.#answers))]!;
    let sum = 0;
    for (let i = 0; i < this.#answers; i++) sum += sorted[i]!;
    const total = this.#sent.reduce((one, other) => one + other, 0);
    const windows = Math.max(1, Math.floor(spanMs / this.#windowMs));
    let variance = 0;
    for (let server = 0; server < this.#sent.length; server++) {
      const squares = this.#squares[server]! + this.#inWindow[server]! ** 2;
      variance += squares / windows - (this.#sent[server]! / windows) ** 2;
    }
    return {
      selector,
      load,
      offeredPerSecond: offeredPerMs * 1000,
      requests: this.#arrivals,
      responseMs:
        this.#answers === 0
          ? null
          : { mean: sum / this.#answers, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), most: sorted[this.#answers - 1]! },
      throughputPerSecond: (this.#inTime / spanMs) * 1000,
      failures: this.#failures,
      retries: this.retries,
      shares: Array.from(this.#sent, (one) => (total === 0 ? 0 : one / total)),
      herd: total === 0 ? 0 : variance / (total / windows),
      inFlight: this.#area / spanMs,
      probes: this.probes,
      sentToDead: this.#sentToDead,
      events: this.events,
    };
  }

  /** Adds to the area under the number in the system, by Little's law arrivals × time. */
  #advance(nowMs: number): void {
    const from = Math.max(this.#changedMs, this.#setting.warmUpMs);
    const to = Math.min(nowMs, this.#setting.durationMs);
    if (to > from) this.#area += (to - from) * this.#inSystem;
    this.#changedMs = nowMs;
  }
}
