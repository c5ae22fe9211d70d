/** Keeps the overrides of all nodes the same through the broker, also when a node or the broker was away. @module */
import { encodeOverride, type Override } from "./override.ts";
import type { Overrides } from "./overrides.ts";

/** What carries overrides: `MqttBus`. */
export interface OverrideBus {
  /** Resolves to why the broker has it not; null when it has. Empty bytes delete. */
  readonly publishOverride: (key: string, bytes: Buffer) => Promise<string | null>;
}

/** Who tells whom. */
export interface OverrideExchangeOptions {
  readonly overrides: Overrides;
  readonly node: string;
  /** Milliseconds since 1970 by the wall clock, which operators' watches agree with. */
  readonly now: () => number;
  /** How long the broker's retained messages are waited for, milliseconds; 250 unless told. */
  readonly settleMs?: number;
  /** Overrides of other nodes are published again within so long, at random, so that not all nodes do; 1000 unless told. */
  readonly spreadMs?: number;
  /** How long `set` waits for the broker; 2000 unless told. */
  readonly patienceMs?: number;
}

/** Messages on their way at once when everything is published again. */
const batch = 16;
const hourMs = 3_600_000;

/**
 * Compares what is known here with what the broker was heard to have, and publishes what it has not: nothing, or something older. The broker's own
 * copies are heard by subscription, so an override of ours that came to it counts as told whoever brought it.
 *
 * @example
 * ```ts
 * using exchange = new OverrideExchange({ overrides, node, now: Date.now });
 * const onOverride = (key: string, bytes: Buffer) => exchange.heard(key, bytes);
 * exchange.bus = new MqttBus({ …, onOverride, onUp: () => exchange.resync(), onDown: () => exchange.lost() });
 * const { override, untold } = await exchange.set("10.0.0.7:8080", { draining: true });
 * ```
 */
export class OverrideExchange {
  /** Null without a broker. */
  bus: OverrideBus | null = null;
  /** Messages published again as the broker had not what is known here, and those that take-backs left and that were deleted. */
  republished = 0;
  erased = 0;
  readonly #options: Required<OverrideExchangeOptions>;
  /** What the broker is known to have. */
  readonly #told = new Map<string, Override>();
  #timer: NodeJS.Timeout | undefined;
  readonly #hourly: NodeJS.Timeout;
  #ended = false;

  constructor(options: OverrideExchangeOptions) {
    this.#options = { settleMs: 250, spreadMs: 1000, patienceMs: 2000, ...options };
    this.#hourly = setInterval(() => this.#expire(), hourMs).unref();
  }

  /**
   * An operator's word: holds here at once, is kept, and told.
   *
   * @returns Why others do not know yet; they will once the broker is there.
   * @throws {MitsuError} As `Overrides.set`, with nothing changed; `ERR_OVERRIDES_SAVE` when it holds but would not survive a restart.
   */
  async set(
    key: string,
    change: { readonly draining?: boolean | undefined; readonly weight?: number | null | undefined },
  ): Promise<{ readonly override: Override; readonly untold: string | null }> {
    const { overrides, node, now, patienceMs } = this.#options;
    const override = overrides.set(key, change, node, now());
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(() => late.resolve(`the broker has not taken it within ${patienceMs} ms`), patienceMs);
    const [untold] = await Promise.all([Promise.race([this.#publish(override), late.promise]), overrides.saved()]).finally(() =>
      clearTimeout(timer),
    );
    return { override, untold };
  }

  /** A message of a replica's topic came. */
  heard(key: string, bytes: Uint8Array): void {
    const { overrides, now } = this.#options;
    if (bytes.length === 0) {
      // It has no time and so takes nothing back: the broker forgot, or somebody deleted what was taken back long ago.
      this.#told.delete(key);
      if (overrides.kept(key) !== undefined) this.#schedule();
      return;
    }
    const refusal = overrides.receive(key, bytes, now());
    if (refusal === null) this.#told.set(key, overrides.kept(key)!);
    else if (refusal === "expired") this.#erase(key);
    else if (overrides.kept(key) !== undefined) {
      // The broker has something older or broken in place of ours.
      this.#told.delete(key);
      this.#schedule();
    }
  }

  /** A connection was made: what the broker has is heard now. */
  resync(): void {
    this.#schedule();
  }

  /** It was lost: when it is back, the broker may have forgotten. Not in {@link resync}, as the first retained messages come before that. */
  lost(): void {
    this.#told.clear();
  }

  /** Keys that the broker does not have as they are known here. */
  untold(): readonly string[] {
    const { overrides } = this.#options;
    return [...overrides.keys()].filter((key) => this.#told.get(key) !== overrides.kept(key));
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearInterval(this.#hourly);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#ended) return;
    this.#timer = setTimeout(() => void this.#settle(), this.#options.settleMs);
  }

  /** Own ones at first; what others did not bring by then, after a while. */
  async #settle(): Promise<void> {
    const { node, spreadMs } = this.#options;
    this.#expire();
    await this.#republish((override) => override.by === node);
    if (this.#ended) return;
    if (this.untold().length === 0) {
      this.#timer = undefined;
      return;
    }
    this.#timer = setTimeout(() => {
      // From here on what is heard needs another round.
      this.#timer = undefined;
      void this.#republish(() => true);
    }, Math.random() * spreadMs);
  }

  async #republish(which: (override: Override) => boolean): Promise<void> {
    const { overrides } = this.#options;
    const todo = this.untold().filter((key) => which(overrides.kept(key)!));
    for (let from = 0; from < todo.length && !this.#ended; from += batch) {
      const results = await Promise.all(
        todo.slice(from, from + batch).map((key) => {
          const override = overrides.kept(key);
          if (override === undefined || this.#told.get(key) === override) return null;
          this.republished++;
          return this.#publish(override);
        }),
      );
      // The broker went: its return begins anew.
      if (results.some((reason) => reason !== null)) return;
    }
  }

  async #publish(override: Override): Promise<string | null> {
    if (this.bus === null) return "there is no broker";
    const reason = await this.bus.publishOverride(override.key, encodeOverride(override));
    if (reason === null && this.#options.overrides.kept(override.key) === override) this.#told.set(override.key, override);
    return reason;
  }

  #expire(): void {
    for (const key of this.#options.overrides.expire(this.#options.now())) this.#erase(key);
  }

  #erase(key: string): void {
    this.#told.delete(key);
    this.erased++;
    void this.bus?.publishOverride(key, Buffer.alloc(0));
  }
}
