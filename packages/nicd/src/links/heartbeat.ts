/** PINGs on an HTTP/2 session: how far the other end is, and whether it is there at all. @module */
import type { Http2Session } from "node:http2";
import type { LinkClock } from "./link-clock.ts";
import type { LinkLimits } from "./link-limits.ts";

/** Sends a PING at once, then one each `pingMs` after the answer; one that is not answered in time ends the beat. */
export class Heartbeat {
  /** Of the last answered PING, milliseconds; null before the first. */
  rttMs: number | null = null;
  readonly #session: Http2Session;
  readonly #limits: LinkLimits;
  readonly #clock: LinkClock;
  readonly #dead: () => void;
  #cancel: () => void = () => {};

  /** @param dead - Called once when a PING was not answered. */
  constructor(session: Http2Session, limits: LinkLimits, clock: LinkClock, dead: () => void) {
    this.#session = session;
    this.#limits = limits;
    this.#clock = clock;
    this.#dead = dead;
    this.#beat();
  }

  stop(): void {
    this.#cancel();
  }

  #beat(): void {
    if (this.#session.destroyed) return;
    this.#cancel = this.#clock.after(this.#limits.pingDeadlineMs, () => this.#dead());
    this.#session.ping((error, durationMs) => {
      this.#cancel();
      // The session was closed meanwhile: it tells so itself.
      if (error !== null) return;
      this.rttMs = durationMs;
      this.#cancel = this.#clock.after(this.#limits.pingMs, () => this.#beat());
    });
  }
}
