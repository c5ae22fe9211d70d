/** The clockwork of the bus: samples and sends every millisecond while things change, and lets the CPU sleep while they do not. @module */
import type { Publisher } from "./publisher.ts";
import { idleTickMs, tickDelayMs } from "./tick-delay.ts";

/** What it drives. */
export interface TickerOptions {
  readonly publisher: Publisher;
  /** Reads the signals into the state. */
  readonly sample: (nowMs: number) => void;
  readonly now: () => number;
  /** Between two ticks while something changes, milliseconds; 1 unless told. */
  readonly fastMs?: number;
  /** Between two while nothing does, 10 unless told: a timer of 1 ms takes 2 % of a core by itself (bench/replica-signals.sh). */
  readonly idleMs?: number;
}

/**
 * Ticks until it is disposed.
 *
 * @example
 * ```ts
 * using ticker = new Ticker({ publisher, sample: (nowMs) => signals.sample(state, nowMs), now });
 * replicas.onSample = () => ticker.poke();
 * ```
 */
export class Ticker {
  ticks = 0;
  readonly #options: Required<TickerOptions>;
  #timer: NodeJS.Timeout;
  #delayMs: number;
  #ended = false;
  #pokedAtMs: number = Number.NEGATIVE_INFINITY;

  constructor(options: TickerOptions) {
    this.#options = { fastMs: 1, idleMs: idleTickMs, ...options };
    this.#delayMs = this.#options.fastMs;
    this.#timer = setTimeout(() => this.#tick(), this.#delayMs);
  }

  /**
   * Something changed that no timer need find: it is sampled and sent now or, sooner than fastMs after the last message, once that is over.
   * A storm of pokes is one tick in fastMs.
   */
  poke(): void {
    if (this.#ended) return;
    const { now, fastMs } = this.#options;
    const nowMs = now();
    if (nowMs - this.#pokedAtMs < fastMs) {
      this.#soon();
      return;
    }
    this.#pokedAtMs = nowMs;
    const { sent } = this.#options.publisher;
    this.#tick();
    // What it told of may still wait for its turn.
    if (this.#options.publisher.sent === sent) this.#soon();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #tick(): void {
    const { publisher, sample, now, fastMs, idleMs } = this.#options;
    const nowMs = now();
    this.ticks++;
    sample(nowMs);
    publisher.tick(nowMs);
    if (this.#ended) return;
    this.#wait(tickDelayMs(publisher.intervalMs, fastMs, idleMs));
  }

  /** The next tick is no later than fastMs from now. */
  #soon(): void {
    if (!this.#ended && this.#delayMs > this.#options.fastMs) this.#wait(this.#options.fastMs);
  }

  #wait(delayMs: number): void {
    if (delayMs === this.#delayMs) {
      // The same timer again, so that a thousand a second are no garbage.
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#delayMs = delayMs;
    this.#timer = setTimeout(() => this.#tick(), delayMs);
  }
}
