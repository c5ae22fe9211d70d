/**
 * The broker: connections, sessions and the turn of the loop in which all that came is read, routed, made durable, acknowledged and sent. What each
 * packet does is in `handle-*.ts`; who gets what in `router.ts`; one session's messages in `deliveries.ts`.
 * @module
 */
import type { Duplex } from "node:stream";
import type { Log } from "@mitsu/cli";
import type { MqttnicClient, MqttnicRetained, MqttnicStatus, MqttnicSubscription } from "@mitsu/ipc";
import { Timer, Timers } from "@mitsu/reactor/timers";
import type { BrokerConfig } from "../config/broker-config.ts";
import type { BoundListener, DataPlane, Peer, PlaneEvents } from "../data-plane/data-plane.ts";
import type { Qos, SubscriptionOptions } from "../message.ts";
import { bodyStart } from "../protocol/framing.ts";
import { packetType, type Will } from "../protocol/packet.ts";
import { newPublishFields, publishSize, writePublish } from "../protocol/publish-encode.ts";
import { scanPublish } from "../protocol/publish-scan.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { parseShared } from "../protocol/topic.ts";
import type { OpenedSecurity } from "../security/open-security.ts";
import type { Identity } from "../security/security.ts";
import type { Store } from "../store/store.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import type { Broker, OwnMessage, PassingMessage } from "./broker.ts";
import { Connection } from "./connection.ts";
import { Counters } from "./counters.ts";
import { Deliveries } from "./deliveries.ts";
import { Interest } from "./interest.ts";
import { Outbox } from "./outbox.ts";
import type { Passing } from "./passing.ts";
import { RetainedFeeds } from "./retained-feeds.ts";
import { RetainedTree } from "./retained-tree.ts";
import { RouteCache } from "./route-cache.ts";
import { Router } from "./router.ts";
import { neverExpires, Session } from "./session.ts";
import { SubscriptionTree } from "./subscription-tree.ts";
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
  readonly log: Log;
  /** Of status. */
  readonly about: { readonly version: string; readonly pid: number; readonly startedAtMs: number; readonly node: string };
  /** Milliseconds since 1970. */
  readonly wallMs?: () => number;
  /** Milliseconds of a clock that never goes back: what time-outs go by. */
  readonly timeMs?: () => number;
}

/** A message that comes from no connection. */
interface Own {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly properties: Buffer;
  /** -1 is never. */
  readonly expiryS: number;
  readonly from: string;
}

/** The broker. */
export class Core implements Broker {
  config: BrokerConfig;
  readonly security: OpenedSecurity;
  readonly store: Store | undefined;
  readonly log: Log;
  readonly about: CoreOptions["about"];
  readonly timers: Timers;
  readonly counters: Counters = new Counters();
  readonly outbox: Outbox = new Outbox();
  readonly tree: SubscriptionTree = new SubscriptionTree();
  readonly retained: RetainedTree = new RetainedTree();
  readonly routes: RouteCache;
  readonly router: Router;
  readonly deliveries: Deliveries;
  readonly sessions: Map<string, Session> = new Map();
  readonly planes: DataPlane[] = [];
  /** What is amiss, for status. */
  readonly degraded: Set<string> = new Set();
  /** Told by status; set by those who run bridges. */
  bridges: () => MqttnicStatus["bridges"] = () => [];
  /** Where it listens, for status; set by those who listen. */
  listening: () => readonly BoundListener[] = () => [];
  connections = 0;
  draining = false;
  readonly #connections = new Map<DataPlane, (Connection | undefined)[]>();
  readonly #perListener = new Map<string, number>();
  readonly #acknowledgements = new Acknowledgements();
  readonly #interest = new Interest();
  readonly #feeds: RetainedFeeds;
  readonly #bridgeSessions = new WeakSet<Session>();
  readonly #expiries = new Map<Session, Timer>();
  readonly #wills = new Map<Session, Timer>();
  readonly #turnListeners = new Set<() => void>();
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  /** Sessions of clients that are not here. */
  readonly #away = new Set<Session>();
  /** Messages of our own that came up while another was routed. */
  #postponed: Own[] = [];
  readonly #tick: NodeJS.Timeout;
  readonly #ownFields = newPublishFields();
  #serial = 0;
  #ticks = 0;
  #nowMs = 0;
  #timeMs = 0;
  #turnWaits = false;
  #accessGeneration = 0;
  #connectTokens = 0;
  #connectTokensAtMs = 0;
  #openMemoryStream: ((identity: string) => Duplex) | undefined;
  readonly #identities = new Map<string, Identity>();

  constructor(options: CoreOptions) {
    this.config = options.config;
    this.security = options.security;
    this.store = options.store;
    this.log = options.log;
    this.about = options.about;
    this.#wallMs = options.wallMs ?? Date.now;
    this.#monotonicMs = options.timeMs ?? (() => performance.now());
    this.timers = new Timers(this.#monotonicMs());
    this.routes = new RouteCache({
      tree: this.tree,
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
    this.#restore();
    this.#tick = setInterval(() => {
      this.timers.advance(this.timeMs());
      this.#endSlow();
      this.routes.sweep();
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
        this.#opened(peer);
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
        this.#closed(connection);
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
    for (const own of this.#postponed.splice(0)) this.#publishOwn(own);
    this.router.closeRuns();
    if (this.router.routed) {
      for (const listener of this.#turnListeners) listener();
      this.router.routed = false;
      this.router.closeRuns();
    }
    if (this.#kept()) this.#acknowledgements.send(this.outbox);
    this.outbox.flush();
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

  /** Whether one more client may come in; tells it if not. */
  admits(connection: Connection): boolean {
    const { limits } = this.config;
    const { listener } = connection.peer;
    if (this.draining) {
      connection.fail(reasonCode.serverShuttingDown, "the broker ends", "draining");
      return false;
    }
    const full = limits.connections > 0 && this.connections > limits.connections;
    const here = this.#perListener.get(listener.name) ?? 0;
    if (full || (listener.mostConnections > 0 && here > listener.mostConnections)) {
      this.counters.limit("connections");
      connection.fail(reasonCode.quotaExceeded, "no more connections are taken", "connections");
      return false;
    }
    if (limits.connectionsPerSecond > 0 && !this.#takeConnectToken(limits.connectionsPerSecond)) {
      this.counters.limit("connectionsPerSecond");
      connection.fail(reasonCode.connectionRateExceeded, "too many connect at a time", "connect-rate");
      return false;
    }
    return true;
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
    let session = this.sessions.get(clientId);
    // Somebody else's session is not handed over.
    if (session && (clean || session.identity.username !== identity.username)) {
      this.endSession(session);
      session = undefined;
    }
    const present = session !== undefined;
    if (session) {
      this.#cancel(this.#expiries, session);
      this.#cancel(this.#wills, session);
      session.will = undefined;
      session.version = connection.version;
      session.identity = identity;
      session.disconnectedAtMs = 0;
    } else {
      session = new Session(clientId, connection.version, identity);
      this.sessions.set(clientId, session);
    }
    this.#away.delete(session);
    session.expiryS = expiryS;
    this.#keepSession(session);
    return { session, present };
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
    if (connection.will) this.#keepSession(session);
    this.#routesOf(session);
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
    session.disconnectedAtMs = this.nowMs();
    this.#routesOf(session);
    if (withWill && will) {
      const delayS = Math.min(will.delayS, session.expiryS);
      if (delayS === 0) this.#publishWill(session, will);
      else session.will = { will, atMs: this.nowMs() + delayS * 1000 };
    }
    if (session.expiryS === 0) {
      this.endSession(session);
      return;
    }
    this.#keepSession(session);
    this.#awaitEnd(session);
    this.#away.add(session);
    const { sessions } = this.config.limits;
    if (sessions > 0 && this.#away.size > sessions) {
      this.counters.limit("sessions");
      this.endSession(session);
    }
  }

  /** Nothing of it is left. */
  endSession(session: Session): void {
    this.#cancel(this.#expiries, session);
    this.#cancel(this.#wills, session);
    if (session.will) this.#publishWill(session, session.will.will);
    session.will = undefined;
    for (const filter of [...session.subscriptions.keys()]) this.unsubscribe(session, filter, false);
    this.deliveries.forget(session);
    this.#away.delete(session);
    this.sessions.delete(session.clientId);
    session.store?.deleteSession(session.clientId);
    session.store = undefined;
    this.scheduleTurn();
  }

  /** A client changes how long its session outlives it. */
  setExpiry(session: Session, expiryS: number): void {
    const most = this.config.limits.sessionExpiryS;
    session.expiryS = most > 0 ? Math.min(expiryS, most) : expiryS;
    this.#keepSession(session);
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

  /** @returns Whether the subscription is new. */
  subscribe(session: Session, filter: string, options: SubscriptionOptions): boolean {
    const isNew = !session.subscriptions.has(filter);
    session.subscriptions.set(filter, options);
    const shared = parseShared(filter);
    if (shared) this.tree.share(shared.group, shared.filter, session, options);
    else this.tree.subscribe(filter, session, options);
    const plain = shared?.filter ?? filter;
    this.routes.changed(plain);
    if (isNew && session.identity.peerNode === undefined) this.#interest.add(plain);
    session.store?.putSubscription(session.clientId, filter, options);
    return isNew;
  }

  /** @returns Whether there was such a subscription. */
  unsubscribe(session: Session, filter: string, stored = true): boolean {
    if (!session.subscriptions.delete(filter)) return false;
    const shared = parseShared(filter);
    if (shared) this.tree.unshare(shared.group, shared.filter, session);
    else this.tree.unsubscribe(filter, session);
    const plain = shared?.filter ?? filter;
    this.routes.changed(plain);
    if (session.identity.peerNode === undefined) this.#interest.remove(plain);
    if (stored) session.store?.deleteSubscription(session.clientId, filter);
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

  /** Takes another configuration over; listeners are the caller's matter. */
  configure(config: BrokerConfig): void {
    this.config = config;
    for (const plane of this.planes) plane.dropAboveBytes = config.limits.waitingBytes;
    this.routes.clear();
  }

  publish(message: OwnMessage): void {
    const { topic, payload, qos, retain, properties } = message;
    this.#publishOwn({ topic, payload, qos, retain, properties: properties ?? Buffer.alloc(0), expiryS: -1, from: "" });
  }

  watch(filter: string, onMessage: (message: PassingMessage) => void): () => void {
    this.tree.watch(filter, onMessage);
    this.routes.changed(filter);
    return () => {
      this.tree.unwatch(filter, onMessage);
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
    return this.#interest.filters();
  }

  onInterest(listener: (filter: string, wanted: boolean) => void): () => void {
    return this.#interest.onChange(listener);
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
    this.draining = true;
    const open = [...this.#connections.values()].flat().filter((one): one is Connection => one !== undefined);
    for (const connection of open) {
      if (connection.session && connection.version === 5)
        connection.send({ type: packetType.disconnect, reasonCode: reasonCode.serverShuttingDown, properties: {} });
      // Nobody has taken its will back; one that is to wait does so in the store. [MQTT-3.1.2-8]
      connection.close(true, "the broker ends");
    }
    this.turn();
    const end = performance.now() + graceMs;
    while (this.connections > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Ends all that runs by itself. */
  close(): void {
    clearInterval(this.#tick);
    this.turn();
    this.store?.close();
  }

  #opened({ listener }: Peer): void {
    this.connections++;
    this.counters.clientsMost = Math.max(this.counters.clientsMost, this.connections);
    this.#perListener.set(listener.name, (this.#perListener.get(listener.name) ?? 0) + 1);
  }

  #closed({ peer: { listener }, plane, id }: Connection): void {
    this.connections--;
    this.counters.slowDropped += plane.dropped[id]!;
    this.#perListener.set(listener.name, (this.#perListener.get(listener.name) ?? 1) - 1);
  }

  /** QoS 0 messages that were left out for clients which do not read. */
  slowDropped(): number {
    let dropped = this.counters.slowDropped;
    for (const connections of this.#connections.values())
      for (const connection of connections) if (connection) dropped += connection.plane.dropped[connection.id]!;
    return dropped;
  }

  /** Whoever does not read what it is sent goes, whether it says anything or not. */
  #endSlow(): void {
    for (const [plane, connections] of this.#connections) {
      const { waitingBytes } = plane;
      const most = this.config.limits.waitingBytesDisconnect;
      for (let id = 0; id < connections.length; id++) if (waitingBytes[id]! > most) connections[id]?.endIfSlow();
    }
  }

  #takeConnectToken(perSecond: number): boolean {
    const now = this.timeMs();
    this.#connectTokens = Math.min(perSecond, this.#connectTokens + ((now - this.#connectTokensAtMs) / 1000) * perSecond);
    this.#connectTokensAtMs = now;
    if (this.#connectTokens < 1) return false;
    this.#connectTokens--;
    return true;
  }

  /** Topics that lead to a session lead elsewhere from now on. */
  #routesOf(session: Session): void {
    for (const filter of session.subscriptions.keys()) this.routes.changed(parseShared(filter)?.filter ?? filter);
  }

  /** The session's state on disk is as it is here. */
  #keepSession(session: Session): void {
    const { store } = this;
    if (!store) return;
    if (session.expiryS === 0) {
      if (!session.store) return;
      session.store = undefined;
      store.deleteSession(session.clientId);
      return;
    }
    const { clientId, version, expiryS, disconnectedAtMs, connection } = session;
    const will = session.will ?? (connection?.will && { will: connection.will, atMs: 0 });
    store.putSession({ clientId, username: session.identity.username, version, expiryS, disconnectedAtMs, will });
    if (session.store) return;
    // Kept from now on, and with it what it had before.
    session.store = store;
    for (const [filter, options] of session.subscriptions) store.putSubscription(clientId, filter, options);
    for (const delivery of session.inOrder()) store.putDelivery(clientId, session.stored(delivery));
    for (const id of session.received ?? []) store.addReceived(clientId, id);
  }

  /** Its end, and its will's, are waited for. */
  #awaitEnd(session: Session): void {
    if (session.will) this.#at(this.#wills, session, session.will.atMs, () => this.#willIsDue(session));
    if (session.expiryS === neverExpires) return;
    this.#at(this.#expiries, session, session.disconnectedAtMs + session.expiryS * 1000, () => {
      this.counters.sessionsExpired++;
      this.endSession(session);
    });
  }

  #willIsDue(session: Session): void {
    if (!session.will) return;
    const { will } = session.will;
    session.will = undefined;
    this.#publishWill(session, will);
    this.#keepSession(session);
  }

  #at(timers: Map<Session, Timer>, session: Session, atMs: number, due: () => void): void {
    this.#cancel(timers, session);
    const timer = new Timer(() => {
      const left = atMs - this.#wallMs();
      if (left > 0) {
        this.timers.arm(timer, Math.min(left, 2 ** 31));
        return;
      }
      timers.delete(session);
      due();
    });
    timers.set(session, timer);
    this.timers.arm(timer, Math.min(Math.max(0, atMs - this.nowMs()), 2 ** 31));
  }

  #cancel(timers: Map<Session, Timer>, session: Session): void {
    const timer = timers.get(session);
    if (!timer) return;
    this.timers.disarm(timer);
    timers.delete(session);
  }

  #publishWill(session: Session, will: Will): void {
    const { topic, payload, qos, retain, properties, expiryS } = will;
    this.#publishOwn({ topic, payload, qos, retain, properties, expiryS: expiryS ?? -1, from: session.clientId });
  }

  /** Routes a message that comes from no connection, as if a packet of it had come. */
  #publishOwn(own: Own): void {
    if (this.router.busy) {
      this.#postponed.push(own);
      this.scheduleTurn();
      return;
    }
    const fields = this.#ownFields;
    fields.version = 5;
    fields.topic = own.topic;
    fields.qos = own.qos;
    fields.retain = own.retain;
    fields.packetId = own.qos > 0 ? 1 : 0;
    fields.properties = own.properties;
    fields.propertiesEnd = own.properties.length;
    fields.messageExpiryS = own.expiryS;
    fields.payload = own.payload;
    fields.payloadEnd = own.payload.length;
    const size = publishSize(fields);
    const packet = Buffer.allocUnsafe(size);
    writePublish(packet, 0, fields);
    const { passing } = this.router;
    scanPublish(packet, 0, bodyStart(packet, 0), size, 5, passing.view);
    const route = this.routes.of(own.topic);
    passing.topic = own.topic;
    passing.topicBytes = route.topicBytes;
    passing.publisher = undefined;
    passing.from = own.from;
    passing.nowMs = this.nowMs();
    passing.begin(packet, 0, size, true, true);
    if (own.retain) this.retain(passing);
    this.router.route(route);
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

  /** What was before the start. */
  #restore(): void {
    const { store } = this;
    if (!store) return;
    for (const message of store.retained()) this.retained.set(message);
    for (const { session: stored, subscriptions, deliveries, received } of store.sessions()) {
      const identity: Identity = { username: stored.username, by: "in-process", untilMs: 0, peerNode: peerNodeOf(stored.clientId) };
      const session = new Session(stored.clientId, stored.version, identity);
      session.expiryS = stored.expiryS;
      // A broker that was killed had it connected to the end.
      session.disconnectedAtMs = stored.disconnectedAtMs || this.nowMs();
      session.will = stored.will;
      // That of a connection which the broker's own end cut off.
      if (session.will?.atMs === 0) {
        const { will } = session.will;
        session.will = { will, atMs: session.disconnectedAtMs + Math.min(will.delayS, session.expiryS) * 1000 };
      }
      session.store = store;
      this.sessions.set(session.clientId, session);
      for (const { filter, options } of subscriptions) {
        session.subscriptions.set(filter, options);
        const shared = parseShared(filter);
        if (shared) this.tree.share(shared.group, shared.filter, session, options);
        else this.tree.subscribe(filter, session, options);
        if (identity.peerNode === undefined) this.#interest.add(shared?.filter ?? filter);
      }
      for (const delivery of deliveries) {
        session.restoreSequence(delivery.sequence + 1);
        this.deliveries.restore(session, { ...delivery, again: delivery.state !== "queued" });
      }
      if (received.length > 0) session.received = new Set(received);
      this.#away.add(session);
      this.#awaitEnd(session);
    }
  }
}

/** Sessions of peers are known by their names, which nobody else may have. */
function peerNodeOf(clientId: string): string | undefined {
  if (clientId === "$nats") return "nats";
  return /^\$mesh(?:-from)?\/(.*)$/.exec(clientId)?.[1];
}
