/** The queries of one resolver that are on their way to upstreams: bounded, counted, cancelled together. @module */
import type { Log } from "@mitsu/cli";
import type { ResolverCounters } from "./counters.ts";
import type { Netns } from "./netns-socket.ts";
import { rcodes } from "./own-answer.ts";
import { bareAnswer, type DnsQuery } from "./query.ts";
import { type Cancel, type Exchange, exchangeTcp, exchangeUdp, type UpstreamServer } from "./upstream.ts";

/** Settings of {@link Exchanges}. */
export interface ExchangesOptions {
  readonly netns: Netns;
  /** Which name server a slot stands for. */
  readonly upstream: (slot: number) => UpstreamServer | undefined;
  readonly timeoutMs: number;
  /** Most queries on their way at a time; those beyond get SERVFAIL. */
  readonly maxInFlight: number;
  readonly counters: ResolverCounters;
  readonly log: Pick<Log, "debug">;
}

/** A query to be relayed, and the way back to whoever asked. */
export interface Relay {
  readonly slot: number;
  readonly transport: "udp" | "tcp";
  readonly message: Buffer;
  /** The parsed query, where there is one. */
  readonly query: DnsQuery | undefined;
  readonly reply: (answer: Buffer) => void;
  /** Called after the last reply. */
  readonly done: () => void;
}

/** Zone transfers (RFC 5936, RFC 1995) bring many messages to one query. */
const transferTypes: ReadonlySet<number> = new Set([251, 252]);

/** All exchanges of one resolver. */
export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #running = new Set<Cancel>();

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  /** How many queries are on their way. */
  get size(): number {
    return this.#running.size;
  }

  /** Hands a query to its slot's upstream; what cannot be handed on gets SERVFAIL, so that the program turns to its next name server at once. */
  start(relay: Relay): Cancel {
    const { netns, upstream, timeoutMs, maxInFlight, counters, log } = this.#options;
    const fail = (reason: string) => {
      counters.failed++;
      log.debug("query not relayed", { slot: relay.slot, reason });
      relay.reply(bareAnswer(relay.message, rcodes.serverFailure, relay.query?.question));
      relay.done();
    };
    const server = upstream(relay.slot);
    if (!server || this.#running.size >= maxInFlight) {
      fail(server ? `${maxInFlight} queries in flight` : "no upstream for this slot");
      return () => {};
    }
    counters.relayed++;
    let answered = false;
    const exchange: Exchange = {
      netns,
      server,
      query: relay.message,
      timeoutMs,
      onAnswer: (answer) => {
        answered = true;
        relay.reply(answer);
      },
      onEnd: (outcome, error) => {
        this.#running.delete(stop);
        if (outcome === "unreachable" && !answered)
          return fail(`${server.address}:${server.port}: ${error?.message ?? "closed without an answer"}`);
        // A silent upstream stays silent: the program's own timers go on as without us.
        if (outcome === "timeout") counters.timeouts++;
        relay.done();
      },
    };
    const many = relay.query !== undefined && transferTypes.has(relay.query.type);
    const cancel = relay.transport === "udp" ? exchangeUdp(exchange) : exchangeTcp({ ...exchange, many });
    const stop = () => {
      this.#running.delete(stop);
      cancel();
    };
    this.#running.add(stop);
    return stop;
  }

  /** Drops everything that is on its way, without replies. */
  close(): void {
    for (const stop of [...this.#running]) stop();
  }
}
