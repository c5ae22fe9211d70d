/** One client: its selector, and what it knows of each server. @module */
import { LiveCandidate, Membership, type Outcome, type Report, type SelectionContext, type Selector } from "@mitsu/selector";
import type { Broadcasts } from "./broadcasts.ts";
import type { Setting } from "./setting.ts";

/** What a client knows of one server; how many workers it has is not among that. */
export class KnownServer extends LiveCandidate {
  readonly server: number;

  constructor(server: number, here: boolean) {
    super(`server-${server}`, { here });
    this.server = server;
  }
}

/** A program that sends requests. */
export class Client {
  readonly selector: Selector;
  readonly known: readonly KnownServer[];
  readonly #members: Membership<KnownServer>;
  /** Until when each server's state is known. */
  readonly #knownMs: Float64Array;
  /** 1 where its node told that the server refuses. */
  readonly #told: Uint8Array;

  /** @param number Its own, from 0, by which it has its node. */
  constructor(selector: Selector, number: number, { servers, nodes, membership }: Setting) {
    this.selector = selector;
    const here = (server: number): boolean => nodes > 0 && server % nodes === number % nodes;
    this.known = Array.from({ length: servers }, (_, server) => new KnownServer(server, here(server)));
    this.#members = new Membership(membership);
    for (const server of this.known) this.#members.add(server, 0, true);
    this.#told = new Uint8Array(servers);
    this.#knownMs = new Float64Array(servers).fill(Number.NEGATIVE_INFINITY);
  }

  /** Takes in what was broadcast since it last did: only a look at the candidates could tell whether it did so at once. */
  hear(broadcasts: Broadcasts, nowMs: number): void {
    for (let server = 0; server < this.known.length; server++) {
      const known = this.known[server]!;
      const down = broadcasts.refuses(server, known.here, nowMs) ? 1 : 0;
      if (down !== this.#told[server]) {
        this.#told[server] = down;
        this.#members.tell(known.key, down === 1 ? "down" : "up", nowMs);
      }
      const atMs = broadcasts.knownUntilMs(server, known.here, nowMs);
      if (atMs <= this.#knownMs[server]!) continue;
      this.#knownMs[server] = atMs;
      known.report(atMs, broadcasts.read(server, atMs), nowMs);
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

  /** @param fresh Whether the report came with the answer, and was not known before. */
  answered(server: KnownServer, nowMs: number, sentMs: number, report: Report | null, fresh: boolean, outcome: Outcome): void {
    const answer = { latencyMs: nowMs - sentMs, ok: outcome === "ok", report };
    server.end(nowMs, fresh ? answer : { ...answer, report: null }, sentMs);
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
