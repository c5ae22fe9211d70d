/** A store as plain maps: what the real one is compared with. @module */
import type { Message, SubscriptionOptions } from "../../src/message.ts";
import type { RestoredSession, Store, StoredDelivery, StoredSession } from "../../src/store/store.ts";

interface Held {
  session: StoredSession | undefined;
  subscriptions: Map<string, SubscriptionOptions>;
  deliveries: Map<number, StoredDelivery>;
  received: Set<number>;
}

/** Everything durable at once; {@link ModelStore.reopen} does what a start does: what has expired goes. */
export class ModelStore implements Store {
  readonly #sessions = new Map<string, Held>();
  readonly #retained = new Map<string, Message>();

  reopen(nowMs: number): void {
    const expired = (message: Message): boolean => message.expiresAtMs > 0 && message.expiresAtMs <= nowMs;
    for (const [clientId, { session, deliveries }] of this.#sessions) {
      const until = session === undefined ? 0 : session.disconnectedAtMs + session.expiryS * 1000;
      if (session === undefined || (session.disconnectedAtMs > 0 && until <= nowMs)) this.#sessions.delete(clientId);
      for (const [sequence, { state, message }] of deliveries) if (state === "queued" && expired(message)) deliveries.delete(sequence);
    }
    for (const [topic, message] of this.#retained) if (expired(message)) this.#retained.delete(topic);
  }

  *sessions(): Generator<RestoredSession> {
    for (const { session, subscriptions, deliveries, received } of this.#sessions.values()) {
      if (session === undefined) continue;
      yield {
        session,
        subscriptions: Array.from(subscriptions, ([filter, options]) => ({ filter, options })),
        deliveries: [...deliveries.values()].sort((one, other) => one.sequence - other.sequence),
        received: [...received],
      };
    }
  }

  retained(): Iterable<Message> {
    return this.#retained.values();
  }

  putSession(session: StoredSession): void {
    this.#held(session.clientId).session = session;
  }

  deleteSession(clientId: string): void {
    this.#sessions.delete(clientId);
  }

  putSubscription(clientId: string, filter: string, options: SubscriptionOptions): void {
    this.#held(clientId).subscriptions.set(filter, options);
  }

  deleteSubscription(clientId: string, filter: string): void {
    this.#sessions.get(clientId)?.subscriptions.delete(filter);
  }

  putDelivery(clientId: string, delivery: StoredDelivery): void {
    this.#held(clientId).deliveries.set(delivery.sequence, delivery);
  }

  updateDelivery(clientId: string, sequence: number, state: StoredDelivery["state"], packetId: number): void {
    const deliveries = this.#sessions.get(clientId)?.deliveries;
    const delivery = deliveries?.get(sequence);
    // From PUBREL it goes nowhere but away.
    if (delivery !== undefined) deliveries?.set(sequence, { ...delivery, state: delivery.state === "pubrel" ? "pubrel" : state, packetId });
  }

  deleteDelivery(clientId: string, sequence: number): void {
    this.#sessions.get(clientId)?.deliveries.delete(sequence);
  }

  addReceived(clientId: string, packetId: number): void {
    this.#held(clientId).received.add(packetId);
  }

  deleteReceived(clientId: string, packetId: number): void {
    this.#sessions.get(clientId)?.received.delete(packetId);
  }

  putRetained(message: Message): void {
    this.#retained.set(message.topic, message);
  }

  deleteRetained(topic: string): void {
    this.#retained.delete(topic);
  }

  commit(): void {}

  sizeBytes(): number {
    return 0;
  }

  compact(): void {}

  close(): void {}

  #held(clientId: string): Held {
    let held = this.#sessions.get(clientId);
    if (held === undefined) {
      held = { session: undefined, subscriptions: new Map(), deliveries: new Map(), received: new Set() };
      this.#sessions.set(clientId, held);
    }
    return held;
  }
}

/** All that a store hands out, in one order and without what does not matter: the message of a delivery that only waits for its PUBCOMP. */
export function canonical(store: Store): string {
  const byName = <T>(values: Iterable<T>, name: (value: T) => string): T[] =>
    [...values].sort((one, other) => (name(one) < name(other) ? -1 : 1));
  const sessions = Array.from(store.sessions(), ({ session, subscriptions, deliveries, received }) => ({
    session,
    subscriptions: byName(subscriptions, ({ filter }) => filter),
    deliveries: deliveries.map((delivery) => (delivery.state === "pubrel" ? { ...delivery, message: undefined } : delivery)),
    received: [...received].sort((one, other) => one - other),
  }));
  return JSON.stringify({
    sessions: byName(sessions, ({ session }) => session.clientId),
    retained: byName(store.retained(), ({ topic }) => topic),
  });
}
