/** What nodes tell of their servers, through the broker and to their own clients, made when somebody looks. @module */
import type { Report } from "@mitsu/selector";
import { tickDelayMs } from "../bus/tick-delay.ts";
import { place, type SeededDraws } from "./seeded-draws.ts";
import type { Servers } from "./servers.ts";
import type { Feedback, Setting } from "./setting.ts";

/** A node reads its own counters so often, with a broker or without. */
const sampleMs = 1;
/** It tries so often whether a server that refused takes connections again. */
const tryMs = 100;
/** Silence counts for so many of the gap that was announced. [`bus/freshness.ts`] */
const patience = 1.5;
const never = Number.POSITIVE_INFINITY;

/** Each node's messages: one each interval, from a moment of its own on, more seldom while nothing changes there. */
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

  constructor({ feedback, nodes, servers: count }: Setting, servers: Servers, draws: SeededDraws) {
    this.#feedback = feedback;
    this.#servers = servers;
    const phaseOf = (server: number): number => draws.at(nodes > 0 ? server % nodes : server, place.phase).uniform();
    this.#phaseMs = Float64Array.from({ length: count }, (_, server) => phaseOf(server) * feedback.intervalMs);
    const nowhere = (): Float64Array => new Float64Array(count).fill(never);
    this.#goneFromMs = nowhere();
    this.#goneToMs = nowhere();
    this.#refusedMs = nowhere();
    this.#wellMs = nowhere();
    this.#readMs = new Float64Array(count).fill(Number.NaN);
    this.#reports = Array.from({ length: count }, () => ({ inFlight: 0, latencyMs: 0, serviceMs: 0, workers: 0 }));
  }

  /**
   * Until when a client knows what a server's state was; −∞ before the first message. Silence tells that nothing changed, up to a delay and a
   * look at the counters ago, as long as the next message is not overdue.
   *
   * @param here The client is on the server's node, whose counters it sees without a broker.
   */
  knownUntilMs(server: number, here: boolean, nowMs: number): number {
    const { quietMs, delayMs, lostAtMs } = this.#feedback;
    if (this.#feedback.intervalMs === never) return -never;
    const everyMs = here ? Math.min(this.#feedback.intervalMs, sampleMs) : this.#feedback.intervalMs;
    let heardMs = here ? nowMs : Math.min(nowMs - delayMs, lostAtMs);
    const phase = this.#phaseMs[server]!;
    let tickMs = phase + Math.floor((heardMs - phase) / everyMs) * everyMs;
    const gone = this.#goneFromMs[server]!;
    const isGone = heardMs >= gone && heardMs < this.#goneToMs[server]!;
    if (isGone) tickMs = phase + (Math.ceil((gone - phase) / everyMs) - 1) * everyMs;
    if (tickMs < phase) return -never;
    if (quietMs === 0) return tickMs;
    // The last change, and when the one before was told: the longer nothing changes, the more seldom the node looks.
    const changes = this.#servers.changes[server]!;
    const last = changes.at(tickMs);
    const changedMs = changes.sinceMs(last);
    const beforeMs = this.#tick(changes.beforeMs(last), everyMs, phase);
    const looks = this.#lookMs(changedMs - beforeMs, everyMs);
    const toldMs = changedMs <= beforeMs ? beforeMs : beforeMs + Math.ceil((changedMs - beforeMs) / looks) * looks;
    if (toldMs > heardMs) return Math.max(beforeMs, heardMs - looks);
    if (isGone) heardMs = Math.min(heardMs, overdueMs(toldMs, gone, everyMs, quietMs));
    return Math.max(toldMs, heardMs - this.#lookMs(heardMs - toldMs, everyMs));
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

  /** The first tick from then on. */
  #tick(sinceMs: number, everyMs: number, phase: number): number {
    return phase + Math.max(0, Math.ceil((sinceMs - phase) / everyMs)) * everyMs;
  }

  /** How often the node looks for a change after so much silence. */
  #lookMs(silentMs: number, everyMs: number): number {
    return tickDelayMs(gapMs(silentMs, everyMs, this.#feedback.quietMs), everyMs);
  }
}

/** The gap between two messages after so much silence: it doubles from one to the next. [`bus/publisher.ts`] */
function gapMs(silentMs: number, everyMs: number, quietMs: number): number {
  let gap = everyMs;
  for (let told = gap; told <= silentMs && gap < quietMs; told += gap) gap *= 2;
  return Math.max(everyMs, Math.min(gap, quietMs));
}

/** From when on silence tells nothing any more, as the message did not come that was announced before the node was gone. */
function overdueMs(toldMs: number, goneMs: number, everyMs: number, quietMs: number): number {
  let last = toldMs;
  let gap = everyMs;
  for (; last + gap < goneMs; gap = Math.max(everyMs, Math.min(2 * gap, quietMs))) last += gap;
  return last + patience * gap;
}

/** A {@link Report} that is written again and again. */
interface Said extends Report {
  inFlight: number;
  latencyMs: number;
  serviceMs: number;
}
