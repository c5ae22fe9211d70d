/** All sessions: begun, resumed, kept on disk, ended in time, and their wills. [MQTT 5.0 §3.1.2.11, §4.1] @module */
import { Timer, type Timers } from "@mitsu/reactor/timers";
import type { Limits } from "../config/broker-config.ts";
import type { Will } from "../protocol/packet.ts";
import type { Identity } from "../security/security.ts";
import type { Store } from "../store/store.ts";
import type { Counters } from "./counters.ts";
import type { Deliveries } from "./deliveries.ts";
import { neverExpires, Session } from "./session.ts";
import type { SubscriptionTable } from "./subscription-table.ts";

/** What it works with. */
export interface SessionTableParts {
  readonly subscriptions: SubscriptionTable;
  readonly deliveries: Deliveries;
  /** undefined keeps nothing on disk. */
  readonly store: Store | undefined;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly limits: () => Limits;
  /** Milliseconds since 1970, as it is within this turn. */
  readonly nowMs: () => number;
  /** The same, at this moment. */
  readonly wallMs: () => number;
  readonly publishWill: (session: Session, will: Will) => void;
}

/** Time-outs further off are armed again on the way. */
const longestMs = 2 ** 31;

/** The sessions, by client id. */
export class SessionTable {
  readonly #parts: SessionTableParts;
  readonly #sessions = new Map<string, Session>();
  /** Those of clients that are not here. */
  readonly #away = new Set<Session>();
  readonly #expiries = new Map<Session, Timer>();
  readonly #wills = new Map<Session, Timer>();

  constructor(parts: SessionTableParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  has(clientId: string): boolean {
    return this.#sessions.has(clientId);
  }

  values(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** The session of a client that comes in, of which no connection is left: its own of before, or a new one. */
  take(
    { clientId, version }: Pick<Session, "clientId" | "version">,
    clean: boolean,
    identity: Identity,
    expiryS: number,
  ): { session: Session; present: boolean } {
    let session = this.#sessions.get(clientId);
    // Somebody else's session is not handed over.
    if (session && (clean || session.identity.username !== identity.username)) {
      this.end(session);
      session = undefined;
    }
    const present = session !== undefined;
    if (session) {
      this.#cancel(this.#expiries, session);
      this.#cancel(this.#wills, session);
      session.will = undefined;
      session.version = version;
      session.identity = identity;
      session.disconnectedAtMs = 0;
    } else {
      session = new Session(clientId, version, identity);
      this.#sessions.set(clientId, session);
    }
    this.#away.delete(session);
    session.expiryS = expiryS;
    this.keep(session);
    return { session, present };
  }

  /** Its connection is gone. `will`: what the client left to be published; undefined for none. */
  left(session: Session, will: Will | undefined): void {
    const { nowMs, publishWill, limits, counters } = this.#parts;
    session.disconnectedAtMs = nowMs();
    if (will) {
      const delayS = Math.min(will.delayS, session.expiryS);
      if (delayS === 0) publishWill(session, will);
      else session.will = { will, atMs: nowMs() + delayS * 1000 };
    }
    if (session.expiryS === 0) {
      this.end(session);
      return;
    }
    this.keep(session);
    this.#awaitEnd(session);
    this.#away.add(session);
    const { sessions } = limits();
    if (sessions > 0 && this.#away.size > sessions) {
      counters.limit("sessions");
      this.end(session);
    }
  }

  /** Nothing of it is left. */
  end(session: Session): void {
    this.#cancel(this.#expiries, session);
    this.#cancel(this.#wills, session);
    if (session.will) this.#parts.publishWill(session, session.will.will);
    session.will = undefined;
    for (const filter of [...session.subscriptions.keys()]) this.#parts.subscriptions.unsubscribe(session, filter, false);
    this.#parts.deliveries.forget(session);
    this.#away.delete(session);
    this.#sessions.delete(session.clientId);
    session.store?.deleteSession(session.clientId);
    session.store = undefined;
  }

  /** A client changes how long its session outlives it. */
  setExpiry(session: Session, expiryS: number): void {
    const most = this.#parts.limits().sessionExpiryS;
    session.expiryS = most > 0 ? Math.min(expiryS, most) : expiryS;
    this.keep(session);
  }

  /** Its state on disk is as it is here. */
  keep(session: Session): void {
    const { store } = this.#parts;
    if (!store) return;
    if (session.expiryS === 0) {
      if (!session.store) return;
      session.store = undefined;
      store.deleteSession(session.clientId);
      return;
    }
    const { clientId, version, expiryS, disconnectedAtMs, connection } = session;
    // The will of one that is connected too: a broker that is killed publishes it when it is back.
    const will = session.will ?? (connection?.will && { will: connection.will, atMs: 0 });
    store.putSession({ clientId, username: session.identity.username, version, expiryS, disconnectedAtMs, will });
    if (session.store) return;
    // Kept from now on, and with it what it had before.
    session.store = store;
    for (const [filter, options] of session.subscriptions) store.putSubscription(clientId, filter, options);
    for (const delivery of session.inOrder()) store.putDelivery(clientId, session.stored(delivery));
    for (const id of session.received ?? []) store.addReceived(clientId, id);
  }

  /** Takes over what was before the start. */
  restore(): void {
    const { store, deliveries, subscriptions: all, nowMs } = this.#parts;
    if (!store) return;
    for (const { session: stored, subscriptions, deliveries: sent, received } of store.sessions()) {
      const identity: Identity = { username: stored.username, by: "in-process", untilMs: 0, peerNode: peerNodeOf(stored.clientId) };
      const session = new Session(stored.clientId, stored.version, identity);
      session.expiryS = stored.expiryS;
      // A broker that was killed had it connected to the end.
      session.disconnectedAtMs = stored.disconnectedAtMs || nowMs();
      session.will = stored.will;
      // That of a connection which the broker's own end cut off.
      if (session.will?.atMs === 0) {
        const { will } = session.will;
        session.will = { will, atMs: session.disconnectedAtMs + Math.min(will.delayS, session.expiryS) * 1000 };
      }
      session.store = store;
      this.#sessions.set(session.clientId, session);
      for (const { filter, options } of subscriptions) all.restore(session, filter, options);
      for (const delivery of sent) {
        session.restoreSequence(delivery.sequence + 1);
        deliveries.restore(session, { ...delivery, again: delivery.state !== "queued" });
      }
      if (received.length > 0) session.received = new Set(received);
      this.#away.add(session);
      this.#awaitEnd(session);
    }
  }

  /** Its end, and its will's, are waited for. */
  #awaitEnd(session: Session): void {
    if (session.will) this.#at(this.#wills, session, session.will.atMs, () => this.#willIsDue(session));
    if (session.expiryS === neverExpires) return;
    this.#at(this.#expiries, session, session.disconnectedAtMs + session.expiryS * 1000, () => {
      this.#parts.counters.sessionsExpired++;
      this.end(session);
    });
  }

  #willIsDue(session: Session): void {
    if (!session.will) return;
    const { will } = session.will;
    session.will = undefined;
    this.#parts.publishWill(session, will);
    this.keep(session);
  }

  #at(pending: Map<Session, Timer>, session: Session, atMs: number, due: () => void): void {
    const { timers, nowMs, wallMs } = this.#parts;
    this.#cancel(pending, session);
    const timer = new Timer(() => {
      const left = atMs - wallMs();
      if (left > 0) {
        timers.arm(timer, Math.min(left, longestMs));
        return;
      }
      pending.delete(session);
      due();
    });
    pending.set(session, timer);
    timers.arm(timer, Math.min(Math.max(0, atMs - nowMs()), longestMs));
  }

  #cancel(pending: Map<Session, Timer>, session: Session): void {
    const timer = pending.get(session);
    if (!timer) return;
    this.#parts.timers.disarm(timer);
    pending.delete(session);
  }
}

/** Sessions of peers are known by their names, which nobody else may have. */
function peerNodeOf(clientId: string): string | undefined {
  if (clientId === "$nats") return "nats";
  return /^\$mesh(?:-from)?\/(.*)$/.exec(clientId)?.[1];
}
