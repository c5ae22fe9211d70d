/**
 * A full mesh of mqttnics: each node is a client of each other one, subscribes there to what its own clients want, and publishes what comes into its own
 * broker as a peer, which other peers do not get. So a message crosses each link once, and no chain of nodes can bring it back. A shared subscription is
 * shared among the clients of one node. What begins with `$` stays on its node.
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Log, MitsuError } from "@mitsu/cli";
import type { MqttnicBridge } from "@mitsu/ipc";
import type { Broker } from "../broker/broker.ts";
import type { MeshConfig } from "../config/broker-config.ts";
import { BackOff } from "./back-off.ts";
import type { ClientConnect, ClientSubscription } from "./client-packets.ts";
import { LinkPair } from "./link-pair.ts";
import type { RelayCounters } from "./relay.ts";
import { openRemote } from "./remote-socket.ts";
import { WantedFilters } from "./wanted-filters.ts";

/** What the mesh needs of its daemon. */
export interface MeshContext {
  readonly log: Log;
  readonly readFile: (path: string) => Uint8Array;
  /** Filters that parts of the broker watch, such as aggregates: wanted from peers though no client subscribes. */
  readonly alsoWanted: readonly string[];
}

/** A mesh at work. */
export interface RunningMesh {
  /** One for each peer. */
  status(): MqttnicBridge[];
  /** Peers come and go; those that stay keep their connections. */
  reload(config: MeshConfig, alsoWanted: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

type Peer = MeshConfig["peers"][number];

/** The client id by which a node comes in at its peers; what authenticates it there makes {@link Identity.peerNode} of it. */
export const meshClientId = (node: string): string => `$mesh/${node}`;
/** The user name that goes with it. */
export const meshUsername = "$mesh";

const backOffMs = { min: 50, max: 5000 } as const;
/** How long what a node wants is kept for it while it is away, in seconds. */
const sessionExpiryS = 24 * 60 * 60;
const mostInFlight = 1000;
const keepAliveS = 5;
/** Session taken over: somebody else is this node, or the peer has two names. [MQTT 5.0 §3.14.2.1] */
const takenOver = 0x8e;

/**
 * Starts the mesh: connects to all peers, now and again whenever a connection is lost.
 *
 * @throws {MitsuError} what reading the secret's file gives.
 */
export function startMesh(broker: Broker, config: MeshConfig, context: MeshContext): RunningMesh {
  return new Mesh(broker, config, context);
}

class Mesh implements RunningMesh {
  readonly #broker: Broker;
  readonly #context: MeshContext;
  readonly #wanted = new WantedFilters();
  readonly #links = new Map<string, PeerLink>();
  readonly #endInterest: () => void;
  #config: MeshConfig;
  #alsoWanted: readonly string[];
  #changes = new Set<string>();

  constructor(broker: Broker, config: MeshConfig, context: MeshContext) {
    this.#broker = broker;
    this.#context = context;
    this.#config = config;
    this.#alsoWanted = context.alsoWanted;
    for (const filter of broker.interest()) this.#wanted.add(filter);
    for (const filter of context.alsoWanted) this.#wanted.add(filter);
    this.#endInterest = broker.onInterest((filter, wanted) => this.#want(filter, wanted));
    this.#connect();
  }

  status(): MqttnicBridge[] {
    return [...this.#links.values()].map((link) => link.status());
  }

  async reload(config: MeshConfig, alsoWanted: readonly string[]): Promise<void> {
    const same = (one: Peer, other: Peer): boolean => one.host === other.host && one.port === other.port;
    const ours = ({ node, tls, secretFile }: MeshConfig): string => JSON.stringify([node, tls, secretFile]);
    const all = ours(config) !== ours(this.#config);
    this.#config = config;
    const ending: Promise<void>[] = [];
    for (const [node, link] of this.#links) {
      const peer = config.peers.find((candidate) => candidate.node === node);
      if (!all && peer !== undefined && same(peer, link.peer)) continue;
      this.#links.delete(node);
      ending.push(link.stop());
    }
    for (const filter of alsoWanted) this.#want(filter, true);
    for (const filter of this.#alsoWanted) this.#want(filter, false);
    this.#alsoWanted = alsoWanted;
    await Promise.all(ending);
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#endInterest();
    await Promise.all([...this.#links.values()].map((link) => link.stop()));
    this.#links.clear();
  }

  #connect(): void {
    const { node, peers, tls, secretFile } = this.#config;
    const secret = secretFile === undefined ? undefined : Buffer.from(this.#context.readFile(secretFile)).toString("utf8").trim();
    for (const peer of peers) {
      // A list of all nodes has this one, too; a node named twice is one peer.
      if (peer.node === node || this.#links.has(peer.node)) continue;
      this.#links.set(
        peer.node,
        new PeerLink({ ...this.#context, broker: this.#broker, wanted: this.#wanted.active, node, tls, secret }, peer),
      );
    }
  }

  #want(filter: string, wanted: boolean): void {
    const { subscribe, unsubscribe } = wanted ? this.#wanted.add(filter) : this.#wanted.delete(filter);
    if (subscribe.length + unsubscribe.length === 0) return;
    // A client that subscribes to thousands gives few SUBSCRIBEs.
    if (this.#changes.size === 0)
      setImmediate(() => {
        const changes = this.#changes;
        this.#changes = new Set();
        for (const link of this.#links.values()) link.changed(changes);
      });
    for (const changed of [...subscribe, ...unsubscribe]) this.#changes.add(changed);
  }
}

interface PeerOptions extends MeshContext {
  readonly broker: Broker;
  readonly wanted: ReadonlySet<string>;
  readonly node: string;
  readonly tls: MeshConfig["tls"];
  readonly secret: string | undefined;
}

const subscription = (filter: string): ClientSubscription => ({
  filter,
  qos: 2,
  noLocal: true,
  retainAsPublished: true,
  retainHandling: 0,
});

/** This node's connection to one peer. */
class PeerLink {
  readonly peer: Peer;
  readonly #options: PeerOptions;
  readonly #log: Log;
  readonly #in: RelayCounters = { messages: 0, skipped: 0, refused: 0 };
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** What the session at the peer has; of an earlier process, filters that nobody wants any more may be there too. */
  readonly #subscribed = new Set<string>();
  #state: MqttnicBridge["state"] = "connecting";
  #lastError: string | null = null;
  #pair: LinkPair | undefined;

  constructor(options: PeerOptions, peer: Peer) {
    this.peer = peer;
    this.#options = options;
    this.#log = options.log.child({ peer: peer.node });
    this.#running = this.#run();
  }

  status(): MqttnicBridge {
    const { node, host, port } = this.peer;
    const counts = { messagesIn: this.#in.messages, messagesOut: 0 };
    return { name: node, kind: "mesh", to: `${host}:${port}`, state: this.#state, ...counts, lastError: this.#lastError };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#pair?.end();
    await this.#running;
  }

  /** These filters are wanted now, or no longer. */
  changed(filters: Iterable<string>): void {
    const { wanted } = this.#options;
    const link = this.#pair?.remote;
    if (this.#state !== "up" || link === undefined) return;
    const [more, less]: [string[], string[]] = [[], []];
    for (const filter of filters) {
      if (wanted.has(filter) && !this.#subscribed.has(filter)) more.push(filter);
      else if (!wanted.has(filter) && this.#subscribed.has(filter)) less.push(filter);
    }
    for (const filter of more) this.#subscribed.add(filter);
    for (const filter of less) this.#subscribed.delete(filter);
    // The wider one first: nothing may fall between the two.
    if (more.length > 0)
      void link.subscribe(more.map(subscription)).then((codes) => {
        const refused = more.filter((_filter, index) => (codes[index] ?? 0) >= 0x80);
        if (refused.length > 0) this.#log.warn("the peer refuses filters", { count: refused.length, first: refused[0] });
      });
    if (less.length > 0) void link.unsubscribe(less);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const backOff = new BackOff(backOffMs.min, backOffMs.max);
    while (!signal.aborted) {
      this.#state = "connecting";
      let pauseMs: number | undefined;
      try {
        await this.#session(signal, () => backOff.reset());
      } catch (error) {
        if (signal.aborted) return;
        let { message } = error as Error;
        if (error instanceof MitsuError && error.cause === takenOver) {
          pauseMs = backOffMs.max;
          message = `another connection to ${this.peer.node} came in as ${meshClientId(this.#options.node)}: two nodes have one name, or the peer has two`;
        }
        if (message !== this.#lastError) this.#log.warn(message);
        this.#lastError = message;
      }
      if (signal.aborted) return;
      this.#state = "backing-off";
      await wait(pauseMs ?? backOff.next(), undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #session(signal: AbortSignal, onUp: () => void): Promise<void> {
    const { broker, node, secret, tls, readFile, wanted } = this.#options;
    const remoteStream = await openRemote(this.peer, tls, readFile, this.peer.node);
    if (signal.aborted) {
      remoteStream.destroy();
      return;
    }
    const identity = { username: meshUsername, by: "mesh", untilMs: 0, peerNode: this.peer.node } as const;
    const pair = new LinkPair({
      remoteStream,
      remote: connectAs(meshClientId(node), keepAliveS, secret),
      openLocal: () => broker.openStream(identity),
      local: connectAs(`$mesh-from/${this.peer.node}`, 0, undefined),
      localIsNew: false,
      changeIn: (publish) => (publish.topic.startsWith("$") ? undefined : { ...publish }),
      changeOut: () => undefined,
      countersIn: this.#in,
      countersOut: { messages: 0, skipped: 0, refused: 0 },
    });
    this.#pair = pair;
    try {
      const { remote } = await pair.open();
      if (!remote.sessionPresent) this.#subscribed.clear();
      this.#state = "up";
      this.#lastError = null;
      this.changed(new Set([...wanted, ...this.#subscribed]));
      onUp();
      this.#log.info("peer is up");
      const error = await pair.closed;
      if (error !== null) throw error;
    } finally {
      pair.end();
      this.#pair = undefined;
    }
  }
}

function connectAs(clientId: string, keepAlive: number, secret: string | undefined): ClientConnect {
  return {
    version: 5,
    bridge: false,
    clean: false,
    sessionExpiryS,
    keepAliveS: keepAlive,
    clientId,
    username: keepAlive > 0 ? meshUsername : undefined,
    password: secret,
    receiveMaximum: mostInFlight,
    will: undefined,
  };
}
