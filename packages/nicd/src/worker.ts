/** The data plane of one process: listeners, links, telemetry around a `DataPlane`, and what can be asked of them. @module */
import type { Catalog, Replica, Service } from "@mitsu/catalog";
import type { Log } from "@mitsu/cli";
import type { PushFilterAnswer, PushFilterRequest } from "@mitsu/ipc";
import { encodeSocketAddress, Listener, Reactor, type SocketAddress, TcpSocket } from "@mitsu/reactor";
import type { ByteStream, ByteStreamEvents } from "@mitsu/reactor/byte-stream";
import { clockMs } from "@mitsu/replica-table";
import type { Security } from "@mitsu/telemetry";
import type { Caller } from "./caller.ts";
import type { CertificateFiles } from "./certificates/mod.ts";
import { FilterWork } from "./devices/filter-work.ts";
import type { ListenAt } from "./explicit-routes.ts";
import { Authorise } from "./filters/authorise.ts";
import type { ChainParts } from "./filters/build-chain.ts";
import { DenialLog } from "./filters/denial-log.ts";
import { Trace } from "./filters/trace.ts";
import { Xoshiro128 } from "./filters/xoshiro.ts";
import type { HostChannel } from "./host-channel/mod.ts";
import { LinkEnds } from "./link-ends.ts";
import { withLiveReplicas } from "./live-replicas.ts";
import { DataPlane } from "./proxy/data-plane.ts";
import type { Entry } from "./proxy/entry.ts";
import { Incoming } from "./proxy/incoming.ts";
import { ReplicadTables, type ReplicadTablesOptions } from "./replicad-tables.ts";
import { Telemetry, type TelemetryOptions } from "./telemetry/telemetry.ts";
import { FilterSet } from "./wasm/filter-set.ts";
import { PushedModules } from "./wasm/pushed-modules.ts";

/** What a worker is started with. */
export interface WorkerOptions extends Omit<TelemetryOptions, "linkSecurity">, ReplicadTablesOptions {
  readonly log: Log;
  /** Name of this node, as in the mesh file. */
  readonly node: string;
  readonly listen: readonly ListenAt[];
  /** Where sockhijack sends connections to; null without it. */
  readonly channel: { readonly socket: string; readonly at: SocketAddress } | null;
  /** Where other nodes' links come in; null for none. */
  readonly linkAt: SocketAddress | null;
  /** This node's certificate; null when there is none. */
  readonly certificates: CertificateFiles | null;
  /** Processes that share the listeners. */
  readonly workers: number;
  /** Folder that the mesh file's paths are relative to. */
  readonly folder: string;
  /** Folder of pushed filters. */
  readonly pushedFilters: string;
}

/** The longest that requests on their way may keep a worker that is told to end. */
const drainMs = 10_000;

/** See {@link Worker.open}. */
export class Worker {
  readonly plane: DataPlane;
  readonly telemetry: Telemetry;
  readonly links: LinkEnds;
  readonly tables: ReplicadTables;
  readonly filters: FilterSet;
  readonly filterWork: FilterWork;
  readonly #options: WorkerOptions;
  readonly #reactor: Reactor;
  readonly #listeners: Listener[] = [];
  readonly #random = Xoshiro128.seeded();
  readonly #denials: DenialLog;
  #authorise: Authorise | undefined;
  #channel: HostChannel | null = null;
  /** Changes of the configuration, one after the other. */
  #taking: Promise<void> = Promise.resolve();
  /** The mesh file's, before sockhijack's replicas are put in. */
  #catalog: Catalog;
  /** Connections that came where sockhijack sends them, but were not sent by it. */
  strangers = 0;

  private constructor(reactor: Reactor, telemetry: Telemetry, catalog: Catalog, options: WorkerOptions) {
    this.#reactor = reactor;
    this.#options = options;
    this.#catalog = catalog;
    this.telemetry = telemetry;
    this.#denials = new DenialLog(options.log);
    this.tables = new ReplicadTables(reactor, options);
    this.plane = new DataPlane({
      reactor,
      dial: (endpoint, caller, events) =>
        endpoint.here ? TcpSocket.connect(reactor, encodeSocketAddress(endpoint), events) : this.links.open(endpoint, caller, events),
      here: (replica) => this.#isHere(replica),
      loads: this.tables.loads,
      reports: this.tables.reports,
      startMs: clockMs() - performance.now(),
      random: () => this.#random.fraction(),
      onExchange: (exchange) => telemetry.exchangeEnded(exchange),
      onPassageBegun: (passage) => telemetry.passageBegun(passage),
      onPassage: (passed) => telemetry.passageEnded(passed),
      admitsTcp: ({ caller, service, port }, target) =>
        (this.#authorise?.deniesConnection([service, target], { from: caller.service, port }) ?? "") === "",
      programsOf: ({ traffic }) => this.filters.of(traffic.filters),
      chainParts: (configured) => this.#chainParts(configured),
    });
    this.filters = new FilterSet({
      plane: this.plane,
      log: options.log,
      node: options.node,
      folder: options.folder,
      pushed: new PushedModules(options.pushedFilters),
      workers: options.workers,
    });
    this.filterWork = new FilterWork(() => this.filters.all.map(({ name }) => name));
    this.links = new LinkEnds({
      catalog,
      node: options.node,
      certificates: options.certificates,
      log: options.log,
      renewed: () => this.plane.pool.renew(),
      accept: (entry, attach) => void new Incoming(this.plane, entry, attach),
      replicaAt: (address, port) => this.plane.replicaAt(address, port),
    });
  }

  /**
   * Opens everything and begins to serve.
   *
   * @throws {MitsuError} `ERR_LISTEN` when an address is taken; what was opened is closed again.
   */
  static async open(catalog: Catalog, options: WorkerOptions): Promise<Worker> {
    const reactor = await Reactor.open();
    reactor.onFault = (error) => options.log.error("a fault in nicd ended a connection; please report it", { error });
    const linkSecurity = (): Security => worker.links.security;
    const worker: Worker = new Worker(reactor, await Telemetry.open({ ...options, linkSecurity }), catalog, options);
    try {
      await worker.links.prepare();
      await worker.take(catalog);
      for (const at of options.listen) worker.#listen(at);
      await worker.#openChannel();
      if (options.linkAt) await worker.links.listen(options.linkAt, options.workers > 1);
    } catch (error) {
      await worker.close();
      throw error;
    }
    reactor.run();
    return worker;
  }

  /**
   * Takes a new mesh file with its filters, which are read, checked and started first; requests on their way end by the one they began with.
   *
   * @throws {MitsuError} `ERR_FILTER_*`: a filter is not good, and all stays as it was.
   */
  take(catalog: Catalog): Promise<void> {
    const taken = this.#taking.then(async () => {
      const prepared = await this.filters.prepare(catalog);
      this.filters.commit(prepared);
      this.configure(catalog);
    });
    this.#taking = taken.catch(() => {});
    return taken;
  }

  /**
   * Tries a pushed module out, and keeps it.
   *
   * @throws {MitsuError} `ERR_FILTER_*`: it is not good, and nothing has changed.
   */
  async pushFilter({ filter, module, wait }: PushFilterRequest): Promise<PushFilterAnswer> {
    const pushing = this.#taking.then(() => this.filters.push(filter, module));
    this.#taking = pushing.then(
      () => {},
      () => {},
    );
    const { version, ended } = await pushing;
    const { sha256 } = version.module.info;
    const { slot } = this.filters.get(filter)!;
    if (!wait && slot.isTrying(version)) return { outcome: "canary", reason: "it is tried out", sha256 };
    const { outcome, reason } = await ended;
    return { outcome, reason, sha256 };
  }

  /** Takes a new mesh file whose filters are those that are there. */
  configure(catalog: Catalog): void {
    this.#catalog = catalog;
    const whole = withLiveReplicas(catalog, this.#channel?.replicas ?? []);
    this.links.configure(whole);
    this.plane.configure(whole);
  }

  /** Where it listens. */
  get listening(): readonly SocketAddress[] {
    return this.#listeners.map(({ at }) => at);
  }

  /** Why it is not wholly what it should be, a sentence each. */
  get degraded(): readonly string[] {
    const channel = this.#channel?.degraded;
    const full = this.#listeners.some((listener) => listener.full > 0);
    return [
      ...(channel ? [channel] : []),
      ...this.links.degraded,
      ...this.tables.degraded,
      ...this.telemetry.degraded,
      ...this.filters.all.flatMap(({ slot }) =>
        slot.state === "restarting" ? [`filter ${slot.name} stopped badly (${slot.lastTrap?.detail ?? ""}) and is started again`] : [],
      ),
      ...(this.#reactor.faults > 0 ? [`${this.#reactor.faults} connections were ended by faults in nicd: see the log`] : []),
      ...(full ? ["connections had to wait for a free file descriptor: raise LimitNOFILE"] : []),
      ...(this.#reactor.wakesForNode ? [] : ["Node's event loop was not found in /proc: links and commands are up to 20 ms late"]),
    ];
  }

  /** This node's certificate; null when there is none. */
  get certificate(): { readonly uri: string; readonly notAfterMs: number } | null {
    const status = this.#options.certificates?.status();
    return status ? { uri: status.uri, notAfterMs: status.notAfterMs } : null;
  }

  /** How often each authorisation rule matched. */
  get ruleCounts(): ReturnType<Authorise["counts"]> {
    return this.#authorise?.counts() ?? [];
  }

  /** Accepts nothing new, lets requests and carried connections end, at most for 10 s, and closes. */
  async drain(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) listener.close();
    await this.#channel?.close();
    this.links.retire();
    this.plane.drain();
    const { connections } = this.plane;
    const until = performance.now() + drainMs;
    while (connections.http + connections.tcp > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.close();
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) listener.close();
    await this.#channel?.close();
    this.filters.close();
    this.links.close();
    this.tables.close();
    await this.#reactor.stop();
    this.plane.relays.leave();
    this.filterWork.leave();
    await this.telemetry.close();
  }

  #listen({ address, port, service, servicePort }: ListenAt): void {
    const shared = this.#options.workers > 1;
    const listener = new Listener(this.#reactor, { address, port }, shared, (fd, client) => {
      const known = this.plane.service(service)?.ports.find(({ protocol }) => protocol === "tcp")?.port ?? servicePort;
      const entry: Entry = {
        caller: { service: "", address: client.address, port: client.port, by: "nobody" },
        service,
        port: servicePort || known,
        chosen: null,
      };
      this.#accept(fd, entry);
    });
    this.#listeners.push(listener);
    this.#options.log.info("listening", { address: listener.at.address, port: listener.at.port, service });
  }

  async #openChannel(): Promise<void> {
    const { channel, workers, log } = this.#options;
    if (!channel) return;
    const listener = new Listener(this.#reactor, channel.at, workers > 1, (fd, client) => {
      const local = listener.localAddress(fd);
      const sent = this.#channel?.callerOf(local.address, local.port, client.address, client.port);
      if (!sent) {
        // Nobody is to come here but by sockhijack, whose word on the caller everything below relies on.
        this.strangers++;
        new TcpSocket(this.#reactor, fd, nobody).destroy(true);
        return;
      }
      const caller: Caller = { service: sent.service, address: client.address, port: client.port, by: "cgroup" };
      this.#accept(fd, { caller, service: sent.asked.service, port: this.#askedPort(sent.asked), chosen: null });
    });
    this.#listeners.push(listener);
    const { HostChannel } = await import("./host-channel/mod.ts"); // and with it what reads BPF maps, which nobody needs without sockhijack
    this.#channel = await HostChannel.open({
      socket: channel.socket,
      port: listener.at.port,
      addresses: [listener.at.address],
      onChange: () => this.configure(this.#catalog),
    });
    this.configure(this.#catalog);
    log.info("taking connections from sockhijack", { address: listener.at.address, port: listener.at.port });
  }

  /** A program may have asked for a replica itself: its port stands for the service's. */
  #askedPort({ service, port }: { readonly service: string; readonly port: number }): number {
    const ports = this.plane.service(service)?.ports ?? [];
    return (ports.find((mapping) => mapping.port === port) ?? ports.find(({ target }) => target === port))?.port ?? port;
  }

  #accept(fd: number, entry: Entry): void {
    new Incoming(this.plane, entry, (events: ByteStreamEvents): ByteStream => new TcpSocket(this.#reactor, fd, events));
  }

  #isHere({ node }: Replica): boolean {
    return node === null || node === this.#options.node;
  }

  #chainParts(catalog: Catalog): (service: Service) => ChainParts {
    const services = catalog.services.map(({ name, traffic }) => ({ name, authorisation: traffic.authorisation }));
    const authorise = new Authorise(catalog.authorisation, services, this.#denials, this.#authorise);
    this.#authorise = authorise;
    return ({ tracing, traffic }) => ({
      trace: tracing.propagation === "off" ? null : new Trace(tracing, this.#random),
      authorise,
      timers: this.#reactor.timers,
      random: () => this.#random.fraction(),
      workers: this.#options.workers,
      filters: [],
      programs: (route) => this.filters.of([...new Set([...route.filters, ...traffic.filters])]),
    });
  }
}

const nobody: ByteStreamEvents = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
