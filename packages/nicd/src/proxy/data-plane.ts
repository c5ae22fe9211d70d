/** What all connections of one worker share: the loop, the configuration in force, connections to replicas, and the counts. @module */
import type { Catalog, Replica, Service } from "@mitsu/catalog";
import { defaultRoute } from "@mitsu/catalog";
import type { Reactor } from "@mitsu/reactor";
import type { LoadWriter } from "@mitsu/replica-table";
import { Cluster } from "../cluster/cluster.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";
import type { ReplicaReports } from "../cluster/replica-reports.ts";
import { RelayWork } from "../devices/relay-work.ts";
import type { ChainParts } from "../filters/build-chain.ts";
import type { LiveExchange } from "../live-exchange.ts";
import type { RequestHead } from "../message-head.ts";
import { compileRoutes } from "../routes/compile-routes.ts";
import type { CompiledRoute } from "../routes/compiled-route.ts";
import type { RouteTable } from "../routes/route-table.ts";
import type { WasmFilter } from "../wasm/wasm-filter.ts";
import type { Entry } from "./entry.ts";
import type { Http1Downstream } from "./http1-downstream.ts";
import type { Passage, PassedConnection } from "./tcp-passage.ts";
import { type Dial, UpstreamPool } from "./upstream-pool.ts";

/** What a plane needs from outside. */
export interface DataPlaneEnv {
  readonly reactor: Reactor;
  /** Opens a stream to a replica. */
  readonly dial: Dial;
  /** Is the replica on this node, so reached without a link? */
  readonly here: (replica: Replica) => boolean;
  /** Where requests are counted for replicad, and what it tells; null for neither. */
  readonly loads: LoadWriter | null;
  readonly reports: ReplicaReports | null;
  /** Milliseconds from when the machine started to when this process did: what `performance.now()` is behind. */
  readonly startMs: number;
  /** From 0, less than 1. */
  readonly random: () => number;
  /** Told of every exchange when it is over; it must not keep it. */
  readonly onExchange: (exchange: LiveExchange) => void;
  /** Told of every connection that is carried as bytes, and again when it is over; of one that is refused, only this. */
  readonly onPassageBegun: (passage: Passage) => void;
  readonly onPassage: (passed: PassedConnection) => void;
  /** May a connection that is no HTTP go to the service? Null where nothing forbids any. */
  readonly admitsTcp: ((entry: Entry, target: string) => boolean) | null;
  /** Filters in WebAssembly that a service's connections pass; none unless told. */
  readonly programsOf?: (service: Service) => readonly WasmFilter[];
  /** What filter chains are made of, by service; made anew at each reload. */
  readonly chainParts: (catalog: Catalog) => (service: Service) => ChainParts;
}

/** Connections by what they carry, now. */
export interface ConnectionCounts {
  http: number;
  /** Of whatever is not looked into; HTTP/2 and TLS among them. */
  tcp: number;
}

/**
 * One for each worker.
 *
 * @example
 * ```ts
 * const plane = new DataPlane(env);
 * plane.configure(catalog);
 * ```
 */
export class DataPlane {
  readonly reactor: Reactor;
  readonly pool: UpstreamPool;
  readonly connections: ConnectionCounts = { http: 0, tcp: 0 };
  /** Connections that are passed through, and what passes them. */
  readonly relays: RelayWork = new RelayWork();
  readonly downstreams: Set<Http1Downstream> = new Set();
  /** Stands in for the route of requests to a service that is no more. */
  readonly noRoute: CompiledRoute;
  /** No further request on any connection: the worker is about to end. */
  draining = false;
  retries = 0;
  mirrored = 0;
  mirrorsSkipped = 0;
  /** Requests refused before they were any, by reason. */
  readonly refusals: Map<string, number> = new Map();
  /** Connections so far, by what they spoke. */
  readonly spoken: Map<string, number> = new Map();
  catalog: Catalog | null = null;
  readonly #env: DataPlaneEnv;
  #services = new Map<string, Service>();
  #routes = new Map<string, RouteTable>();
  /** By service: of requests that came over a link, which have been routed by the node they came from. */
  #arrivals = new Map<string, CompiledRoute>();
  /** By service, then by port of its virtual address. */
  readonly #clusters = new Map<string, Map<number, Cluster>>();
  /** The same, by the port that was asked for. */
  readonly #asked = new Map<string, Map<number, Cluster>>();

  constructor(env: DataPlaneEnv) {
    this.#env = env;
    this.reactor = env.reactor;
    this.pool = new UpstreamPool(env.reactor, env.dial, env.loads);
    const none: ChainParts = {
      trace: null,
      authorise: null,
      timers: env.reactor.timers,
      random: env.random,
      workers: 1,
      filters: [],
    };
    this.noRoute = plainRoute("", "none", none);
  }

  /** Takes a configuration; requests on their way end by the one they began with. */
  configure(catalog: Catalog): void {
    const parts = this.#env.chainParts(catalog);
    const routes = new Map<string, RouteTable>();
    const arrivals = new Map<string, CompiledRoute>();
    for (const service of catalog.services) {
      const own = parts(service);
      routes.set(service.name, compileRoutes(service.name, service.traffic, own, this.#routes.get(service.name)));
      // Programs have seen the request where it came from.
      arrivals.set(service.name, plainRoute(service.name, "link", { ...own, programs: () => [] }));
    }
    this.catalog = catalog;
    this.#services = new Map(catalog.services.map((service) => [service.name, service]));
    this.#routes = routes;
    this.#arrivals = arrivals;
    this.#asked.clear(); // ports may have changed
    for (const [name, clusters] of this.#clusters) {
      const service = this.#services.get(name);
      for (const [port, cluster] of clusters) {
        for (const gone of cluster.update(service ?? { name, replicas: [] }, service?.traffic.cluster ?? cluster.policy))
          this.pool.prune(gone);
        if (!service?.ports.some((mapping) => mapping.port === port && mapping.protocol === "tcp")) clusters.delete(port);
      }
      if (clusters.size === 0) this.#clusters.delete(name);
    }
  }

  service(name: string): Service | undefined {
    return this.#services.get(name);
  }

  routesOf(service: string): RouteTable | undefined {
    return this.#routes.get(service);
  }

  /**
   * What happens to a request. One that came over a link is judged here too, but not routed: routes, faults, limits and edits have had their
   * effect where it came from.
   */
  routeOf({ service, port, chosen }: Entry, head: RequestHead): CompiledRoute {
    const route = chosen ? this.#arrivals.get(service) : this.#routes.get(service)?.find(head, port);
    return route ?? this.noRoute;
  }

  /** All clusters that were asked for so far. */
  *clusters(): Generator<Cluster> {
    for (const clusters of this.#clusters.values()) yield* clusters.values();
  }

  /** How a service is called at a port; its only port when it has just one. Null when there is no such service or port. */
  cluster(name: string, port: number): Cluster | null {
    const known = this.#asked.get(name)?.get(port);
    if (known) return known;
    const service = this.#services.get(name);
    if (!service) return null;
    const tcp = service.ports.filter(({ protocol }) => protocol === "tcp");
    const mapping = tcp.find((one) => one.port === port) ?? (tcp.length === 1 ? tcp[0] : undefined);
    if (!mapping) return null;
    const clusters = mapIn(this.#clusters, name);
    const cluster =
      clusters.get(mapping.port) ??
      new Cluster(service, mapping.port, service.traffic.cluster, {
        random: this.#env.random,
        nowMs: () => this.nowMs(),
        here: this.#env.here,
        loads: this.#env.loads,
        reports: this.#env.reports,
      });
    clusters.set(mapping.port, cluster);
    mapIn(this.#asked, name).set(port, cluster);
    return cluster;
  }

  /** The replica at that place, for a connection that came over a link. */
  replicaAt(address: string, port: number): { readonly service: string; readonly port: number; readonly endpoint: LiveEndpoint } | null {
    for (const service of this.#services.values()) {
      for (const replica of service.replicas) {
        if (replica.address !== address) continue;
        const mapping = replica.ports.find(({ target, protocol }) => target === port && protocol === "tcp");
        const endpoint =
          mapping && this.cluster(service.name, mapping.port)?.endpoints.find((one) => one.address === address && one.port === port);
        if (endpoint) return { service: service.name, port: mapping.port, endpoint };
      }
    }
    return null;
  }

  /** From 0, less than 1. */
  random(): number {
    return this.#env.random();
  }

  /** Nanoseconds of a clock that never goes back, since this process started. */
  nowNs(): number {
    return this.reactor.now() * 1e6;
  }

  /** Milliseconds since the machine started: the clock of replicad's tables. It stands still within one event. */
  nowMs(): number {
    return this.reactor.now() + this.#env.startMs;
  }

  /** {@link nowNs} as it goes on within one event. */
  freshNs(): number {
    return performance.now() * 1e6;
  }

  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  spoke(what: string): void {
    this.spoken.set(what, (this.spoken.get(what) ?? 0) + 1);
  }

  admitsTcp(entry: Entry, target: string): boolean {
    return this.#env.admitsTcp === null || this.#env.admitsTcp(entry, target);
  }

  /** Filters in WebAssembly that a service's connections pass. */
  programsOf(name: string): readonly WasmFilter[] {
    const service = this.#services.get(name);
    return (service && this.#env.programsOf?.(service)) ?? [];
  }

  passageBegun(passage: Passage): void {
    this.#env.onPassageBegun(passage);
  }

  passageEnded(passed: PassedConnection): void {
    this.#env.onPassage(passed);
  }

  exchangeEnded(exchange: LiveExchange): void {
    this.#env.onExchange(exchange);
  }

  /** Lets every exchange end and closes what is idle. */
  drain(): void {
    this.draining = true;
    for (const downstream of this.downstreams) downstream.drain();
  }
}

/** A route to the service itself, with nothing on the way but what every request passes. */
function plainRoute(service: string, name: string, parts: ChainParts): CompiledRoute {
  return compileRoutes(service, { routes: [defaultRoute({ name, timeoutMs: 0 })] }, parts).routes[0]!;
}

function mapIn(maps: Map<string, Map<number, Cluster>>, name: string): Map<number, Cluster> {
  const map = maps.get(name) ?? new Map<number, Cluster>();
  maps.set(name, map);
  return map;
}
