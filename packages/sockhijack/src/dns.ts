/** One resolver in each namespace that attached programs live in. @module */
import type { Log } from "@mitsu/cli";
import { ipText } from "./kernel/ip.ts";
import type { Kernel } from "./kernel/kernel.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { Resolver, type ResolverCounters, resolverCounters } from "./resolver/mod.ts";

/** What the resolvers answer from. */
export interface DnsOptions {
  readonly kernel: Kernel;
  readonly mesh: Mesh;
  readonly domain: string;
  /** Where they listen: on 127.53.0.1 to .4 of each namespace. */
  readonly port: number;
  readonly log: Log;
}

/**
 * Keeps resolvers where they are needed. While none listens in a namespace the kernel leaves its queries alone.
 *
 * @example
 * ```ts
 * const dns = new Dns({ kernel, mesh, domain: "mesh", log });
 * await dns.follow();
 * ```
 */
export class Dns {
  readonly counters: ResolverCounters = resolverCounters();
  readonly #options: DnsOptions;
  readonly #running = new Map<bigint, Promise<Resolver | undefined>>();
  readonly #failed = new Map<bigint, string>();

  constructor(options: DnsOptions) {
    this.#options = options;
    options.kernel.setDnsPort(options.port);
  }

  /** Why names do not resolve in some namespace; empty when all is well. */
  get degraded(): readonly string[] {
    return [...this.#failed.values()];
  }

  /** Starts a resolver in each namespace that came, stops those in namespaces that went. */
  async follow(): Promise<void> {
    const { mesh } = this.#options;
    const wanted = new Set(mesh.inhabited);
    const gone = [...this.#running].filter(([cookie]) => !wanted.has(cookie));
    for (const [cookie] of gone) this.#running.delete(cookie);
    await Promise.all(gone.map(async ([, resolver]) => (await resolver)?.close()));
    const starting = mesh.namespaces.all.filter(({ cookie }) => wanted.has(cookie) && !this.#running.has(cookie));
    for (const { cookie, fd } of starting) this.#running.set(cookie, this.#start(cookie, fd));
    await Promise.all(this.#running.values());
  }

  async #start(cookie: bigint, netns: number): Promise<Resolver | undefined> {
    const { kernel, mesh, domain, port, log } = this.#options;
    try {
      const resolver = await Resolver.start({
        netns,
        port,
        domain,
        log,
        counters: this.counters,
        lookup: (name) => {
          const service = mesh.catalog.services.find((s) => s.name === name);
          return service && { a: [service.ipv4], aaaa: [service.ipv6] };
        },
        reverse: (address) => mesh.catalog.services.find((s) => s.ipv4 === address || s.ipv6 === address)?.name,
        upstream: (slot) => {
          if (slot > kernel.dnsUsed()) return undefined;
          const server = kernel.maps.dnsSlots.get(slot - 1);
          return server && { address: ipText(server.ip), port: server.port };
        },
      });
      this.#failed.delete(cookie);
      return resolver;
    } catch (error) {
      const why = `names are not resolved in one namespace: ${(error as Error).message}`;
      this.#failed.set(cookie, why);
      log.warn("no resolver in a namespace; its programs ask their own name servers", { error });
      return undefined;
    }
  }

  /** Stops all. */
  async close(): Promise<void> {
    const all = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(all.map(async (resolver) => (await resolver)?.close()));
  }
}
