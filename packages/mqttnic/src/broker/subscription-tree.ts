/** All subscriptions, by their filters. [MQTT 5.0 §4.7, §4.8] @module */
import type { FilterIndex } from "../matching/filter-index.ts";
import { FilterTree } from "../matching/filter-tree.ts";
import type { SubscriptionOptions } from "../message.ts";
import type { PassingMessage } from "./broker.ts";
import type { Session } from "./session.ts";

/** A part of the broker itself that sees messages as they pass. */
export type Watcher = (message: PassingMessage) => void;

/** Clients that share what matches one filter. [MQTT 5.0 §4.8.2] */
export class SharedGroup {
  readonly members: Map<Session, SubscriptionOptions> = new Map();
  /** Counts the messages, so that they go round. */
  turn = 0;
}

/** What hangs at one filter. */
export class SubscriptionLeaf {
  readonly sessions: Map<Session, SubscriptionOptions> = new Map();
  shared: Map<string, SharedGroup> | undefined;
  watchers: Set<Watcher> | undefined;

  get empty(): boolean {
    return this.sessions.size === 0 && (this.shared?.size ?? 0) === 0 && (this.watchers?.size ?? 0) === 0;
  }
}

/** Told of what matches a topic. */
export interface Matches {
  session(session: Session, options: SubscriptionOptions): void;
  shared(group: SharedGroup): void;
  watcher(watcher: Watcher): void;
}

/**
 * Subscriptions, found by mqttnic's own tree unless told. Filters are whole and valid; `$share/<group>/` is taken off by the caller.
 *
 * @example
 * ```ts
 * tree.subscribe("sensors/+/state", session, options);
 * tree.match("sensors/7/state", matches); // matches.session(session, options)
 * ```
 */
export class SubscriptionTree {
  readonly #filters: FilterIndex<SubscriptionLeaf>;
  /** Subscriptions of sessions, without shared ones; and shared ones. */
  count = 0;
  sharedCount = 0;

  constructor(filters: FilterIndex<SubscriptionLeaf> = new FilterTree()) {
    this.#filters = filters;
  }

  /** @returns Whether there was none of this session at this filter. */
  subscribe(filter: string, session: Session, options: SubscriptionOptions): boolean {
    const { sessions } = this.#leaf(filter);
    const isNew = !sessions.has(session);
    sessions.set(session, options);
    if (isNew) this.count++;
    return isNew;
  }

  unsubscribe(filter: string, session: Session): void {
    this.#prune(filter, (leaf) => {
      if (leaf.sessions.delete(session)) this.count--;
    });
  }

  /** @returns Whether there was none of this session in this group. */
  share(group: string, filter: string, session: Session, options: SubscriptionOptions): boolean {
    const leaf = this.#leaf(filter);
    leaf.shared ??= new Map();
    let shared = leaf.shared.get(group);
    if (!shared) {
      shared = new SharedGroup();
      leaf.shared.set(group, shared);
    }
    const isNew = !shared.members.has(session);
    shared.members.set(session, options);
    if (isNew) this.sharedCount++;
    return isNew;
  }

  unshare(group: string, filter: string, session: Session): void {
    this.#prune(filter, (leaf) => {
      const shared = leaf.shared?.get(group);
      if (!shared?.members.delete(session)) return;
      this.sharedCount--;
      if (shared.members.size === 0) leaf.shared!.delete(group);
    });
  }

  watch(filter: string, watcher: Watcher): void {
    const leaf = this.#leaf(filter);
    leaf.watchers ??= new Set();
    leaf.watchers.add(watcher);
  }

  unwatch(filter: string, watcher: Watcher): void {
    this.#prune(filter, (leaf) => void leaf.watchers?.delete(watcher));
  }

  /** Tells all that match; a session with several matching filters is told several times. */
  match(topic: string, matches: Matches): void {
    this.#filters.match(topic, (leaf) => tell(leaf, matches));
  }

  #leaf(filter: string): SubscriptionLeaf {
    let leaf = this.#filters.get(filter);
    if (!leaf) {
      leaf = new SubscriptionLeaf();
      this.#filters.add(filter, leaf);
    }
    return leaf;
  }

  /** Changes a leaf, and takes it away when it is empty then. */
  #prune(filter: string, change: (leaf: SubscriptionLeaf) => void): void {
    const leaf = this.#filters.get(filter);
    if (!leaf) return;
    change(leaf);
    if (leaf.empty) this.#filters.remove(filter);
  }
}

function tell(leaf: SubscriptionLeaf, matches: Matches): void {
  for (const [session, options] of leaf.sessions) matches.session(session, options);
  if (leaf.shared) for (const group of leaf.shared.values()) matches.shared(group);
  if (leaf.watchers) for (const watcher of leaf.watchers) matches.watcher(watcher);
}
