/** Who subscribes to what: the tree, the routes that follow from it, what other brokers are asked for, and the store, kept in step. @module */
import type { FilterIndex } from "../matching/filter-index.ts";
import type { SubscriptionOptions } from "../message.ts";
import { parseShared } from "../protocol/topic.ts";
import { Interest } from "./interest.ts";
import type { RouteCache } from "./route-cache.ts";
import type { Session } from "./session.ts";
import { type SubscriptionLeaf, SubscriptionTree } from "./subscription-tree.ts";

/** All subscriptions. Filters are as clients name them, `$share/…` too. */
export class SubscriptionTable {
  readonly tree: SubscriptionTree;
  readonly interest: Interest = new Interest();
  readonly #routes: () => RouteCache;

  /** @param filters Where filters are found; mqttnic's own tree unless given. */
  constructor(routes: () => RouteCache, filters?: FilterIndex<SubscriptionLeaf>) {
    this.tree = new SubscriptionTree(filters);
    this.#routes = routes;
  }

  /** @returns Whether the subscription is new. */
  subscribe(session: Session, filter: string, options: SubscriptionOptions): boolean {
    const isNew = this.restore(session, filter, options);
    this.#routes().changed(plain(filter));
    session.store?.putSubscription(session.clientId, filter, options);
    return isNew;
  }

  /** Takes one over that is in the store, before there are routes. @returns Whether it is new. */
  restore(session: Session, filter: string, options: SubscriptionOptions): boolean {
    const isNew = !session.subscriptions.has(filter);
    session.subscriptions.set(filter, options);
    const shared = parseShared(filter);
    if (shared) this.tree.share(shared.group, shared.filter, session, options);
    else this.tree.subscribe(filter, session, options);
    if (isNew && session.identity.peerNode === undefined) this.interest.add(shared?.filter ?? filter);
    return isNew;
  }

  /** @param stored Whether the store is told; not when all of the session goes. @returns Whether there was such a subscription. */
  unsubscribe(session: Session, filter: string, stored = true): boolean {
    if (!session.subscriptions.delete(filter)) return false;
    const shared = parseShared(filter);
    if (shared) this.tree.unshare(shared.group, shared.filter, session);
    else this.tree.unsubscribe(filter, session);
    this.#routes().changed(shared?.filter ?? filter);
    if (session.identity.peerNode === undefined) this.interest.remove(shared?.filter ?? filter);
    if (stored) session.store?.deleteSubscription(session.clientId, filter);
    return true;
  }

  /** Its client has come or gone: topics that lead to it lead elsewhere. */
  moved(session: Session): void {
    for (const filter of session.subscriptions.keys()) this.#routes().changed(plain(filter));
  }
}

function plain(filter: string): string {
  return parseShared(filter)?.filter ?? filter;
}
