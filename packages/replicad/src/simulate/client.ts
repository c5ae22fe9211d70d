/** One client: its selector, and what it knows of each server. @module */
import { LiveCandidate, Membership, type Outcome, type Report, type SelectionContext, type Selector } from "@mitsu/selector";
import type { Broadcasts } from "./broadcasts.ts";
import type { Setting } from "./setting.ts";

/** What a client knows of one server. */
export class KnownServer extends LiveCandidate {
  readonly server: number;

  constructor(server: number) {
    super(`server-${server}`, {});
    this.server = server;
  }
}

/** A program that sends requests. */
export class Client {
  readonly selector: Selector;
  readonly known: readonly KnownServer[];
  readonly #members: Membership<KnownServer>;
  /** When what was last heard of each server was true. */
  readonly #heardMs: Float64Array;
  /** 1 where others told that the server refuses. */
  readonly #told: Uint8Array;

  constructor(selector: Selector, { servers, membership }: Setting) {
    this.selector = selector;
    this.known = Array.from({ length: servers }, (_, server) => new KnownServer(server));
    this.#members = new Membership(membership);
    for (const server of this.known) this.#members.add(server, 0, true);
    this.#told = new Uint8Array(servers);
    this.#heardMs = new Float64Array(servers).fill(Number.NEGATIVE_INFINITY);
  }

  /** Takes in what was broadcast since it last did: only a look at the candidates could tell whether it did so at once. */
  hear(broadcasts: Broadcasts, nowMs: number): void {
    for (let server = 0; server < this.known.length; server++) {
      if (broadcasts.refuses(server, nowMs) && this.#told[server] === 0) {
        this.#told[server] = 1;
        this.#members.answered(this.known[server]!, nowMs, "refused");
      }
      const atMs = broadcasts.latestMs(server, nowMs);
      if (atMs <= this.#heardMs[server]!) continue;
      this.#heardMs[server] = atMs;
      if (this.#told[server] === 1 && !broadcasts.refuses(server, nowMs)) {
        this.#told[server] = 0;
        this.#members.revive(this.known[server]!.key, nowMs);
      }
      this.known[server]!.report(atMs, broadcasts.read(server, atMs), nowMs);
    }
  }

  /** @param unlike A server that just failed the same request, −1 for none: another one is taken, if there is any. */
  select(context: SelectionContext, unlike: number): KnownServer {
    const usable = this.#usable(context.nowMs);
    let selected = this.selector.select(usable, context);
    for (let tries = 0; tries < 3 && selected.server === unlike; tries++) selected = this.selector.select(usable, context);
    if (selected.server !== unlike || usable.length < 2) return selected;
    // The selector insists on it, as on a dead server that looks idle: a retry goes elsewhere all the same.
    const at = Math.floor(context.random() * (usable.length - 1));
    return usable[at]!.server === unlike ? usable.at(-1)! : usable[at]!;
  }

  sent(server: KnownServer, nowMs: number): void {
    server.begin(nowMs);
    this.selector.sent?.(server, nowMs);
  }

  answered(server: KnownServer, nowMs: number, sentMs: number, report: Report | null, outcome: Outcome): void {
    const answer = { latencyMs: nowMs - sentMs, ok: outcome === "ok", report };
    server.end(nowMs, answer, sentMs);
    this.selector.answered?.(server, nowMs, answer);
    this.#members.answered(server, nowMs, outcome);
  }

  drain(server: number, draining: boolean, nowMs: number): void {
    this.#members.drain(this.known[server]!.key, draining, nowMs);
  }

  /** Whom to probe. */
  probes(context: SelectionContext): readonly KnownServer[] {
    return this.selector.probes?.(this.#usable(context.nowMs), context) ?? none;
  }

  /** Draining ones are better than none. */
  #usable(nowMs: number): readonly KnownServer[] {
    const usable = this.#members.usable(nowMs);
    return usable.length > 0 ? usable : this.known;
  }
}

const none: readonly KnownServer[] = [];
