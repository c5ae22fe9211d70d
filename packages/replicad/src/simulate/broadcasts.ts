/** What servers tell through the broker, made when somebody looks. @module */
import type { Report } from "@mitsu/selector";
import { place, type SeededDraws } from "./seeded-draws.ts";
import type { Servers } from "./servers.ts";
import type { Feedback, Setting } from "./setting.ts";

/** Each server's messages: one each interval, from a moment of its own on. */
export class Broadcasts {
  readonly #feedback: Feedback;
  readonly #servers: Servers;
  readonly #phaseMs: Float64Array;
  /** The last time that each server was down: it says nothing then. */
  readonly #downFromMs: Float64Array;
  readonly #downToMs: Float64Array;
  /** When all clients know that the server refused one; Infinity while it refused none. */
  readonly #refusedMs: Float64Array;
  readonly #readMs: Float64Array;
  readonly #reports: readonly Said[];

  constructor({ feedback, servers: count }: Setting, servers: Servers, draws: SeededDraws) {
    this.#feedback = feedback;
    this.#servers = servers;
    this.#phaseMs = Float64Array.from({ length: count }, (_, server) => draws.at(server, place.phase).uniform() * feedback.intervalMs);
    this.#downFromMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.#downToMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.#refusedMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.#readMs = new Float64Array(count).fill(Number.NaN);
    this.#reports = Array.from({ length: count }, () => ({ inFlight: 0, latencyMs: 0, serviceMs: 0, workers: 0 }));
  }

  /** When the last message of a server was made that every client has; −∞ before the first. */
  latestMs(server: number, nowMs: number): number {
    const { intervalMs, quietMs, delayMs, lostAtMs } = this.#feedback;
    if (intervalMs === Number.POSITIVE_INFINITY) return Number.NEGATIVE_INFINITY;
    const phase = this.#phaseMs[server]!;
    let number = Math.floor((Math.min(nowMs - delayMs, lostAtMs) - phase) / intervalMs);
    const atMs = phase + number * intervalMs;
    const down = this.#downFromMs[server]!;
    if (atMs >= down && atMs < this.#downToMs[server]!) number = Math.ceil((down - phase) / intervalMs) - 1;
    if (number < 0) return Number.NEGATIVE_INFINITY;
    if (quietMs > 0) {
      const { history } = this.#servers;
      const changedMs = history[server]!.sinceMs(history[server]!.at(phase + number * intervalMs));
      const told = Math.max(0, Math.ceil((changedMs - phase) / intervalMs));
      const apart = Math.max(1, Math.round(quietMs / intervalMs));
      number = told + Math.floor((number - told) / apart) * apart;
    }
    return phase + number * intervalMs;
  }

  /** What a server said in the message that was made then; the same object each time. */
  read(server: number, atMs: number): Report {
    const said = this.#reports[server]!;
    // All clients read the same message, so it is mostly there.
    if (this.#readMs[server] === atMs) return said;
    this.#readMs[server] = atMs;
    const history = this.#servers.history[server]!;
    const at = history.at(atMs);
    said.inFlight = history.inFlight(at);
    said.serviceMs = history.serviceMs(at);
    return said;
  }

  /** Whether every client knows now that the server refuses. */
  refuses(server: number, nowMs: number): boolean {
    return nowMs >= this.#refusedMs[server]!;
  }

  /** A client was refused. */
  refused(server: number, nowMs: number): void {
    if (nowMs < this.#feedback.lostAtMs) this.#refusedMs[server] = Math.min(this.#refusedMs[server]!, nowMs + this.#feedback.failureMs);
  }

  down(server: number, fromMs: number): void {
    this.#downFromMs[server] = fromMs;
    this.#downToMs[server] = Number.POSITIVE_INFINITY;
  }

  up(server: number, fromMs: number): void {
    this.#downToMs[server] = fromMs;
    this.#refusedMs[server] = Number.POSITIVE_INFINITY;
  }
}

/** A {@link Report} that is written again and again. */
interface Said extends Report {
  inFlight: number;
  latencyMs: number;
  serviceMs: number;
}
