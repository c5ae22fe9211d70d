/**
 * The broker: connections, sessions and the turn of the loop in which all that came is read, routed, made durable, acknowledged and sent. What each
 * packet does is in `handle-*.ts`; who gets what in `router.ts`; one session's messages in `deliveries.ts`.
 *
 * Longer than 300 lines since it is where the parts meet, and what the rest of mqttnic asks of the broker.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Log } from "@mitsu/cli";
import type { MqttnicClient, MqttnicRetained, MqttnicStatus, MqttnicSubscription } from "@mitsu/ipc";
import { Timers } from "@mitsu/reactor/timers";
import type { BrokerConfig } from "../config/broker-config.ts";
import type { BoundListener, DataPlane, PlaneEvents } from "../data-plane/data-plane.ts";
import type { Matching } from "../matching/matching.ts";
import type { SubscriptionOptions } from "../message.ts";
import { packetType, type Will } from "../protocol/packet.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import type { OpenedSecurity } from "../security/open-security.ts";
import type { Identity } from "../security/security.ts";
import type { Store } from "../store/store.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import type { Broker, OwnMessage, PassingMessage } from "./broker.ts";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { Deliveries } from "./deliveries.ts";
import { Doorman } from "./doorman.ts";
import { withEffectiveLimits } from "./effective-limits.ts";
import { Outbox } from "./outbox.ts";
import { OwnMessages } from "./own-messages.ts";
import type { Passing } from "./passing.ts";
import { RetainedFeeds } from "./retained-feeds.ts";
import { RetainedTree } from "./retained-tree.ts";
import { RouteCache } from "./route-cache.ts";
import { Router } from "./router.ts";
import type { Session } from "./session.ts";
import { SessionTable } from "./session-table.ts";
import { SubscriptionTable } from "./subscription-table.ts";
import type { SubscriptionLeaf } from "./subscription-tree.ts";
import { clientRows, statusOf, subscriptionRows } from "./views.ts";

/** What the trees of subscriptions and retained messages can take, which are walked by recursion. */
const mostTopicLevels = 1000;
/** How often time-outs are looked at. */
const tickMs = 100;
/** How often the store gets the chance to tidy up, which takes it some milliseconds at most. */
const ticksToCompact = 5;

/** What the broker is given. */
export interface CoreOptions {
  readonly config: BrokerConfig;
  readonly security: OpenedSecurity;
  /** undefined keeps nothing on disk. */
  readonly store: Store | undefined;
  /** What finds the subscribers of a topic; undefined for mqttnic's own tree. Whoever opened it closes it. */
  readonly matching?: Matching<SubscriptionLeaf> | undefined;
  readonly log: Log;
  /** Of status. */
  readonly about: { readonly version: string; readonly pid: number; readonly startedAtMs: number; readonly node: string };
  /** Milliseconds since 1970. */
  readonly wallMs?: () => number;
  /** Milliseconds of a clock that never goes back: what time-outs go by. */
  readonly timeMs?: () => number;
}

/** The broker. */
export class Core implements Broker {
  config: BrokerConfig;
  readonly security: OpenedSecurity;
  readonly store: Store | undefined;
  readonly matching: CoreOptions["matching"];
  readonly log: Log;
  readonly about: CoreOptions["about"];
  readonly timers: Timers;
  readonly counters: Counters = new Counters();
  readonly outbox: Outbox = new Outbox();
  readonly subscribed: SubscriptionTable;
  readonly retained: RetainedTree = new RetainedTree();
  readonly routes: RouteCache;
  readonly router: Router;
  readonly deliveries: Deliveries;
  readonly sessions: SessionTable;
  readonly doorman: Doorman;
  readonly planes: DataPlane[] = [];
  /** What is amiss, for status. */
  readonly degraded: Set<string> = new Set();
  /** Told by status; set by those who run bridges. */
  bridges: () => MqttnicStatus["bridges"] = () => [];
  /** Where it listens, for status; set by those who listen. */
  listening: () => readonly BoundListener[] = () => [];
  readonly #connections = new Map<DataPlane, (Connection | undefined)[]>();
  readonly #acknowledgements = new Acknowledgements();
  readonly #feeds: RetainedFeeds;
  readonly #bridgeSessions = new WeakSet<Session>();
  readonly #turnListeners = new Set<() => void>();
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  readonly #tick: NodeJS.Timeout;
  readonly #own: OwnMessages;
  #serial = 0;
  #ticks = 0;
  #nowMs = 0;
  #timeMs = 0;
  #turnWaits = false;
  #accessGeneration = 0;
  #openMemoryStream: ((identity: string) => Duplex) | undefined;
  readonly #identities = new Map<string, Identity>();

  constructor(options: CoreOptions) {
    this.config = withEffectiveLimits(options.config);
    this.security = options.security;
    this.store = options.store;
    this.matching = options.matching;
    this.subscribed = new SubscriptionTable(() => this.routes, options.matching?.filters);
    this.log = options.log;
    this.about = options.about;
    this.#wallMs = options.wallMs ?? Date.now;
    this.#monotonicMs = options.timeMs ?? (() => performance.now());
    this.timers = new Timers(this.#monotonicMs());
    this.routes = new RouteCache({
      tree: this.subscribed.tree,
      outbox: this.outbox,
      acl: () => this.security.acl,
      queueQos0: () => this.config.limits.queueQos0,
    });
    const limits = () => this.config.limits;
    this.deliveries = new Deliveries({
      outbox: this.outbox,
      counters: this.counters,
      limits,
      nowMs: () => this.nowMs(),
      acknowledgements: this.#acknowledgements,
      acl: () => this.security.acl,
    });
    this.router = new Router({
      outbox: this.outbox,
      counters: this.counters,
      limits,
      upgradesQos: () => this.config.upgradeOutgoingQos,
      deliver: (...delivery) => this.deliveries.deliver(...delivery),
      sendOwn: (...own) => this.deliveries.sendOwn(...own),
    });
    this.#feeds = new RetainedFeeds(
      this.retained,
      this.deliveries,
      () => this.security.acl,
      () => this.config.limits.waitingBytes,
    );
    this.#own = new OwnMessages(
      this.router,
      this.routes,
      () => this.nowMs(),
      (passing) => void this.retain(passing),
    );
    this.sessions = new SessionTable({
      subscriptions: this.subscribed,
      deliveries: this.deliveries,
      store: this.store,
      timers: this.timers,
      counters: this.counters,
      limits,
      nowMs: () => this.nowMs(),
      wallMs: this.#wallMs,
      publishWill: (session, will) => this.#publishWill(session, will),
    });
    this.doorman = new Doorman(
      () => this.config,
      this.counters,
      () => this.timeMs(),
    );
    this.sessions.restore();
    for (const message of this.store?.retained() ?? []) this.retained.set(message);
    this.#tick = setInterval(() => {
      this.timers.advance(this.timeMs());
      this.#endSlow();
      this.routes.sweep();
      this.#endExpired();
      if (this.security.generation !== this.#accessGeneration) this.#accessMayHaveChanged();
      if (++this.#ticks % ticksToCompact === 0) this.store?.compact();
      this.scheduleTurn();
    }, tickMs);
  }

  /** Serves a plane's connections from now on. @returns What the plane is to tell. */
  events(plane: () => DataPlane): PlaneEvents {
    const connectionsOf = (): (Connection | undefined)[] => {
      let connections = this.#connections.get(plane());
      if (!connections) {
        connections = [];
        this.#connections.set(plane(), connections);
      }
      return connections;
    };
    let known: (Connection | undefined)[] | undefined;
    return {
      onOpen: (id, peer) => {
        known ??= connectionsOf();
        known[id] = new Connection(this, plane(), id, this.#serial++, peer);
        this.doorman.opened(peer);
      },
      onBytes: (id, buffer, start, end) => {
        const connection = known?.[id];
        try {
          connection?.receive(buffer, start, end);
        } catch (error) {
          // A fault of ours ends the one connection that met it.
          this.log.error("a fault of the broker's own", { error, client: connection?.clientId });
          connection?.fail(reasonCode.unspecifiedError, "a fault of the broker's own", "fault", true);
        }
      },
      onDrain: (id) => {
        const connection = known?.[id];
        if (!connection?.session || connection.state !== "open") return;
        this.deliveries.drain(connection.session);
        this.#feeds.goOn(connection);
      },
      onClose: (id, error) => {
        const connection = known?.[id];
        if (!connection) return;
        known![id] = undefined;
        this.doorman.closed(connection.peer);
        this.counters.slowDropped += connection.plane.dropped[id]!;
        connection.over(true, error?.message ?? "the connection ended");
      },
      onTurn: () => this.turn(),
    };
  }

  /** Adds the plane whose {@link events} were made. */
  addPlane(plane: DataPlane, openStream?: (identity: string) => Duplex): void {
    plane.dropAboveBytes = this.config.limits.waitingBytes;
    this.planes.push(plane);
    this.outbox.addPlane(plane);
    if (openStream) this.#openMemoryStream = openStream;
  }

  /** Milliseconds since 1970; stands still within a turn. */
  nowMs(): number {
    if (this.#nowMs === 0) this.#nowMs = this.#wallMs();
    return this.#nowMs;
  }

  /** Milliseconds of a clock that never goes back; stands still within a turn. */
  timeMs(): number {
    if (this.#timeMs === 0) {
      this.#timeMs = this.#monotonicMs();
      // What is armed after a long halt counts from its end.
      this.timers.tell(this.#timeMs);
    }
    return this.#timeMs;
  }

  /** Levels that a topic or filter may have. */
  get topicLevels(): number {
    return this.config.limits.topicLevels || mostTopicLevels;
  }

  /** All that came has been read: it is made durable, acknowledged and sent. */
  turn(): void {
    this.#turnWaits = false;
    this.#own.publishPostponed();
    this.router.closeRuns();
    if (this.router.routed) {
      for (const listener of this.#turnListeners) listener();
      this.router.routed = false;
      this.router.closeRuns();
    }
    if (this.#kept()) this.#acknowledgements.send(this.outbox);
    this.outbox.flush();
    this.deliveries.flushed();
    this.#nowMs = 0;
    this.#timeMs = 0;
  }

  /** Something is to be sent although no bytes came. */
  scheduleTurn(): void {
    if (this.#turnWaits) return;
    this.#turnWaits = true;
    setImmediate(() => {
      if (this.#turnWaits) this.turn();
    });
  }

  /** The session of a client that comes in: its own of before, or a new one. An older connection of it ends. [MQTT 5.0 §3.1.4] */
  takeSession(connection: Connection, clean: boolean, identity: Identity, expiryS: number): { session: Session; present: boolean } {
    const { clientId } = connection;
    const before = this.sessions.get(clientId);
    if (before?.connection) {
      // The will of a connection that is taken over goes at once unless its session goes on and the will was to wait. [MQTT-3.1.4-3]
      const old = before.connection;
      this.security.audit({ event: "taken-over", clientId, username: before.identity.username, from: connection.from });
      if (!clean && before.expiryS > 0 && (old.will?.delayS ?? 0) > 0) old.will = undefined;
      old.fail(reasonCode.sessionTakenOver, "another connection has this client id", "taken-over");
    }
    return this.sessions.take(connection, clean, identity, expiryS);
  }

  /** A client is in: its topics lead to it, and what waited goes out. */
  opened(connection: Connection): void {
    const session = connection.session!;
    this.counters.connectionsTotal++;
    const { username } = session.identity;
    this.security.audit({ event: "connect", clientId: connection.clientId, username, from: connection.from });
    this.log.debug("client is connected", {
      client: connection.clientId,
      from: connection.from,
      ...(username !== undefined && { username }),
    });
    // With its will, which a broker that is killed publishes when it is back.
    if (connection.will) this.sessions.keep(session);
    this.subscribed.moved(session);
    this.deliveries.sendAgain(session);
  }

  /** A connection is over. */
  connectionOver(connection: Connection, withWill: boolean, why: string): void {
    const { session, will } = connection;
    this.#feeds.end(connection);
    if (!session || session.connection !== connection) return;
    this.security.audit({
      event: "disconnect",
      clientId: session.clientId,
      username: session.identity.username,
      from: connection.from,
      reason: why,
    });
    session.connection = undefined;
    connection.will = undefined;
    this.router.closeRuns();
    session.breakRuns();
    this.subscribed.moved(session);
    this.sessions.left(session, withWill ? will : undefined);
    this.scheduleTurn();
  }

  /** Mosquitto's bridges say that they are some: they get RETAIN as published and not their own messages. */
  noteBridge(session: Session): void {
    this.#bridgeSessions.add(session);
  }

  isBridge(session: Session): boolean {
    return this.#bridgeSessions.has(session);
  }

  /** Answers a PUBLISH or a PUBREL at the end of the turn. */
  answer(connection: Connection, type: 4 | 5 | 6 | 7, packetId: number, code: number): void {
    this.#acknowledgements.add(connection, type, packetId, code);
    this.counters.messagesSent++;
  }

  acknowledge(connection: Connection, packetId: number): void {
    this.deliveries.acknowledged(connection.session!, packetId);
    if (this.#feeds.any) this.#feeds.goOn(connection);
  }

  received(connection: Connection, packetId: number, code: number): void {
    this.deliveries.received(connection.session!, packetId, code);
    if (this.#feeds.any) this.#feeds.goOn(connection);
  }

  completed(connection: Connection, packetId: number): void {
    this.deliveries.completed(connection.session!, packetId);
    if (this.#feeds.any) this.#feeds.goOn(connection);
  }

  /** PUBREL: the packet id is free again. */
  released(connection: Connection, packetId: number): void {
    const session = connection.session!;
    const known = session.received?.delete(packetId) === true;
    if (known) session.store?.deleteReceived(session.clientId, packetId);
    const code = known || connection.version !== 5 ? reasonCode.success : reasonCode.packetIdentifierNotFound;
    this.answer(connection, packetType.pubcomp, packetId, code);
  }

  /** A QoS 2 message came that is not to be taken twice. */
  keepReceived(session: Session, packetId: number): void {
    session.received ??= new Set();
    session.received.add(packetId);
    session.store?.addReceived(session.clientId, packetId);
  }

  /** Keeps the message that passes as its topic's retained one, or deletes that. @returns Whether it was kept, or deleted. */
  retain(passing: Passing): boolean {
    const { retained, store } = this;
    const { topic, payloadBytes, view } = passing;
    const stored = !topic.startsWith("$SYS/");
    if (payloadBytes === 0) {
      if (retained.delete(topic) && stored) store?.deleteRetained(topic);
      return true;
    }
    const { retainedMessages, retainedBytes } = this.config.limits;
    const before = retainedMessages + retainedBytes > 0 ? retained.sizeOf(topic) : 0;
    const tooMany = before < 0 && retainedMessages > 0 && retained.count >= retainedMessages;
    const tooMuch = retainedBytes > 0 && retained.sizeBytes - Math.max(0, before) + payloadBytes > retainedBytes;
    if (stored && (tooMany || tooMuch)) {
      this.counters.limit(tooMany ? "retainedMessages" : "retainedBytes");
      return false;
    }
    const { buffer, from } = passing;
    retained.put(topic, view.qos, passing.expiresAtMs, from, passing.properties(), buffer, view.payloadStart, view.payloadEnd);
    if (stored) store?.putRetained(passing.message());
    return true;
  }

  sendRetained(connection: Connection, filter: string, options: SubscriptionOptions): void {
    this.#feeds.start(connection, filter, options, this.nowMs());
  }

  /** A client is somebody else now, or the rules have changed. */
  accessChanged(connection: Connection): void {
    connection.accessGeneration = -1;
    this.routes.clear();
  }

  /** Takes another configuration over; listeners are the caller's matter. Anonymous clients that could not come in any more go. */
  configure(config: BrokerConfig): void {
    this.config = withEffectiveLimits(config);
    for (const plane of this.planes) plane.dropAboveBytes = this.config.limits.waitingBytes;
    this.routes.clear();
    for (const { connection, identity } of [...this.sessions.values()]) {
      if (!connection || identity.by !== "anonymous") continue;
      const { listener, local } = connection.peer;
      const anonymous = config.listeners.find(({ name }) => name === listener.name)?.anonymous ?? "yes";
      if (anonymous === "no" || (anonymous === "local" && !local))
        connection.fail(reasonCode.notAuthorized, "anonymous clients are no longer let in here", "withdrawn");
    }
  }

  publish(message: OwnMessage): void {
    const { topic, payload, qos, retain, properties } = message;
    this.#own.publish({ topic, payload, qos, retain, properties: properties ?? Buffer.alloc(0), expiryS: -1, from: "" });
    this.scheduleTurn();
  }

  watch(filter: string, onMessage: (message: PassingMessage) => void): () => void {
    this.subscribed.tree.watch(filter, onMessage);
    this.routes.changed(filter);
    return () => {
      this.subscribed.tree.unwatch(filter, onMessage);
      this.routes.changed(filter);
    };
  }

  openStream(identity: Identity): Duplex {
    if (!this.#openMemoryStream) throw new Error("no data plane carries in-process streams");
    const name = `${identity.by}:${identity.peerNode ?? identity.username ?? ""}`;
    this.#identities.set(name, identity);
    return this.#openMemoryStream(name);
  }

  /** Who an in-process stream was opened for. */
  identityOf(name: string): Identity | undefined {
    return this.#identities.get(name);
  }

  interest(): Iterable<string> {
    return this.subscribed.interest.filters();
  }

  onInterest(listener: (filter: string, wanted: boolean) => void): () => void {
    return this.subscribed.interest.onChange(listener);
  }

  onTurn(listener: () => void): () => void {
    this.#turnListeners.add(listener);
    return () => void this.#turnListeners.delete(listener);
  }

  status(): MqttnicStatus {
    return statusOf(this);
  }

  clients(): Iterable<MqttnicClient> {
    return clientRows(this);
  }

  subscriptions(): Iterable<MqttnicSubscription> {
    return subscriptionRows(this);
  }

  *retainedMessages(filter: string): Iterable<MqttnicRetained> {
    for (const one of this.retained.match(filter, this.nowMs())) {
      const { topic, qos, bytes, expiresAtMs } = one;
      yield { topic, qos, bytes, payload: one.message().payload, expiresAtMs: expiresAtMs === 0 ? null : expiresAtMs };
    }
  }

  disconnect(clientId: string): boolean {
    const connection = this.sessions.get(clientId)?.connection;
    connection?.fail(reasonCode.administrativeAction, "an administrator ends it", "administrative");
    return connection !== undefined;
  }

  /** Tells every client that the broker ends, and waits until what they were sent has left, `graceMs` at most. */
  async drain(graceMs: number): Promise<void> {
    this.doorman.draining = true;
    const open = [...this.#connections.values()].flat().filter((one): one is Connection => one !== undefined);
    for (const connection of open) {
      if (connection.session && connection.version === 5)
        connection.send({ type: packetType.disconnect, reasonCode: reasonCode.serverShuttingDown, properties: {} });
      // Nobody has taken its will back; one that is to wait does so in the store. [MQTT-3.1.2-8]
      connection.close(true, "the broker ends");
    }
    this.turn();
    const end = performance.now() + graceMs;
    while (this.doorman.connections > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Ends all that runs by itself. */
  close(): void {
    clearInterval(this.#tick);
    this.turn();
    this.store?.close();
  }

  /** QoS 0 messages that were left out for clients which do not read. */
  slowDropped(): number {
    let dropped = this.counters.slowDropped;
    for (const connections of this.#connections.values())
      for (const connection of connections) if (connection) dropped += connection.plane.dropped[connection.id]!;
    return dropped;
  }

  /** Retained messages that have expired make room. */
  #endExpired(): void {
    for (const topic of this.retained.expired(this.nowMs())) if (this.retained.delete(topic)) this.store?.deleteRetained(topic);
  }

  /** Whoever does not read what it is sent goes, whether it says anything or not. */
  #endSlow(): void {
    for (const [plane, connections] of this.#connections) {
      const { waitingBytes } = plane;
      const most = this.config.limits.waitingBytesDisconnect;
      for (let id = 0; id < connections.length; id++) if (waitingBytes[id]! > most) connections[id]?.endIfSlow();
    }
  }

  #publishWill(session: Session, will: Will): void {
    const { topic, payload, qos, retain, properties, expiryS } = will;
    this.#own.publish({ topic, payload, qos, retain, properties, expiryS: expiryS ?? -1, from: session.clientId });
    this.scheduleTurn();
  }

  /** All of this turn is in the store; else those who wait for an acknowledgement lose their connections, to send again. */
  #kept(): boolean {
    if (!this.store) return true;
    try {
      this.store.commit();
      this.degraded.delete("store");
      return true;
    } catch (error) {
      if (!this.degraded.has("store"))
        this.log.error("the store takes nothing; clients that want acknowledgements are sent away", { error });
      this.degraded.add("store");
      for (const connection of this.#acknowledgements.drop())
        connection.fail(reasonCode.unspecifiedError, "the store takes nothing", "store");
      return false;
    }
  }

  /** Files were read again: who could not come in any more goes. */
  #accessMayHaveChanged(): void {
    this.#accessGeneration = this.security.generation;
    this.routes.clear();
    for (const { connection, identity } of [...this.sessions.values()])
      if (connection && !this.security.admits(identity)) connection.fail(reasonCode.notAuthorized, "access was withdrawn", "withdrawn");
  }
}
