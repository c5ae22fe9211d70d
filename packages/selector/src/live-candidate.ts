/** What a program that sends requests keeps of one replica. @module */
import type { Answer, Candidate, Report } from "./candidate.ts";

const ringSlots = 128;
const slotMs = 0.5;

/** Parameters of a {@link LiveCandidate}. */
export interface LiveCandidateOptions {
  /** 100 unless told, as in the kernel's map; 0 drains. */
  readonly weight?: number;
  readonly here?: boolean;
  readonly workers?: number;
  /** Time constant of the smoothed latency and of the share of failures; 1000 unless told. */
  readonly smoothingMs?: number;
  /** Time after which what was seen of a replica that is not asked any more has lost 63 % of its say; 10 000 unless told. [Finagle's peak EWMA] */
  readonly forgetMs?: number;
  /** What a failure counts as where no success was seen yet, before {@link failureFactor}; 30 unless told. [Finagle's default RTT] */
  readonly typicalMs?: number;
}

/** A failure counts as this many times the typical latency: a fast failure is not a fast replica. */
export const failureFactor = 10;

/** A report's time may be this far ahead, as clocks of nodes are compared by estimate; it then counts as true now. */
export const futureToleranceMs = 5;

/**
 * Everything known of one replica, in bounded memory: 256 bytes of send times, by which it tells how many of the requests in flight a late report cannot know of.
 * Send times are kept in slots of 0.5 ms for 64 ms, so `sentSince` may count what was sent up to 0.5 ms before the report; of a report that is
 * later than 64 ms it may count what was sent up to that much before. A clock that goes back stands still until it has caught up.
 *
 * @example
 * ```ts
 * const replica = new LiveCandidate("10.0.0.7:8080", { workers: 4 });
 * const sentAtMs = replica.begin(performance.now());
 * replica.end(performance.now(), { latencyMs: 3.1, ok: true, report: null }, sentAtMs);
 * ```
 */
export class LiveCandidate implements Candidate {
  readonly key: string;
  weight: number;
  here: boolean;
  workers: number;
  inFlight = 0;
  sentSince = 0;
  reportedInFlight = 0;
  reportedServiceMs = 0;
  reportedAtMs: number = Number.NEGATIVE_INFINITY;
  latencyMs = 0;
  ramp = 1;
  failures = 0;
  /** Reports refused as older than the last one, from the future, or garbled. */
  refused = 0;
  /** Answers without a request, and times that went back. */
  oddities = 0;
  readonly #smoothingMs: number;
  readonly #forgetMs: number;
  readonly #typicalMs: number;
  readonly #slots = new Uint16Array(ringSlots);
  /** The slot that holds the present; the ring reaches `ringSlots − 1` further back. */
  #head = 0;
  /** The first slot that the last report cannot know of. */
  #mark = 0;
  /** In flight, after the mark, but sent before the ring begins. */
  #beyond = 0;
  #nowMs = Number.NEGATIVE_INFINITY;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #agedAtMs = Number.NEGATIVE_INFINITY;
  #successMs = 0;

  constructor(key: string, options: LiveCandidateOptions = {}) {
    this.key = key;
    this.weight = options.weight ?? 100;
    this.here = options.here ?? false;
    this.workers = options.workers ?? 1;
    this.#smoothingMs = options.smoothingMs ?? 1000;
    this.#forgetMs = options.forgetMs ?? 10_000;
    this.#typicalMs = options.typicalMs ?? 30;
  }

  /** A request is sent now; returns when, for {@link end}. */
  begin(nowMs: number): number {
    const at = this.#advance(nowMs);
    this.inFlight++;
    this.sentSince++;
    if (this.#slots[this.#head % ringSlots]! < 0xffff) this.#slots[this.#head % ringSlots]!++;
    return at;
  }

  /** A request came to its end; `sentAtMs` is what {@link begin} returned, by the latency when it is left out. */
  end(nowMs: number, answer: Answer, sentAtMs: number = nowMs - answer.latencyMs): void {
    const now = this.#advance(nowMs);
    this.#gone(sentAtMs);
    this.#learn(now, answer);
    if (answer.report !== null) this.report(now, answer.report, now);
  }

  /** A request is in flight no more, and that says nothing of the replica: nobody waits for its answer. */
  cancel(nowMs: number, sentAtMs: number): void {
    this.#advance(nowMs);
    this.#gone(sentAtMs);
  }

  /**
   * The replica said this of itself, and it was true at `atMs`. False when it was refused: older than the last one, garbled, or, where `nowMs`
   * is given, from the future. A report of the same time as the last is a repetition, and refused as well.
   */
  report(atMs: number, report: Report, nowMs: number = Number.POSITIVE_INFINITY): boolean {
    const sound =
      report.inFlight >= 0 &&
      report.inFlight < 1e9 &&
      report.serviceMs >= 0 &&
      report.serviceMs < 1e9 &&
      report.workers >= 0 &&
      report.workers < 1e9 &&
      Number.isFinite(atMs);
    if (!sound || atMs <= this.reportedAtMs || atMs > nowMs + futureToleranceMs) {
      this.refused++;
      return false;
    }
    const at = Math.min(atMs, nowMs);
    if (at <= this.reportedAtMs) {
      this.refused++;
      return false;
    }
    this.reportedAtMs = at;
    this.reportedInFlight = report.inFlight;
    if (report.serviceMs > 0) this.reportedServiceMs = report.serviceMs;
    if (report.workers > 0) this.workers = report.workers;
    this.#moveMark(Math.floor(at / slotMs));
    return true;
  }

  /** Lets what was seen of a replica that is not asked any more fade, so that it gets another try. */
  age(nowMs: number): void {
    const now = this.#advance(nowMs);
    const since = Math.max(this.#agedAtMs, this.#answeredAtMs + this.#smoothingMs);
    if (this.latencyMs === 0 || now <= since) return;
    const keep = Math.exp((since - now) / this.#forgetMs);
    this.#agedAtMs = now;
    this.failures *= keep;
    if (this.latencyMs > this.#successMs) this.latencyMs = this.#successMs + (this.latencyMs - this.#successMs) * keep;
    if (this.failures < 1e-3) this.failures = 0;
  }

  #learn(now: number, answer: Answer): void {
    const known = this.latencyMs > 0;
    const gap = Math.max(0, now - this.#answeredAtMs);
    this.#answeredAtMs = now;
    // At least a hundredth, so that answers of one millisecond are not lost; at most a half, so that no single one decides.
    const part = Math.min(0.5, Math.max(0.01, 1 - Math.exp(-gap / this.#smoothingMs)));
    const own = Math.max(answer.latencyMs, 1e-3);
    if (!Number.isFinite(own)) {
      this.oddities++;
      return;
    }
    if (answer.ok) this.#successMs = this.#successMs === 0 ? own : this.#successMs + part * (own - this.#successMs);
    const cost = answer.ok ? own : Math.max(own, failureFactor * (this.#successMs || this.#typicalMs));
    this.latencyMs = known ? this.latencyMs + part * (cost - this.latencyMs) : cost;
    const share = Math.max(part, 0.1);
    this.failures += share * ((answer.ok ? 0 : 1) - this.failures);
    if (this.failures < 1e-3) this.failures = 0;
  }

  /** Moves the ring on to the present; returns the present. */
  #advance(nowMs: number): number {
    if (!(nowMs >= this.#nowMs)) {
      this.oddities++;
      return this.#nowMs === Number.NEGATIVE_INFINITY ? 0 : this.#nowMs;
    }
    this.#nowMs = nowMs;
    const head = Math.floor(nowMs / slotMs);
    if (head - this.#head > ringSlots) this.#clear(head);
    while (this.#head < head) this.#drop(++this.#head);
    return nowMs;
  }

  /** Everything in the ring is older than it reaches. */
  #clear(head: number): void {
    for (let slot = this.#head - ringSlots + 1; slot <= this.#head; slot++) this.#forgetSlot(slot);
    this.#head = head;
  }

  /** Makes room for slot `next`. */
  #drop(next: number): void {
    this.#forgetSlot(next - ringSlots);
  }

  #forgetSlot(slot: number): void {
    const index = ((slot % ringSlots) + ringSlots) % ringSlots;
    if (slot >= this.#mark) this.#beyond += this.#slots[index]!;
    this.#slots[index] = 0;
  }

  #gone(sentAtMs: number): void {
    if (this.inFlight === 0) {
      this.oddities++;
      return;
    }
    this.inFlight--;
    this.#take(Math.floor(sentAtMs / slotMs));
  }

  /** The request that was sent in `slot` is in flight no more. */
  #take(slot: number): void {
    const since = slot >= this.#mark;
    if (slot > this.#head - ringSlots && slot <= this.#head) {
      const index = ((slot % ringSlots) + ringSlots) % ringSlots;
      if (this.#slots[index]! > 0) {
        this.#slots[index]!--;
        if (since) this.sentSince--;
      }
    } else if (since && this.#beyond > 0) {
      this.#beyond--;
      this.sentSince--;
    }
    if (this.sentSince > this.inFlight) this.sentSince = this.inFlight;
  }

  #moveMark(slot: number): void {
    const begin = this.#head - ringSlots + 1;
    if (slot <= this.#mark) return;
    if (slot >= begin && this.#beyond > 0) {
      this.sentSince -= this.#beyond;
      this.#beyond = 0;
    }
    for (let one = Math.max(this.#mark, begin); one < slot && one <= this.#head; one++)
      this.sentSince -= this.#slots[((one % ringSlots) + ringSlots) % ringSlots]!;
    this.#mark = slot;
    if (this.sentSince < 0) this.sentSince = 0;
  }
}
