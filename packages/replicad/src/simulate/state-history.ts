/** What one server's state was, so that a broadcast can be read when somebody looks, and costs no event. @module */

/** States and since when they hold, as far back as the horizon. */
export class StateHistory {
  readonly #horizonMs: number;
  readonly #lostAtMs: number;
  #sinceMs = new Float64Array(16).fill(Number.NEGATIVE_INFINITY);
  #inFlight = new Int32Array(16);
  #serviceMs = new Float64Array(16);
  #latencyMs = new Float64Array(16);
  #last = 0;

  /**
   * @param horizonMs How old a state may be that is asked for.
   * @param lostAtMs From then on those who ask have nothing newer: what was to be had at that time stays.
   */
  constructor(horizonMs: number, lostAtMs: number = Number.POSITIVE_INFINITY) {
    this.#horizonMs = horizonMs;
    this.#lostAtMs = lostAtMs;
  }

  push(nowMs: number, inFlight: number, serviceMs: number, latencyMs: number): void {
    const size = this.#sinceMs.length;
    const oldest = (this.#last + 2) & (size - 1);
    if (this.#sinceMs[oldest]! > Math.min(nowMs, this.#lostAtMs) - this.#horizonMs) this.#grow();
    this.#last = (this.#last + 1) & (this.#sinceMs.length - 1);
    this.#sinceMs[this.#last] = nowMs;
    this.#inFlight[this.#last] = inFlight;
    this.#serviceMs[this.#last] = serviceMs;
    this.#latencyMs[this.#last] = latencyMs;
  }

  /** The place of the state at a time; for {@link inFlight} and the others, until the next push. */
  at(timeMs: number): number {
    const mask = this.#sinceMs.length - 1;
    let place = this.#last;
    while (this.#sinceMs[place]! > timeMs) place = (place - 1) & mask;
    return place;
  }

  /** When that state began; −∞ before the first push. */
  sinceMs(place: number): number {
    return this.#sinceMs[place]!;
  }

  /** When the state before that one began; −∞ when that is forgotten. */
  beforeMs(place: number): number {
    const before = this.#sinceMs[(place - 1) & (this.#sinceMs.length - 1)]!;
    return before <= this.#sinceMs[place]! ? before : Number.NEGATIVE_INFINITY;
  }

  inFlight(place: number): number {
    return this.#inFlight[place]!;
  }

  serviceMs(place: number): number {
    return this.#serviceMs[place]!;
  }

  latencyMs(place: number): number {
    return this.#latencyMs[place]!;
  }

  #grow(): void {
    const size = this.#sinceMs.length;
    const since = new Float64Array(2 * size).fill(Number.NEGATIVE_INFINITY);
    const inFlight = new Int32Array(2 * size);
    const service = new Float64Array(2 * size);
    const latency = new Float64Array(2 * size);
    for (let i = 0; i < size; i++) {
      // Oldest first.
      const from = (this.#last + 1 + i) & (size - 1);
      since[i] = this.#sinceMs[from]!;
      inFlight[i] = this.#inFlight[from]!;
      service[i] = this.#serviceMs[from]!;
      latency[i] = this.#latencyMs[from]!;
    }
    this.#sinceMs = since;
    this.#inFlight = inFlight;
    this.#serviceMs = service;
    this.#latencyMs = latency;
    this.#last = size - 1;
  }
}
