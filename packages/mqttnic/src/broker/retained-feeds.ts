/** Retained messages on their way to new subscriptions: as many at a time as the client's socket takes. [MQTT 5.0 §3.3.1.3] @module */
import type { Qos, SubscriptionOptions } from "../message.ts";
import type { Acl } from "../security/security.ts";
import type { Connection } from "./connection.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Retained, RetainedTree } from "./retained-tree.ts";

/** At most so many in a turn: others have their turn as well. */
const mostInATurn = 512;

interface Feed {
  readonly connection: Connection;
  readonly messages: Iterator<Retained>;
  readonly options: SubscriptionOptions;
}

/** All that are under way. */
export class RetainedFeeds {
  readonly #tree: RetainedTree;
  readonly #deliveries: Deliveries;
  readonly #acl: () => Acl;
  readonly #mostWaitingBytes: () => number;
  readonly #feeds = new Map<Connection, Feed[]>();

  constructor(tree: RetainedTree, deliveries: Deliveries, acl: () => Acl, mostWaitingBytes: () => number) {
    this.#tree = tree;
    this.#deliveries = deliveries;
    this.#acl = acl;
    this.#mostWaitingBytes = mostWaitingBytes;
  }

  /** Begins to send what a filter matches. */
  start(connection: Connection, filter: string, options: SubscriptionOptions, nowMs: number): void {
    const feed = { connection, messages: this.#tree.match(filter, nowMs), options };
    const others = this.#feeds.get(connection);
    if (others) others.push(feed);
    else {
      this.#feeds.set(connection, [feed]);
      this.goOn(connection);
    }
  }

  /** The connection is over. */
  end(connection: Connection): void {
    this.#feeds.delete(connection);
  }

  /** Whether any feed is under way. */
  get any(): boolean {
    return this.#feeds.size > 0;
  }

  /** Its socket takes more, or its client has acknowledged something. */
  goOn(connection: Connection): void {
    const feeds = this.#feeds.get(connection);
    if (!feeds) return;
    let left = mostInATurn;
    while (feeds.length > 0 && connection.state === "open") {
      // What waits in its queue may be dropped: acknowledgements go on with the rest.
      if (connection.session!.queued > 0) return;
      if (left === 0 || connection.waitingBytes + connection.unflushed > this.#mostWaitingBytes()) {
        // Told again when its socket has taken all; at once when it is not held up at all.
        if (connection.waitingBytes === 0) setImmediate(() => this.goOn(connection));
        connection.core.scheduleTurn();
        return;
      }
      const feed = feeds[0]!;
      const next = feed.messages.next();
      if (next.done) feeds.shift();
      else {
        left--;
        this.#send(feed, next.value);
      }
    }
    this.#feeds.delete(connection);
  }

  #send({ connection, options }: Feed, retained: Retained): void {
    const session = connection.session!;
    if (!this.#acl().mayReceive(session.identity, connection.clientId, retained.topic)) return;
    const qos = Math.min(retained.qos, options.qos) as Qos;
    this.#deliveries.deliver(session, retained.message(), qos, true, options.identifier > 0 ? [options.identifier] : []);
  }
}
