/** Makes a share of the requests late, on purpose. @module */
import type { Fault } from "@mitsu/catalog";
import { Timer, type Timers } from "@mitsu/reactor/timers";
import { flag, type LiveExchange, type Verdict, verdict } from "../live-exchange.ts";
import type { Filter } from "./filter.ts";

/** Holds the request head back. */
export class FaultDelay implements Filter {
  readonly name = "fault-delay";
  /** Requests held back so far. */
  delayed = 0;
  readonly #delay: NonNullable<Fault["delay"]>;
  readonly #random: () => number;
  readonly #timers: Pick<Timers, "arm" | "disarm">;
  /** By exchange: one that ends early takes its timer with it, so that none fires for another in its place. */
  readonly #running = new Map<number, Timer>();

  constructor(delay: NonNullable<Fault["delay"]>, random: () => number, timers: Pick<Timers, "arm" | "disarm">) {
    this.#delay = delay;
    this.#random = random;
    this.#timers = timers;
  }

  onRequestHead(x: LiveExchange): Verdict {
    if (this.#random() >= this.#delay.share) return verdict.continue;
    this.delayed++;
    x.flag = flag.faultDelay;
    const { id } = x;
    const timer = new Timer(() => {
      this.#running.delete(id);
      x.resume();
    });
    this.#running.set(id, timer);
    this.#timers.arm(timer, this.#delay.ms);
    return verdict.stop;
  }

  onEnd(x: LiveExchange): void {
    if (this.#running.size === 0) return;
    const timer = this.#running.get(x.id);
    if (timer === undefined) return;
    this.#running.delete(x.id);
    this.#timers.disarm(timer);
  }
}
