/** The probes that a Prequal client holds. @module */
import type { Candidate, Report } from "../candidate.ts";

/** What one replica said to a probe, and how often that may still be used. */
export interface Probe {
  candidate: Candidate;
  atMs: number;
  /** Requests in flight there, and one more for each that was sent there by this probe. */
  inFlight: number;
  latencyMs: number;
  uses: number;
}

const remembered = 128;

/**
 * At most `size` probes, one of each replica, in the order they came. What was said of requests in flight is remembered for the last 128 probes, of which a
 * quantile divides hot from cold. [Wydrowski et al., "Load is not what you should balance: Introducing Prequal", NSDI '24, §4]
 */
export class ProbePool {
  readonly probes: Probe[] = [];
  readonly #size: number;
  readonly #spare: Probe[] = [];
  readonly #recent = new Float64Array(remembered);
  readonly #sorted = new Float64Array(remembered);
  #seen = 0;
  #worstNext = false;

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes in an answer, in place of an older one of the same replica, or else of the oldest of all where the pool is full. */
  add(candidate: Candidate, atMs: number, report: Report, uses: number): void {
    this.#remember(report.inFlight);
    for (let i = 0; i < this.probes.length; i++) if (this.probes[i]!.candidate.key === candidate.key) this.#removeAt(i--);
    if (this.probes.length >= this.#size) this.#removeAt(0);
    const probe = this.#spare.pop() ?? { candidate, atMs: 0, inFlight: 0, latencyMs: 0, uses: 0 };
    probe.candidate = candidate;
    probe.atMs = atMs;
    probe.inFlight = report.inFlight;
    probe.latencyMs = report.latencyMs;
    probe.uses = uses;
    this.probes.push(probe);
  }

  /** Takes out what is older than `fromMs`. */
  expire(fromMs: number): void {
    while (this.probes.length > 0 && this.probes[0]!.atMs < fromMs) this.#removeAt(0);
  }

  /** Requests in flight above which a replica is hot: the `quantile` of those that the last probes told. */
  limit(quantile: number): number {
    const n = Math.min(this.#seen, remembered);
    return n === 0 ? Number.POSITIVE_INFINITY : this.#sorted[Math.min(n - 1, Math.floor(quantile * n))]!;
  }

  /** The lowest latency among the cold, else the fewest in flight; −1 of none. Hot-cold lexicographic, §4. */
  best(limit: number): number {
    let best = -1;
    for (let i = 0; i < this.probes.length; i++) if (best < 0 || this.#better(this.probes[i]!, this.probes[best]!, limit)) best = i;
    return best;
  }

  /** A request goes by this probe: the replica has one more, and the probe one use less. */
  use(index: number): void {
    const probe = this.probes[index]!;
    probe.inFlight++;
    if (--probe.uses <= 0) this.#removeAt(index);
  }

  /** Takes out one probe: in turn the oldest, which is stale, and the worst, which would stay for ever as nobody uses it. */
  removeOne(limit: number): void {
    if (this.probes.length === 0) return;
    let index = 0;
    if (this.#worstNext)
      for (let i = 1; i < this.probes.length; i++) if (this.#better(this.probes[index]!, this.probes[i]!, limit)) index = i;
    this.#worstNext = !this.#worstNext;
    this.#removeAt(index);
  }

  #better(one: Probe, other: Probe, limit: number): boolean {
    const hot = one.inFlight > limit;
    if (hot !== other.inFlight > limit) return !hot;
    return hot ? one.inFlight < other.inFlight : one.latencyMs < other.latencyMs;
  }

  #removeAt(index: number): void {
    this.#spare.push(this.probes[index]!);
    this.probes.copyWithin(index, index + 1);
    this.probes.length--;
  }

  #remember(inFlight: number): void {
    const n = Math.min(this.#seen, remembered);
    const place = this.#seen++ % remembered;
    let length = n;
    if (n === remembered) {
      const gone = this.#find(this.#recent[place]!, n);
      this.#sorted.copyWithin(gone, gone + 1, n);
      length = n - 1;
    }
    this.#recent[place] = inFlight;
    const to = this.#find(inFlight, length);
    this.#sorted.copyWithin(to + 1, to, length);
    this.#sorted[to] = inFlight;
  }

  /** The first place in the sorted ones whose value is not below. */
  #find(value: number, length: number): number {
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
