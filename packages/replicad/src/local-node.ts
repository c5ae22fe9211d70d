/**
 * This node's replicad without its control socket: what it reads, what it knows, and whom it hands that to. Long because this is where every
 * source and every outlet meet.
 * @module
 */
import { availableParallelism } from "node:os";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { Catalog } from "@mitsu/catalog";
import { didYouMean, type Log } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { OverrideRequest, ReplicadReplica, SelectRequest } from "@mitsu/ipc";
import { clockMs } from "@mitsu/replica-table";
import type { BusPace } from "./bus/bus-pace.ts";
import { MqttBus } from "./bus/mqtt-bus.ts";
import { NodeState } from "./bus/node-state.ts";
import { NodeTable } from "./bus/node-table.ts";
import { Publisher, type Sink } from "./bus/publisher.ts";
import { Ticker } from "./bus/ticker.ts";
import type { KernelOutput } from "./kernel-output.ts";
import { KnownReplicas } from "./known/known-replicas.ts";
import { meshPorts } from "./mesh/mesh-ports.ts";
import { canonicalKey } from "./overrides/override.ts";
import { OverrideExchange } from "./overrides/override-exchange.ts";
import { Overrides } from "./overrides/overrides.ts";
import { DownProbe } from "./probe/down-probe.ts";
import { ReportOutput } from "./report-output.ts";
import { replicaView } from "./select/explain.ts";
import { PortSelection } from "./select/port-selection.ts";
import { Tickets } from "./select/tickets.ts";
import { NodeSignals } from "./signals/node-signals.ts";
import { nodeStall } from "./signals/node-stall.ts";
import { ReplicaSignals } from "./signals/replica-signals.ts";

/** What a node is made with. */
export interface LocalNodeOptions {
  readonly catalog: Catalog;
  readonly node: string;
  /** Null for none. */
  readonly broker: { readonly url: string; readonly username?: string; readonly password?: string; readonly tls: TlsOptions } | null;
  /** Control sockets; null for a daemon that this node does not have. */
  readonly sockhijack: string | null;
  readonly nicd: string | null;
  readonly cgroup: string | null;
  readonly pace: BusPace;
  /** Folder for overrides. */
  readonly state: string;
  /** Where the table of reports lies. */
  readonly reportsPath: string;
  readonly log: Log;
}

/** A node that was not heard for so long is forgotten. */
const silentMs = 60_000;
/** What is not pressing is done so often. */
const chores = 500;

/** Milliseconds since 1970 by a clock that does not go back; its difference to `clockMs()` stays the same. */
const now = (): number => performance.timeOrigin + performance.now();
const wallAhead = now() - clockMs();

/** A broker that nobody has. */
const nowhere: Sink = { room: () => "down", send: () => {} };

/** Everything between opening and closing. */
export class LocalNode {
  readonly state: NodeState;
  readonly table: NodeTable;
  readonly bus: MqttBus | null;
  readonly publisher: Publisher;
  readonly overrides: Overrides;
  readonly known: KnownReplicas;
  readonly tickets: Tickets = new Tickets();
  readonly reports: ReportOutput;
  /** Null for a node without sockhijack. */
  readonly kernel: KernelOutput | null;
  readonly signals: ReplicaSignals;
  readonly nodeSignals: NodeSignals;
  /** One for each TCP port of a service, by `service port`. */
  readonly selections: Map<string, PortSelection> = new Map();
  catalog: Catalog;
  readonly #options: LocalNodeOptions;
  readonly #exchange: OverrideExchange;
  readonly #probe: DownProbe;
  readonly #ticker: Ticker;
  readonly #chores: NodeJS.Timeout;
  #here = new Set<string>();
  #nodes = new Set<string>();

  private constructor(options: LocalNodeOptions, overrides: Overrides, kernel: KernelOutput | null) {
    const { node, log, broker, pace } = options;
    this.#options = options;
    this.catalog = options.catalog;
    this.overrides = overrides;
    this.state = new NodeState(node);
    this.state.bootSeconds = Math.floor(now() / 1000);
    this.state.bootRandom = crypto.getRandomValues(new Uint32Array(1))[0]!;
    this.state.cpus = availableParallelism();
    const { bootSeconds, bootRandom } = this.state;
    this.table = new NodeTable({
      bootSeconds,
      bootRandom,
      known: (name) => this.#nodes.size === 0 || this.#nodes.has(name),
      fastMs: pace.fastMs,
    });
    this.known = new KnownReplicas((key) => overrides.get(key));
    this.reports = new ReportOutput(options.reportsPath, this.known);
    this.kernel = kernel;
    this.signals = new ReplicaSignals({
      nicd: options.nicd,
      rows: this.state.replicas,
      here: (key) => this.#here.has(key),
      kernel,
      clock: clockMs,
      stall: () => nodeStall(this.state),
      onDown: (key) => {
        this.#probe.watch(key);
        queueMicrotask(() => this.#ticker.poke());
      },
    });
    this.nodeSignals = new NodeSignals({ cgroup: options.cgroup });
    this.#exchange = new OverrideExchange({ overrides, node, now: Date.now });
    this.#probe = new DownProbe({ onUp: (key) => this.#up(key) });
    this.bus =
      broker === null
        ? null
        : new MqttBus({
            ...broker,
            node,
            table: this.table,
            now,
            onUp: () => {
              log.info("the broker is there", { broker: this.bus!.url });
              this.publisher.resync();
              this.#exchange.resync();
            },
            onDown: (reason) => {
              log.warn("the broker is away", { reason });
              this.#exchange.lost();
            },
            onOverride: (key, bytes) => this.#exchange.heard(key, bytes),
          });
    this.#exchange.bus = this.bus;
    this.publisher = new Publisher(this.state, this.bus ?? nowhere, {
      ...pace,
      prepare: ({ echoes }, nowMs) => this.table.writeEchoes(echoes, nowMs),
    });
    overrides.onChange = (key) => {
      this.known.overridden(key);
      this.#ticker.poke();
    };
    this.configure(options.catalog);
    this.#ticker = new Ticker({ publisher: this.publisher, now, sample: (nowMs) => this.#sample(nowMs), fastMs: pace.fastMs });
    this.#chores = setInterval(() => this.#housekeeping(), chores);
  }

  /** @throws {MitsuError} `ERR_BROKER_URL`; when overrides cannot be read, or the table of reports cannot be made. */
  static async open(options: LocalNodeOptions): Promise<LocalNode> {
    const overrides = await Overrides.open(options.state);
    const { sockhijack, log } = options;
    if (sockhijack === null) return new LocalNode(options, overrides, null);
    const { KernelOutput } = await import("./kernel-output.ts"); // and with it libbpf, which nobody needs without sockhijack
    const kernel: KernelOutput = new KernelOutput({
      socket: sockhijack,
      log,
      clients: () => node.clients,
      onChange: () => node.configure(node.catalog),
    });
    const node: LocalNode = new LocalNode(options, overrides, kernel);
    return node;
  }

  /** How many programs send requests, as far as is known: a nicd for each node. */
  get clients(): number {
    return this.table.nodes.size + 1;
  }

  /** Takes a new mesh file; what is known of replicas that stay is kept. */
  configure(catalog: Catalog): void {
    const ports = meshPorts(catalog, this.#options.node, this.kernel?.found ?? []);
    const nowMs = clockMs();
    const before = new Map(this.selections);
    const options = { known: this.known, clients: () => this.clients, random: Math.random };
    this.catalog = catalog;
    this.selections.clear();
    for (const port of ports) {
      const name = `${port.service} ${port.port}`;
      const old = before.get(name);
      old?.update(port, nowMs);
      this.selections.set(name, old ?? new PortSelection(port, options, nowMs));
    }
    this.#nodes = new Set(catalog.nodes.map(({ name }) => name));
    const replicas = ports.flatMap((port) => port.replicas);
    const here = new Set(replicas.filter((one) => one.here).map(({ key }) => key));
    for (const key of this.#here) if (!here.has(key)) this.#probe.forget(key);
    this.#here = here;
    this.signals.watch(this.#here);
    this.kernel?.configure(this.selections.values());
  }

  /**
   * The selection of one port of a service.
   *
   * @throws {MitsuError} `ERR_NO_SERVICE`, `ERR_NO_PORT`: there is none, or several and none was named.
   */
  selection({ service, port }: SelectRequest): PortSelection {
    const all = [...this.selections.values()].filter((one) => one.service === service);
    const fits = port === undefined ? all : all.filter((one) => one.port === port);
    if (fits.length === 1) return fits[0]!;
    if (all.length === 0) {
      const names = this.catalog.services.map(({ name }) => name);
      const known = names.includes(service);
      throw new MitsuError(known ? `${service} has no TCP port` : `there is no service ${service}`, {
        code: "ERR_NO_SERVICE",
        exit: exitStatus.usage,
        hint: known ? "give it ports in the mesh file" : meant(service, names, `the mesh has ${names.join(", ") || "none"}`),
      });
    }
    throw new MitsuError(port === undefined ? `${service} has several ports` : `${service} has no port ${port}`, {
      code: "ERR_NO_PORT",
      exit: exitStatus.usage,
      hint: `name one of ${all.map((one) => one.port).join(", ")}`,
    });
  }

  /** Replicas as people see them. */
  replicas(service?: string): ReplicadReplica[] {
    const nowMs = clockMs();
    const all = [...this.selections.values()].filter((one) => service === undefined || one.service === service);
    if (service !== undefined && all.length === 0) this.selection({ service });
    return all.flatMap((selection) => {
      selection.apply(nowMs);
      return [...selection.choices.values()].map((choice) => replicaView(selection, choice, nowMs));
    });
  }

  /**
   * Drains a replica or gives it a weight.
   *
   * @returns The replica as it is from now on, and why other nodes do not know; null when they do.
   * @throws {MitsuError} `ERR_NO_REPLICA`
   */
  async override(request: OverrideRequest): Promise<{ readonly replica: ReplicadReplica; readonly untold: string | null }> {
    const key = canonicalKey(request.replica);
    const keys = [...this.selections.values()].flatMap(({ choices }) => [...choices.keys()]);
    if (!keys.includes(key)) {
      throw new MitsuError(`no service has a replica ${key}`, {
        code: "ERR_NO_REPLICA",
        exit: exitStatus.usage,
        hint: meant(key, keys, "replicad replicas lists them"),
      });
    }
    const { untold } = await this.#exchange.set(key, request);
    const alone = this.bus === null && this.#nodes.size < 2;
    return { replica: this.replicas().find(({ replica }) => replica === key)!, untold: alone ? null : untold };
  }

  /** Why it is not wholly what it should be, a sentence each. */
  degraded(): readonly string[] {
    return [
      ...(this.bus?.degraded() ?? []),
      ...this.overrides.degraded(),
      ...this.signals.degraded(),
      ...(this.kernel?.degraded() ?? []),
      ...this.nodeSignals.degraded(),
      ...(this.reports.left > 0 ? [`${this.reports.left} replicas do not fit into the table that nicd reads`] : []),
    ];
  }

  async close(): Promise<void> {
    clearInterval(this.#chores);
    this.#ticker[Symbol.dispose]();
    this.#probe[Symbol.dispose]();
    this.#exchange[Symbol.dispose]();
    this.signals[Symbol.dispose]();
    this.nodeSignals[Symbol.dispose]();
    this.kernel?.close();
    this.reports.close();
    await this.bus?.close();
    await this.overrides.close();
  }

  #sample(nowMs: number): void {
    const clock = clockMs();
    this.nodeSignals.sample(this.state, nowMs);
    this.signals.sample();
    this.known.own(this.state, clock);
    for (const entry of this.table.nodes.values()) this.known.told(entry, entry.reportedAtMs(nowMs) - wallAhead);
    this.reports.write(clock, this.clients);
    this.kernel?.write(clock);
  }

  #up(key: string): void {
    this.signals.setUp(key);
    this.#ticker.poke();
  }

  #housekeeping(): void {
    const nowMs = now();
    this.table.forgetSilent(silentMs, nowMs);
    this.tickets.expire(clockMs());
    const oldest = clockMs() - silentMs;
    const meant = new Set([...this.selections.values()].flatMap(({ choices }) => [...choices.keys()]));
    this.known.prune((one) => meant.has(one.key) || one.atMs > oldest);
  }
}

function meant(name: string, names: readonly string[], otherwise: string): string {
  const near = didYouMean(name, names);
  return near === undefined ? otherwise : `did you mean ${near}?`;
}
