/** What nodes tell of their servers, through the broker and to their own clients, made when somebody looks. @module */
import type { Report } from "@mitsu/selector";
import { place, type SeededDraws } from "./seeded-draws.ts";
import type { Servers } from "./servers.ts";
import type { Feedback, Setting } from "./setting.ts";

/** A node reads its own counters so often, with a broker or without. */
const sampleMs = 1;
/** It tries so often whether a server that refused takes connections again. */
const tryMs = 100;
const never = Number.POSITIVE_INFINITY;

/** Each server's messages: one each interval, from a moment of its own on, more seldom while nothing changes. */
export class Broadcasts {
  readonly #feedback: Feedback;
  readonly #servers: Servers;
  readonly #phaseMs: Float64Array;
  /** The last time that each server was gone with its node: nobody speaks for it then. */
  readonly #goneFromMs: Float64Array;
  readonly #goneToMs: Float64Array;
  /** When the server refused a connection, and when its node found it well again; Infinity while neither. */
  readonly #refusedMs: Float64Array;
  readonly #wellMs: Float64Array;
  readonly #readMs: Float64Array;
  readonly #reports: readonly Said[];

  constructor({ feedback, servers: count }: Setting, servers: Servers, draws: SeededDraws) {
    this.#feedback = feedback;
    this.#servers = servers;
    this.#phaseMs = Float64Array.from({ length: count }, (_, server) => draws.at(server, place.phase).uniform() * feedback.intervalMs);
    const nowhere = (): Float64Array => new Float64Array(count).fill(never);
    this.#goneFromMs = nowhere();
    this.#goneToMs = nowhere();
    this.#refusedMs = nowhere();
    this.#wellMs = nowhere();
    this.#readMs = new Float64Array(count).fill(Number.NaN);
    this.#reports = Array.from({ length: count }, () => ({ inFlight: 0, latencyMs: 0, serviceMs: 0, workers: 0 }));
  }

  /**
   * Until when a client knows what a server's state was; −∞ before the first message. Silence tells that nothing changed, up to a delay and an interval ago, as long
   * as the next message is not overdue.
   *
   * @param here The client is on the server's node, whose counters it sees without a broker.
   */
  knownUntilMs(server: number, here: boolean, nowMs: number): number {
    const { intervalMs, quietMs, delayMs, lostAtMs } = this.#feedback;
    if (intervalMs === never) return -never;
    const phase = this.#phaseMs[server]!;
    if (here) {
      const everyMs = Math.min(intervalMs, sampleMs);
      const number = Math.floor((nowMs - phase) / everyMs);
      return number < 0 ? -never : phase + number * everyMs;
    }
    let heardMs = Math.min(nowMs - delayMs, lostAtMs);
    let number = Math.floor((heardMs - phase) / intervalMs);
    const gone = this.#goneFromMs[server]!;
    const isGone = heardMs >= gone && heardMs < this.#goneToMs[server]!;
    if (isGone) number = Math.ceil((gone - phase) / intervalMs) - 1;
    if (number < 0) return -never;
    if (quietMs === 0) return phase + number * intervalMs;
    const { history } = this.#servers;
    const changedMs = history[server]!.sinceMs(history[server]!.at(phase + number * intervalMs));
    const toldMs = phase + Math.max(0, Math.ceil((changedMs - phase) / intervalMs)) * intervalMs;
    if (isGone) heardMs = Math.min(heardMs, this.#overdueMs(toldMs, gone));
    return Math.max(toldMs, heardMs - intervalMs);
  }

  /** What a server's state was then, as it was told; the same object each time. */
  read(server: number, atMs: number): Report {
    const said = this.#reports[server]!;
    // All clients read the same message, so it is mostly there.
    if (this.#readMs[server] === atMs) return said;
    this.#readMs[server] = atMs;
    const history = this.#servers.history[server]!;
    const at = history.at(atMs);
    said.inFlight = history.inFlight(at);
    said.serviceMs = history.serviceMs(at);
    said.latencyMs = history.latencyMs(at);
    return said;
  }

  /** What a client's node has of a server's state now; null before the first message. */
  table(server: number, here: boolean, nowMs: number): Report | null {
    const atMs = this.knownUntilMs(server, here, nowMs);
    return atMs === -never ? null : this.read(server, atMs);
  }

  /** Whether a client was told that the server refuses connections, and not yet that it takes them again. */
  refuses(server: number, here: boolean, nowMs: number): boolean {
    const { failureMs, delayMs, lostAtMs } = this.#feedback;
    const refusedMs = this.#refusedMs[server]!;
    if (refusedMs === never || (!here && nowMs >= lostAtMs)) return false;
    const tellMs = failureMs + (here ? 0 : delayMs);
    return nowMs >= refusedMs + tellMs && nowMs < this.#wellMs[server]! + tellMs;
  }

  /** The server's node saw that it refused a connection. */
  refused(server: number, nowMs: number): void {
    if (this.#feedback.failureMs === never || this.#feedback.intervalMs === never) return;
    if (this.#refusedMs[server] !== never && this.#wellMs[server] === never) return;
    this.#refusedMs[server] = nowMs;
    this.#wellMs[server] = never;
  }

  /** Nobody speaks for the server from now on. */
  gone(server: number, nowMs: number): void {
    this.#goneFromMs[server] = nowMs;
    this.#goneToMs[server] = never;
  }

  /** The server is up again: it is told of from now on, and takes connections at the next try. */
  up(server: number, nowMs: number): void {
    if (this.#goneFromMs[server] !== never) this.#goneToMs[server] = Math.min(this.#goneToMs[server]!, nowMs);
    const refusedMs = this.#refusedMs[server]!;
    if (refusedMs !== never)
      this.#wellMs[server] = Math.min(this.#wellMs[server]!, refusedMs + Math.ceil((nowMs - refusedMs) / tryMs) * tryMs);
  }

  /** When the message is due that did not come, as the node was gone: gaps double from the interval to the quiet one while nothing changes. */
  #overdueMs(toldMs: number, goneMs: number): number {
    const { intervalMs, quietMs } = this.#feedback;
    let due = toldMs + intervalMs;
    for (let gap = intervalMs; due < goneMs; due += gap) gap = Math.max(intervalMs, Math.min(2 * gap, quietMs));
    return due;
  }
}

/** A {@link Report} that is written again and again. */
interface Said extends Report {
  inFlight: number;
  latencyMs: number;
  serviceMs: number;
}
