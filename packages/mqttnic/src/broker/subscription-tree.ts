/** All subscriptions, by the levels of their filters. [MQTT 5.0 §4.7, §4.8] @module */
import type { SubscriptionOptions } from "../message.ts";
import type { PassingMessage } from "./broker.ts";
import { LevelNode } from "./level-node.ts";
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
class Leaf {
  readonly sessions: Map<Session, SubscriptionOptions> = new Map();
  shared: Map<string, SharedGroup> | undefined;
  watchers: Set<Watcher> | undefined;

  get empty(): boolean {
    return this.sessions.size === 0 && (this.shared?.size ?? 0) === 0 && (this.watchers?.size ?? 0) === 0;
  }
}

class Node extends LevelNode<Node> {
  plus: Node | undefined;
  /** Filters that end here. */
  leaf: Leaf | undefined;
  /** Filters that end here with `#`. */
  hash: Leaf | undefined;
}

/** Told of what matches a topic. */
export interface Matches {
  session(session: Session, options: SubscriptionOptions): void;
  shared(group: SharedGroup): void;
  watcher(watcher: Watcher): void;
}

/**
 * The tree. Filters are whole and valid; `$share/<group>/` is taken off by the caller.
 *
 * @example
 * ```ts
 * tree.subscribe("sensors/+/state", session, options);
 * tree.match("sensors/7/state", matches); // matches.session(session, options)
 * ```
 */
export class SubscriptionTree {
  readonly #root = new Node();
  /** Subscriptions of sessions, without shared ones; and shared ones. */
  count = 0;
  sharedCount = 0;

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
    const levels = topic.split("/");
    // Wildcards at the first level do not match topics of the server. [MQTT-4.7.2-1]
    descend(this.#root, levels, 0, topic.charCodeAt(0) === 0x24, matches);
  }

  #leaf(filter: string): Leaf {
    let node = this.#root;
    for (const level of filter.split("/")) {
      if (level === "#") {
        node.hash ??= new Leaf();
        return node.hash;
      }
      if (level === "+") {
        node.plus ??= new Node();
        node = node.plus;
      } else {
        let next = node.child(level);
        if (!next) {
          next = new Node();
          node.addChild(level, next);
        }
        node = next;
      }
    }
    node.leaf ??= new Leaf();
    return node.leaf;
  }

  /** Changes a leaf, and takes away what is empty then. */
  #prune(filter: string, change: (leaf: Leaf) => void): void {
    const levels = filter.split("/");
    const path: Node[] = [this.#root];
    const ends = levels.at(-1) === "#";
    for (const level of ends ? levels.slice(0, -1) : levels) {
      const node = path.at(-1)!;
      const next = level === "+" ? node.plus : node.child(level);
      if (!next) return;
      path.push(next);
    }
    const last = path.at(-1)!;
    const leaf = ends ? last.hash : last.leaf;
    if (!leaf) return;
    change(leaf);
    if (!leaf.empty) return;
    if (ends) last.hash = undefined;
    else last.leaf = undefined;
    for (let at = path.length - 1; at > 0; at--) {
      const node = path[at]!;
      if (node.leaf || node.hash || node.plus || node.childCount > 0) return;
      const parent = path[at - 1]!;
      const level = levels[at - 1]!;
      if (level === "+") parent.plus = undefined;
      else parent.removeChild(level);
    }
  }
}

function descend(node: Node, levels: readonly string[], at: number, ofServer: boolean, matches: Matches): void {
  const wild = !(at === 0 && ofServer);
  if (node.hash && wild) tell(node.hash, matches);
  if (at === levels.length) {
    if (node.leaf) tell(node.leaf, matches);
    return;
  }
  const child = node.child(levels[at]!);
  if (child) descend(child, levels, at + 1, ofServer, matches);
  if (node.plus && wild) descend(node.plus, levels, at + 1, ofServer, matches);
}

function tell(leaf: Leaf, matches: Matches): void {
  for (const [session, options] of leaf.sessions) matches.session(session, options);
  if (leaf.shared) for (const group of leaf.shared.values()) matches.shared(group);
  if (leaf.watchers) for (const watcher of leaf.watchers) matches.watcher(watcher);
}
