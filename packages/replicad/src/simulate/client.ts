/** One client: its selector, and what it knows of each server. @module */
import type { Report, SelectionContext, Selector } from "@mitsu/selector";
import { LiveCandidate } from "../../../selector/src/live-candidate.ts";
import type { Broadcasts } from "./broadcasts.ts";

/** What a client knows of one server. */
export class KnownServer extends LiveCandidate {
  readonly server: number;

  constructor(server: number, workers: number) {
    super(`server-${server}`, { workers });
    this.server = server;
  }
}

/** A program that sends requests. */
export class Client {
  readonly selector: Selector;
  readonly known: readonly KnownServer[];
  #usable: readonly KnownServer[];
  /** When what was last heard of each server was true. */
  readonly #heardMs: Float64Array;

  constructor(selector: Selector, servers: number, workers: number) {
    this.selector = selector;
    this.known = Array.from({ length: servers }, (_, server) => new KnownServer(server, workers));
    this.#usable = this.known;
    this.#heardMs = new Float64Array(servers).fill(Number.NEGATIVE_INFINITY);
  }

  /** Takes in what was broadcast since it last did: only a look at the candidates could tell whether it did so at once. */
  hear(broadcasts: Broadcasts, nowMs: number): void {
    for (let server = 0; server < this.known.length; server++) {
      const atMs = broadcasts.latestMs(server, nowMs);
      if (atMs <= this.#heardMs[server]!) continue;
      this.#heardMs[server] = atMs;
      this.known[server]!.report(atMs, broadcasts.read(server, atMs), nowMs);
    }
  }

  /** @param unlike A server that just failed the same request, −1 for none: another is taken if there is one within a few tries. */
  select(context: SelectionContext, unlike: number): KnownServer {
    let selected = this.selector.select(this.#usable, context);
    for (let tries = 0; tries < 4 && selected.server === unlike; tries++) selected = this.selector.select(this.#usable, context);
    return selected;
  }

  sent(server: KnownServer, nowMs: number): void {
    server.begin(nowMs);
    this.selector.sent?.(server, nowMs);
  }

  answered(server: KnownServer, nowMs: number, sentMs: number, report: Report | null, ok: boolean): void {
    const answer = { latencyMs: nowMs - sentMs, ok, report };
    server.end(nowMs, answer, sentMs);
    this.selector.answered?.(server, nowMs, answer);
  }

  drain(_server: number, _on: boolean): void {}

  /** Whom to probe. */
  probes(context: SelectionContext): readonly KnownServer[] {
    return this.selector.probes?.(this.#usable, context) ?? none;
  }
}

const none: readonly KnownServer[] = [];
