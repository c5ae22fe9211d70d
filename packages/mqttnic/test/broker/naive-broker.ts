/** What a broker does with subscriptions and messages, said as simply as it can be: a list of sessions, a matcher of levels, no caches. @module */
import type { Qos, SubscriptionOptions } from "../../src/message.ts";

/** A client as the model sees it. */
export interface NaiveSession {
  readonly id: string;
  readonly five: boolean;
  /** A broker of the mesh. */
  readonly peer: boolean;
  /** The ACL lets it have nothing below `…/secret`. */
  readonly barred: boolean;
  connected: boolean;
  durable: boolean;
  /** By filter, `$share/…` too. */
  readonly subscriptions: Map<string, SubscriptionOptions>;
  /** Has to come, in this order of publishing. */
  expected: Copy[];
}

/** One PUBLISH that a client gets. */
export interface Copy {
  readonly topic: string;
  readonly payload: string;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Sorted. */
  readonly identifiers: readonly number[];
}

/** A message for one of a group: exactly one of these copies goes to its session. */
export interface SharedCopy {
  readonly group: string;
  /** Some were connected: it goes to one of them at once. */
  readonly there: boolean;
  readonly among: readonly { readonly session: NaiveSession; readonly copy: Copy }[];
}

/** Whether a filter matches a topic. [MQTT 5.0 §4.7] */
export function naiveMatch(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const [levels, wanted] = [topic.split("/"), filter.split("/")];
  for (let at = 0; at < wanted.length; at++) {
    if (wanted[at] === "#") return levels.length >= at;
    if (at >= levels.length || (wanted[at] !== "+" && wanted[at] !== levels[at])) return false;
  }
  return levels.length === wanted.length;
}

const mayReceive = (session: NaiveSession, topic: string): boolean => !(session.barred && topic.endsWith("/secret"));
const lower = (one: Qos, other: Qos): Qos => (one < other ? one : other);

/** The model. */
export class NaiveBroker {
  readonly sessions: Map<string, NaiveSession> = new Map();
  readonly #retained = new Map<string, { readonly payload: string; readonly qos: Qos }>();
  /** To be found among what came in this turn. */
  shared: SharedCopy[] = [];

  subscribe(session: NaiveSession, filter: string, options: SubscriptionOptions): void {
    const isNew = !session.subscriptions.has(filter);
    session.subscriptions.set(filter, options);
    if (filter.startsWith("$share/") || options.retainHandling === 2 || (options.retainHandling === 1 && !isNew)) return;
    for (const [topic, { payload, qos }] of this.#retained) {
      if (!naiveMatch(filter, topic) || !mayReceive(session, topic)) continue;
      const identifiers = session.five && options.identifier > 0 ? [options.identifier] : [];
      session.expected.push({ topic, payload, qos: lower(qos, options.qos), retain: true, identifiers });
    }
  }

  publish(from: NaiveSession, topic: string, payload: string, qos: Qos, retain: boolean): void {
    if (retain && payload === "") this.#retained.delete(topic);
    else if (retain) this.#retained.set(topic, { payload, qos });
    const groups = new Map<string, { readonly session: NaiveSession; readonly copy: Copy }[]>();
    for (const session of this.sessions.values()) {
      if (!mayReceive(session, topic) || (from.peer && session.peer)) continue;
      const own: SubscriptionOptions[] = [];
      for (const [filter, options] of session.subscriptions) {
        const [, name, shared] = /^\$share\/([^/]+)\/(.*)$/.exec(filter) ?? [];
        if (shared === undefined) {
          if (naiveMatch(filter, topic) && !(options.noLocal && session === from)) own.push(options);
        } else if (naiveMatch(shared, topic)) {
          const key = `${name} ${shared}`;
          const members = groups.get(key) ?? [];
          members.push({ session, copy: copyOf(session, [options], topic, payload, qos, retain) });
          groups.set(key, members);
        }
      }
      if (own.length === 0) continue;
      const copy = copyOf(session, own, topic, payload, qos, retain);
      if (session.connected || copy.qos > 0) session.expected.push(copy);
    }
    for (const [group, members] of groups) {
      // Those that are there go first; QoS 0 does not wait for those that are away.
      const there = members.filter(({ session }) => session.connected);
      const among = there.length > 0 ? there : members;
      const kept = among.filter(({ session, copy }) => session.connected || copy.qos > 0);
      if (kept.length === among.length) this.shared.push({ group, there: there.length > 0, among });
      else if (kept.length > 0) throw new Error("this test has no groups of which some wait and others do not");
    }
  }
}

function copyOf(
  session: NaiveSession,
  all: readonly SubscriptionOptions[],
  topic: string,
  payload: string,
  qos: Qos,
  retain: boolean,
): Copy {
  const identifiers = session.five ? [...new Set(all.map(({ identifier }) => identifier))].filter((one) => one > 0) : [];
  return {
    topic,
    payload,
    qos: lower(qos, Math.max(...all.map((one) => one.qos)) as Qos),
    retain: retain && all.some(({ retainAsPublished }) => retainAsPublished),
    identifiers: identifiers.sort((one, other) => one - other),
  };
}
