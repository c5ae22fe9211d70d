/** The DNS resolver of one network namespace: answers the mesh's names and relays every other query untouched. @module */
import { closeSync } from "node:fs";
import type { Log } from "@mitsu/cli";
import { openNetns } from "@mitsu/ebpf-ts";
import type { ResolverCounters } from "./counters.ts";
import { Exchanges } from "./exchanges.ts";
import { listenTcp, listenUdp } from "./listeners.ts";
import type { Netns } from "./netns-socket.ts";
import { type MeshNames, ownAnswer, rcodes } from "./own-answer.ts";
import { ownName } from "./own-name.ts";
import { bareAnswer, readQuery } from "./query.ts";
import type { Cancel, UpstreamServer } from "./upstream.ts";

/** Settings of {@link Resolver.start}. */
export interface ResolverOptions {
  /** Namespace by path or descriptor, needed for the start only; this process' own unless told. */
  readonly netns?: string | number;
  /** Port of every slot; 53 unless told. */
  readonly port?: number;
  /** Domain of the mesh; `mesh` unless told. */
  readonly domain?: string;
  /** Addresses of a service by its name without the domain, lower-case; undefined when there is none. */
  readonly lookup: MeshNames["lookup"];
  /** Service, without the domain, that a virtual address (canonical text) belongs to; other reverse queries are relayed. */
  readonly reverse: (address: string) => string | undefined;
  /** The name server that a slot (1 to 4) stands for; asked for each query. */
  readonly upstream: (slot: number) => UpstreamServer | undefined;
  readonly log: Pick<Log, "debug" | "warn">;
  /** Counted up in place. */
  readonly counters: ResolverCounters;
  /** How long an upstream may take, in milliseconds; 5000 unless told, as in resolv.conf(5). */
  readonly timeoutMs?: number;
  /** Most relayed queries at a time; 1024 unless told. */
  readonly maxInFlight?: number;
}

/** Upstreams that one namespace can tell apart: 127.53.0.1 to 127.53.0.4. */
export const slotCount = 4;

/** The address that queries to a slot's upstream are rewritten to. */
export function slotAddress(slot: number): string {
  return `127.53.0.${slot}`;
}

/**
 * A running resolver: UDP and TCP on every slot's address.
 *
 * @example
 * ```ts
 * const resolver = await Resolver.start({ lookup: (name) => services.get(name), reverse, upstream, log, counters: resolverCounters() });
 * await resolver.close();
 * ```
 */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #domain: readonly string[];
  /** A descriptor of our own: a path such as /proc/42/ns/net may come to mean another namespace. */
  readonly #netns: Netns;
  readonly #exchanges: Exchanges;
  readonly #closers: (() => Promise<void>)[] = [];

  private constructor(options: ResolverOptions) {
    const { upstream, counters, log, timeoutMs = 5000, maxInFlight = 1024, domain = "mesh" } = options;
    const netns =
      options.netns === undefined
        ? undefined
        : openNetns(typeof options.netns === "number" ? `/proc/self/fd/${options.netns}` : options.netns);
    this.#options = options;
    this.#netns = netns;
    if (netns !== undefined) this.#closers.push(async () => closeSync(netns));
    this.#domain = domain.toLowerCase().split(".");
    this.#exchanges = new Exchanges({ netns, upstream, timeoutMs, maxInFlight, counters, log });
  }

  /**
   * Opens all sockets, or none.
   *
   * @throws MitsuError `ERR_RESOLVER_SOCKET` when an address is taken; `ERR_BPF_RIGHTS` or `ERR_BPF_MISSING` when the namespace cannot be entered.
   */
  static async start(options: ResolverOptions): Promise<Resolver> {
    const resolver = new Resolver(options);
    try {
      for (let slot = 1; slot <= slotCount; slot++) await resolver.#listen(slot);
    } catch (error) {
      await resolver.close();
      throw error;
    }
    return resolver;
  }

  /** Relayed queries without an answer so far. */
  get inFlight(): number {
    return this.#exchanges.size;
  }

  /** Closes every socket; queries on their way are dropped. */
  async close(): Promise<void> {
    this.#exchanges.close();
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }

  async #listen(slot: number): Promise<void> {
    const onError = (error: Error) => this.#options.log.warn("resolver socket failed", { slot, error });
    const at = { netns: this.#netns, address: slotAddress(slot), port: this.#options.port ?? 53, onError };
    const handle = (message: Buffer, transport: "udp" | "tcp", reply: (answer: Buffer) => void, done: () => void) =>
      this.#handle(slot, message, transport, reply, done);
    const udp = await listenUdp(at, handle);
    this.#closers.push(() => new Promise((resolve) => udp.close(resolve)));
    const { server, connections } = await listenTcp(at, handle);
    this.#closers.push(() => {
      for (const socket of connections) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    });
  }

  #handle(slot: number, message: Buffer, transport: "udp" | "tcp", reply: (answer: Buffer) => void, done: () => void): Cancel {
    const { counters } = this.#options;
    const read = readQuery(message);
    if (read.kind === "query" || read.kind === "other") {
      const query = read.kind === "query" ? read.query : undefined;
      const own = query && this.#answer(query, transport);
      if (!own) return this.#exchanges.start({ slot, transport, message, query, reply, done });
      reply(own);
    } else {
      counters.malformed++;
      if (read.kind === "malformed") reply(bareAnswer(message, rcodes.formatError));
    }
    done();
    return () => {};
  }

  /** The answer to a query for one of our names; undefined when the name is not ours. */
  #answer(query: Parameters<typeof ownAnswer>[0], transport: "udp" | "tcp"): Buffer | undefined {
    const { counters, lookup, reverse, log } = this.#options;
    const own = ownName(query.labels, this.#domain);
    if (!own) return undefined;
    try {
      const service = own.kind === "reverse" ? reverse(own.address) : undefined;
      if (own.kind === "reverse" && service === undefined) return undefined;
      const { message, rcode } = ownAnswer(query, own, service, { domain: this.#domain, lookup }, transport);
      if (rcode === rcodes.formatError) counters.malformed++;
      else counters.answered++;
      if (rcode === rcodes.nameError) counters.nxdomain++;
      return message;
    } catch (error) {
      // The catalog's fault, not the program's: it must not take the resolver down.
      counters.failed++;
      log.warn("name not answered", { name: query.labels.join("."), error });
      return bareAnswer(query.message, rcodes.serverFailure, query.question);
    }
  }
}
