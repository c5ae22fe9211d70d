/**
 * NATS as what connects brokers, in place of links between them: each node publishes there what comes in at it, once, and subscribes to what its clients
 * want. Our broker acknowledges QoS 1 and 2 of the publisher by itself, and keeps them while no server of NATS is there; from the server to other nodes a
 * message goes at most once (JetStream is not used). Retained messages go to all nodes that are connected then; one that comes later has those published
 * since.
 *
 * Longer than 300 lines because both directions work on the state of one connection.
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Log, MitsuError } from "@mitsu/cli";
import type { MqttnicBridge } from "@mitsu/ipc";
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Broker } from "../broker/broker.ts";
import type { NatsConfig } from "../config/broker-config.ts";
import type { Qos } from "../message.ts";
import { BackOff } from "./back-off.ts";
import type { ClientConnect, ClientPublish } from "./client-packets.ts";
import { MqttLink } from "./mqtt-link.ts";
import { NatsFlush } from "./nats-flush.ts";
import { subjectOf, subjectsOf, topicOf } from "./nats-subject.ts";
import { type WantedChange, WantedFilters } from "./wanted-filters.ts";

/** What it needs of its daemon. */
export interface NatsContext {
  readonly log: Log;
  /** Names this broker among all that use the same servers; a random name made at the start will do. */
  readonly brokerId: string;
  readonly readFile: (path: string) => Uint8Array;
  /** Filters that parts of the broker watch, such as aggregates: wanted though no client subscribes. */
  readonly alsoWanted: readonly string[];
}

/** A connection to NATS, up or not. */
export interface RunningNats {
  status(): MqttnicBridge;
  /** Messages not handed over: their subject would be too long, they are none of ours, or they came faster than our broker takes them. */
  counters(): { readonly skipped: number };
  stop(): Promise<void>;
}

const header = {
  origin: "Mqtt-Origin",
  sequence: "Mqtt-Seq",
  qos: "Mqtt-Qos",
  retain: "Mqtt-Retain",
  properties: "Mqtt-Properties",
} as const;

/** First token below the prefix of the second copy of a message with RETAIN, which all nodes get. No topic that is handed over begins with `$`. */
const retainedToken = "$retained";
const mostInFlight = 1000;
/** Messages from NATS that wait for our broker at most; beyond it they are dropped, as QoS 0 would be. */
const mostWaiting = 10_000;
/** Bytes handed to NATS without an answer, above which nothing more is read from our broker. */
const mostUnanswered = 8 * 1024 * 1024;
/** For what was handed over to leave when it is stopped. */
const partingMs = 1000;
const backOffMs = { min: 50, max: 5000 } as const;

/**
 * Starts it; it connects now and again whenever the connection is lost.
 *
 * @example
 * ```ts
 * const nats = startNats(broker, { servers: ["127.0.0.1:4222"], subjectPrefix: "mqtt", credentialsFile: undefined }, context);
 * // a client publishes rack/1/fan → subject mqtt.rack.1.fan
 * ```
 */
export function startNats(broker: Broker, config: NatsConfig, context: NatsContext): RunningNats {
  return new Nats(broker, config, context);
}

/** One connection to NATS and one to our broker. */
interface Session {
  readonly nats: NatsConnection;
  readonly flush: NatsFlush;
  readonly link: MqttLink;
  readonly subscriptions: Map<string, Subscription[]>;
  readonly headers: typeof import("@nats-io/transport-node").headers;
  /** A flush is on its way; one of a lost connection never ends. */
  asking: boolean;
}

class Nats implements RunningNats {
  readonly #broker: Broker;
  readonly #config: NatsConfig;
  readonly #context: NatsContext;
  readonly #log: Log;
  readonly #wanted = new WantedFilters();
  readonly #stop = new AbortController();
  readonly #endInterest: () => void;
  readonly #running: Promise<void>;
  /** Sequence of the last message of each broker: a message comes once for each of our subscriptions that fits, one copy behind the other. */
  readonly #last = new Map<string, number>();
  #session: Session | undefined;
  #state: MqttnicBridge["state"] = "connecting";
  #lastError: string | null = null;
  #sequence = 0;
  #in = 0;
  #out = 0;
  #skipped = 0;
  readonly #waiting: ClientPublish[] = [];
  readonly #inFlight = new Map<number, Qos>();
  #nextId = 0;
  /** PUBLISHes of our broker that NATS has not been asked about. */
  #unanswered: ClientPublish[] = [];
  #unansweredBytes = 0;

  constructor(broker: Broker, config: NatsConfig, context: NatsContext) {
    this.#broker = broker;
    this.#config = config;
    this.#context = context;
    this.#log = context.log.child({ bridge: "nats" });
    for (const filter of broker.interest()) this.#wanted.add(filter);
    for (const filter of context.alsoWanted) this.#wanted.add(filter);
    this.#endInterest = broker.onInterest((filter, wanted) =>
      this.#change(wanted ? this.#wanted.add(filter) : this.#wanted.delete(filter)),
    );
    this.#running = this.#run();
  }

  status(): MqttnicBridge {
    const to = this.#config.servers.join(",");
    return { name: "nats", kind: "nats", to, state: this.#state, messagesIn: this.#in, messagesOut: this.#out, lastError: this.#lastError };
  }

  counters(): { readonly skipped: number } {
    return { skipped: this.#skipped };
  }

  async stop(): Promise<void> {
    this.#endInterest();
    this.#stop.abort();
    this.#session?.link.end();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const backOff = new BackOff(backOffMs.min, backOffMs.max);
    while (!signal.aborted) {
      this.#state = "connecting";
      try {
        await this.#connect(signal, () => backOff.reset());
      } catch (error) {
        if (signal.aborted) return;
        const message = `NATS at ${this.#config.servers.join(", ")}: ${(error as Error).message}`;
        if (message !== this.#lastError) this.#log.warn(message);
        this.#lastError = message;
      }
      if (signal.aborted) return;
      this.#state = "backing-off";
      await wait(backOff.next(), undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** One connection, from its beginning to its end. @throws Why it ended. */
  async #connect(signal: AbortSignal, onUp: () => void): Promise<void> {
    // Only those who use it pay for loading it.
    const { connect, credsAuthenticator, headers } = await import("@nats-io/transport-node");
    const { servers, credentialsFile } = this.#config;
    const nats = await connect({
      servers: [...servers],
      name: `mqttnic ${this.#context.brokerId}`,
      noEcho: true,
      reconnect: false,
      timeout: 5000,
      ...(credentialsFile === undefined ? {} : { authenticator: credsAuthenticator(this.#context.readFile(credentialsFile)) }),
    });
    if (signal.aborted) return nats.close();
    const flush = new NatsFlush(nats);
    const over = Promise.withResolvers<Error | null>();
    const stream = this.#broker.openStream({ username: "$nats", by: "in-process", untilMs: 0, peerNode: "nats" });
    this.#inFlight.clear();
    this.#waiting.length = 0;
    this.#unanswered = [];
    this.#unansweredBytes = 0;
    const link = new MqttLink(stream, local, {
      onPublish: (publish) => this.#toNats(publish),
      onAck: (type, id) => this.#acknowledged(type, id),
      onDrain: () => this.#sendWaiting(),
      onClose: (error) => over.resolve(error),
    });
    const session: Session = { nats, flush, link, headers, subscriptions: new Map(), asking: false };
    this.#session = session;
    try {
      await link.opened;
      const [code = 0x80] = await link.subscribe([{ filter: "#", qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }]);
      if (code >= 0x80) throw new MitsuError("our own broker refuses #", { code: "ERR_BRIDGE_REFUSED" });
      const all = subjectsOf(this.#config.subjectPrefix, `${retainedToken}/#`)[1]!;
      nats.subscribe(all, { callback: this.#onMessage(true) });
      this.#change({ subscribe: [...this.#wanted.active], unsubscribe: [] });
      await flush.flush();
      this.#state = "up";
      this.#lastError = null;
      onUp();
      this.#log.info("NATS is up", { to: nats.getServer() });
      void nats.closed().then((error) => over.resolve(error instanceof Error ? error : new Error("the connection was closed")));
      const error = await over.promise;
      if (error !== null) throw error;
    } finally {
      this.#session = undefined;
      link.end();
      // What was handed over still leaves.
      if (signal.aborted && !nats.isClosed())
        await Promise.race([flush.flush().catch(() => {}), wait(partingMs, undefined, { ref: false })]);
      if (!nats.isClosed()) await nats.close();
    }
  }

  #change({ subscribe, unsubscribe }: WantedChange): void {
    const session = this.#session;
    if (session === undefined) return;
    const { nats, subscriptions } = session;
    for (const filter of subscribe)
      if (!subscriptions.has(filter))
        subscriptions.set(
          filter,
          subjectsOf(this.#config.subjectPrefix, filter).map((subject) => nats.subscribe(subject, { callback: this.#onMessage(false) })),
        );
    for (const filter of unsubscribe) {
      for (const subscription of subscriptions.get(filter) ?? []) subscription.unsubscribe();
      subscriptions.delete(filter);
    }
  }

  #onMessage(retained: boolean): (error: Error | null, message: Msg) => void {
    return (error, message) => {
      if (error === null) this.#fromNats(message, retained);
    };
  }

  #toNats(publish: ClientPublish): void {
    const session = this.#session;
    if (session === undefined) return;
    const { subjectPrefix } = this.#config;
    const subject = subjectOf(subjectPrefix, publish.topic);
    if (subject === undefined) this.#skipped++;
    else {
      const headers = session.headers();
      headers.set(header.origin, this.#context.brokerId);
      headers.set(header.sequence, String(++this.#sequence));
      if (publish.qos > 0) headers.set(header.qos, String(publish.qos));
      if (publish.retain) headers.set(header.retain, "1");
      if (publish.properties.length > 0) headers.set(header.properties, publish.properties.toString("base64"));
      session.nats.publish(subject, publish.payload, { headers });
      if (publish.retain)
        session.nats.publish(subjectOf(subjectPrefix, `${retainedToken}/${publish.topic}`)!, publish.payload, { headers });
      this.#out++;
    }
    this.#unansweredBytes += publish.payload.length + 200;
    if (publish.qos > 0) this.#unanswered.push(publish);
    if (this.#unansweredBytes > mostUnanswered) session.link.paused = true;
    if (!session.asking) void this.#ask(session);
  }

  /** Acknowledges to our broker what NATS has, many at a time. */
  async #ask(session: Session): Promise<void> {
    session.asking = true;
    try {
      while (this.#unansweredBytes > 0 && this.#session === session) {
        const [publishes, bytes] = [this.#unanswered, this.#unansweredBytes];
        this.#unanswered = [];
        await session.flush.flush();
        if (this.#session !== session) return;
        this.#unansweredBytes -= bytes;
        session.link.paused = false;
        for (const { qos, packetId } of publishes) session.link.acknowledge(qos === 1 ? 4 : 5, packetId);
      }
    } catch {
      // The connection is over, which ends the session elsewhere; our broker sends it all again.
    } finally {
      session.asking = false;
    }
  }

  #fromNats(message: Msg, retained: boolean): void {
    const session = this.#session;
    if (session === undefined) return;
    const { headers } = message;
    const origin = headers?.get(header.origin) ?? "";
    if (origin === this.#context.brokerId) return;
    let topic = topicOf(this.#config.subjectPrefix, message.subject);
    if (topic !== undefined && retained) topic = topic.slice(retainedToken.length + 1);
    // A subscription to everything gets the second copies, too.
    else if (topic?.startsWith(`${retainedToken}/`)) return;
    if (topic === undefined || topic === "" || topic.startsWith("$") || Buffer.byteLength(topic) > 65_535) {
      this.#skipped++;
      return;
    }
    if (origin !== "") {
      const sequence = Number(headers?.get(header.sequence));
      if (this.#last.get(origin) === sequence) return;
      this.#last.set(origin, sequence);
    }
    const qos = headers?.get(header.qos) ?? "";
    this.#in++;
    this.#toBroker(session.link, {
      topic,
      payload: Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength),
      qos: qos === "1" ? 1 : qos === "2" ? 2 : 0,
      retain: headers?.get(header.retain) === "1",
      dup: false,
      packetId: 0,
      properties: Buffer.from(headers?.get(header.properties) ?? "", "base64"),
    });
  }

  #toBroker(link: MqttLink, publish: ClientPublish): void {
    const most = Math.min(link.connack?.receiveMaximum ?? 1, mostInFlight);
    if (this.#waiting.length > 0 || link.full || (publish.qos > 0 && this.#inFlight.size >= most)) {
      if (this.#waiting.length >= mostWaiting) this.#skipped++;
      else this.#waiting.push({ ...publish, payload: Buffer.from(publish.payload) });
      return;
    }
    if (publish.qos > 0) {
      do this.#nextId = (this.#nextId % 65_000) + 1;
      while (this.#inFlight.has(this.#nextId));
      publish.packetId = this.#nextId;
      this.#inFlight.set(publish.packetId, publish.qos);
      link.inUse.add(publish.packetId);
    }
    link.publish(publish);
  }

  #acknowledged(type: 4 | 5 | 6 | 7, id: number): void {
    const link = this.#session?.link;
    if (link === undefined) return;
    if (type === 6) link.acknowledge(7, id);
    else if (type === 5 && this.#inFlight.get(id) === 2) link.acknowledge(6, id);
    else if (this.#inFlight.delete(id)) {
      link.inUse.delete(id);
      this.#sendWaiting();
    }
  }

  #sendWaiting(): void {
    const link = this.#session?.link;
    if (link === undefined) return;
    for (let left = this.#waiting.length; left > 0 && !link.full && this.#inFlight.size < mostInFlight; left--) {
      const waiting = this.#waiting.splice(0);
      for (const publish of waiting) this.#toBroker(link, publish);
      if (this.#waiting.length > 0) return;
    }
  }
}

/** Our broker keeps what comes while no server of NATS is there, for an hour. */
const local: ClientConnect = {
  version: 5,
  bridge: false,
  clean: false,
  sessionExpiryS: 3600,
  keepAliveS: 0,
  clientId: "$nats",
  username: undefined,
  password: undefined,
  receiveMaximum: mostInFlight,
  will: undefined,
};
