/** Who gets the messages of a topic, known beforehand: made at a topic's first message, thrown away when subscriptions change. @module */
import type { Qos, SubscriptionOptions } from "../message.ts";
import type { Acl } from "../security/security.ts";
import { Group, groupKey, isGroupOf, type Target } from "./group.ts";
import type { Outbox } from "./outbox.ts";
import type { Session } from "./session.ts";
import type { SharedGroup, SubscriptionTree, Watcher } from "./subscription-tree.ts";

/** The route of one topic. */
export interface Route {
  readonly topic: string;
  readonly topicBytes: Buffer;
  /** Connected subscribers whose packets many share. */
  readonly groups: readonly Group[];
  /** Connected subscribers who need packets of their own: topic aliases, a maximum packet size, a mount point. */
  readonly singles: readonly Target[];
  /** Sessions whose clients are away. */
  readonly away: readonly Target[];
  readonly shared: readonly { readonly group: SharedGroup; readonly members: readonly SharedMember[] }[];
  readonly watchers: readonly Watcher[];
  /** Counts the changes that it has seen. */
  readonly version: number;
  stale: boolean;
}

/** A client of a shared subscription that may get messages of the topic. */
export type SharedMember = readonly [session: Session, options: SubscriptionOptions];

/** So many routes are looked at by one {@link RouteCache.sweep}. */
const sweptAtATime = 512;
/** Beyond so many topics all routes are made anew: topics that come once would fill the memory. */
const mostRoutes = 65_536;

/** What routes are made of. */
export interface RouteSources {
  readonly tree: SubscriptionTree;
  readonly outbox: Outbox;
  readonly acl: () => Acl;
  readonly queueQos0: () => boolean;
}

/** The routes. */
export class RouteCache {
  readonly #sources: RouteSources;
  readonly #routes = new Map<string, Route>();
  readonly #groups = new Map<string, Group[]>();
  #version = 0;
  /** The version whose stale routes are gone, and the sweep that is under way. */
  #swept = 0;
  #sweeping: { readonly version: number; readonly routes: Iterator<Route> } | undefined;

  constructor(sources: RouteSources) {
    this.#sources = sources;
  }

  get size(): number {
    return this.#routes.size;
  }

  /** Whether a route that was kept elsewhere still holds. */
  holds(route: Route): boolean {
    return !route.stale && route.version === this.#version;
  }

  /** The route of a valid topic. */
  of(topic: string): Route {
    const known = this.#routes.get(topic);
    if (known && known.version === this.#version) return known;
    if (known) this.#drop(known);
    if (this.#routes.size >= mostRoutes) this.clear();
    const route = this.#make(topic);
    this.#routes.set(topic, route);
    return route;
  }

  /** What a filter matches goes to others from now on. */
  changed(filter: string): void {
    if (filter.includes("+") || filter.includes("#")) {
      this.#version++;
      return;
    }
    const route = this.#routes.get(filter);
    if (route) this.#drop(route);
  }

  /** Everything may go to others from now on. */
  clear(): void {
    for (const route of this.#routes.values()) this.#drop(route);
    this.#version++;
  }

  /** Throws some away of those that lead to where nobody is any more: their topics may never come again. */
  sweep(): void {
    if (this.#swept === this.#version) return;
    this.#sweeping ??= { version: this.#version, routes: this.#routes.values() };
    const { version, routes } = this.#sweeping;
    for (let left = sweptAtATime; left > 0; left--) {
      const next = routes.next();
      if (next.done) {
        this.#sweeping = undefined;
        this.#swept = version;
        return;
      }
      if (next.value.version !== this.#version) this.#drop(next.value);
    }
  }

  #drop(route: Route): void {
    route.stale = true;
    this.#routes.delete(route.topic);
    for (const group of route.groups) {
      if (--group.uses > 0) continue;
      const left = this.#groups.get(group.key)!.filter((one) => one !== group);
      if (left.length > 0) this.#groups.set(group.key, left);
      else this.#groups.delete(group.key);
      group.audience.release();
    }
  }

  #make(topic: string): Route {
    const { tree, acl, queueQos0 } = this.#sources;
    const found = new Map<Session, SubscriptionOptions[]>();
    const shared: Route["shared"][number][] = [];
    const watchers: Watcher[] = [];
    tree.match(topic, {
      session: (session, options) => {
        const before = found.get(session);
        if (before) before.push(options);
        else found.set(session, [options]);
      },
      shared: (group) => {
        const members = [...group.members].filter(([{ identity, clientId }]) => acl().mayReceive(identity, clientId, topic));
        if (members.length > 0) shared.push({ group, members });
      },
      watcher: (watcher) => void watchers.push(watcher),
    });
    const topicBytes = Buffer.from(topic);
    if (found.size + shared.length + watchers.length === 0) {
      // Most topics of a broker that collects states: nobody is there. They share what is empty.
      return {
        topic,
        topicBytes,
        groups: nobody,
        singles: nobody,
        away: nobody,
        shared: nobody,
        watchers: nobody,
        version: this.#version,
        stale: false,
      };
    }
    const singles: Target[] = [];
    const away: Target[] = [];
    const alike = new Map<string, Target[]>();
    for (const [session, all] of found) {
      if (!acl().mayReceive(session.identity, session.clientId, topic)) continue;
      const target = targetOf(session, all);
      const { connection } = session;
      if (!connection) {
        if (target.qos > 0 || queueQos0()) away.push(target);
      } else if (connection.ownPackets || target.forOwn) {
        singles.push(target);
      } else {
        const peer = session.identity.peerNode !== undefined;
        const key = `${target.five} ${target.qos} ${target.retainAsPublished} ${peer} ${target.identifiers.join(",")}`;
        const others = alike.get(key);
        if (others) others.push(target);
        else alike.set(key, [target]);
      }
    }
    const groups = [...alike.values()].map((targets) => this.#group(targets));
    return { topic, topicBytes, groups, singles, away, shared, watchers, version: this.#version, stale: false };
  }

  #group(targets: readonly Target[]): Group {
    const peers = targets[0]!.session.identity.peerNode !== undefined;
    const key = groupKey(targets, peers);
    const known = this.#groups.get(key);
    let group = known?.find((one) => isGroupOf(one, targets));
    if (!group) {
      group = new Group(this.#sources.outbox, targets, peers, key);
      this.#groups.set(key, [...(known ?? []), group]);
    }
    group.uses++;
    return group;
  }
}

/** Overlapping subscriptions are one: the highest QoS, all identifiers. [MQTT-3.3.4-2, MQTT-3.3.4-3, MQTT-3.3.5-1] */
export function targetOf(session: Session, all: readonly SubscriptionOptions[]): Target {
  const [first] = all;
  const five = session.version === 5;
  if (all.length === 1) {
    const { qos, noLocal, retainAsPublished, identifier } = first!;
    return { session, five, qos, noLocal, retainAsPublished, identifiers: identifier > 0 ? [identifier] : none };
  }
  const others = all.filter(({ noLocal }) => !noLocal);
  const qos = Math.max(...all.map((one) => one.qos)) as Qos;
  const identifiers = all.map(({ identifier }) => identifier).filter((identifier) => identifier > 0);
  return {
    session,
    five,
    qos,
    noLocal: all.every(({ noLocal }) => noLocal),
    forOwn: others.length > 0 && others.length < all.length ? targetOf(session, others) : undefined,
    retainAsPublished: all.some(({ retainAsPublished }) => retainAsPublished),
    identifiers: identifiers.length > 0 ? [...new Set(identifiers)] : none,
  };
}

const none: readonly number[] = [];
const nobody: readonly never[] = [];
