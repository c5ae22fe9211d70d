/**
 * A bridge: a client of our broker and of another one that hands messages from each to the other; mosquitto's `connection`.
 *
 * Longer than 300 lines because a bridge's life, from its first try to its reload, is one state.
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Log, MitsuError } from "@mitsu/cli";
import type { MqttnicBridge } from "@mitsu/ipc";
import type { Broker } from "../broker/broker.ts";
import type { BridgeConfig } from "../config/broker-config.ts";
import type { Identity } from "../security/security.ts";
import { BackOff } from "./back-off.ts";
import { subscriptionsOf, topicAtOtherEnd, type Way } from "./bridge-topics.ts";
import type { ClientConnack, ClientConnect, ClientPublish } from "./client-packets.ts";
import { type Change, LinkPair } from "./link-pair.ts";
import { MqttLink } from "./mqtt-link.ts";
import { passedMark } from "./passed-mark.ts";
import type { RelayCounters } from "./relay.ts";
import { openRemote } from "./remote-socket.ts";

/** What bridges share. */
export interface BridgeContext {
  readonly log: Log;
  /** Names this broker in marks of messages that go over bridges; no other broker may have it, also not one on this node: a random name made at the start will do. */
  readonly brokerId: string;
  readonly readFile: (path: string) => Uint8Array;
}

/** A bridge, up or not. */
export interface RunningBridge {
  status(): MqttnicBridge;
  /** Messages that were not handed over, or were refused at the other end, since the start. */
  counters(): { readonly skipped: number; readonly refused: number };
  /** Takes a changed configuration over; what both brokers keep for the bridge stays, what it no longer wants is unsubscribed. */
  reload(config: BridgeConfig): void;
  /** Ends it; `forget` gives up the session at our broker and what is queued in it, for a bridge that is no longer configured. */
  stop(options?: { readonly forget: boolean }): Promise<void>;
}

/** Of messages on their way in each direction, whatever both brokers would take. */
const mostInFlight = 1000;

const forEver = 0xffff_ffff;

/**
 * Starts a bridge. It connects at once and again whenever a link is lost; messages wait at our broker in its client's session meanwhile, within the bounds
 * of any client's queue, also when the other broker has never been there.
 *
 * @example
 * ```ts
 * const bridge = startBridge(broker, config.bridges[0], { log, brokerId: randomUUID(), readFile: env.readFile });
 * bridge.status().state; // "up"
 * await bridge.stop();
 * ```
 */
export function startBridge(broker: Broker, config: BridgeConfig, context: BridgeContext): RunningBridge {
  return new Bridge(broker, config, context);
}

/** The topic at which a bridge says `1` while it is up, and `0` else. Source: mosquitto.conf(5), `notification_topic`. */
const notificationTopic = (config: BridgeConfig): string =>
  config.notificationTopic ?? `$SYS/broker/connection/${config.remoteClientId}/state`;

class Bridge implements RunningBridge {
  readonly #broker: Broker;
  readonly #context: BridgeContext;
  readonly #log: Log;
  readonly #mark: Buffer;
  readonly #in: RelayCounters = { messages: 0, skipped: 0, refused: 0 };
  readonly #out: RelayCounters = { messages: 0, skipped: 0, refused: 0 };
  #config: BridgeConfig;
  #state: MqttnicBridge["state"] = "connecting";
  #to = "";
  #lastError: string | null = null;
  #pair: LinkPair | undefined;
  /** Ends waiting, and the whole run. */
  #stop: AbortController = new AbortController();
  #running: Promise<void>;
  /** Filters at the other broker that an earlier configuration wanted. */
  readonly #left = new Set<string>();

  constructor(broker: Broker, config: BridgeConfig, context: BridgeContext) {
    this.#broker = broker;
    this.#config = config;
    this.#context = context;
    this.#log = context.log.child({ bridge: config.name });
    this.#mark = passedMark(context.brokerId);
    this.#running = this.#run(config, this.#stop.signal);
  }

  status(): MqttnicBridge {
    const { name, addresses } = this.#config;
    const first = addresses[0];
    const to = this.#to || (first === undefined ? "" : `${first.host}:${first.port}`);
    const counts = { messagesIn: this.#in.messages, messagesOut: this.#out.messages };
    return { name, kind: "bridge", to, state: this.#state, ...counts, lastError: this.#lastError };
  }

  counters(): { readonly skipped: number; readonly refused: number } {
    return { skipped: this.#in.skipped + this.#out.skipped, refused: this.#in.refused + this.#out.refused };
  }

  reload(config: BridgeConfig): void {
    if (JSON.stringify(config) === JSON.stringify(this.#config)) return;
    for (const { filter } of subscriptionsOf(this.#config.topics, "in", 0)) this.#left.add(filter);
    const before = this.#config;
    this.#interrupt();
    this.#config = config;
    this.#state = "connecting";
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const ended = this.#running;
    this.#running = (async () => {
      await ended;
      if (before.localClientId !== config.localClientId) await this.#forget(before);
      await this.#run(config, signal);
    })();
  }

  async stop(options: { readonly forget: boolean } = { forget: false }): Promise<void> {
    this.#interrupt();
    await this.#running;
    if (options.forget) await this.#forget(this.#config);
  }

  #interrupt(): void {
    this.#stop.abort();
    if (this.#state === "up" && this.#config.notifications) this.#pair?.remote.publish(notification(this.#config, "0"));
    this.#pair?.end();
  }

  async #run(config: BridgeConfig, signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(config.restartMinMs, config.restartMaxMs);
    let localIsNew = true;
    let prepared = false;
    let tryPrivate = config.tryPrivate && config.protocolVersion < 5;
    this.#notify(config, "0");
    while (!signal.aborted) {
      for (const address of config.addresses) {
        if (signal.aborted) return;
        this.#state = "connecting";
        this.#to = `${address.host}:${address.port}`;
        try {
          if (!prepared) localIsNew = await this.#prepare(config);
          prepared = true;
          await this.#session(config, address, tryPrivate, localIsNew, signal, () => {
            localIsNew = false;
            backOff.reset();
          });
        } catch (error) {
          if (signal.aborted) return;
          // A broker that does not know the bit refuses the protocol version. [MQTT 3.1.1 §3.2.2.3]
          if (tryPrivate && error instanceof MitsuError && error.cause === 1) tryPrivate = false;
          const { message } = error as Error;
          // Once for each reason, not at each try.
          if (message !== this.#lastError) this.#log.warn(message, { to: this.#to });
          this.#lastError = message;
        }
      }
      if (signal.aborted) return;
      this.#state = "backing-off";
      await wait(backOff.next(), undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Makes the session at our broker, so that it keeps messages from the start. @returns Whether it is new. */
  async #prepare(config: BridgeConfig): Promise<boolean> {
    const link = this.#openLocal(config, config.cleanSession ? 0 : forEver);
    try {
      const { sessionPresent } = await link.opened;
      if (config.cleanSession) return true;
      const wanted = subscriptionsOf(config.topics, "out", 0);
      const filters = new Set(wanted.map(({ filter }) => filter));
      const stale: string[] = [];
      for (const { clientId, filter } of this.#broker.subscriptions())
        if (clientId === config.localClientId && !filters.has(filter)) stale.push(filter);
      await link.unsubscribe(stale);
      // Retained messages come with the first connection to the other broker.
      await link.subscribe(wanted.map((subscription) => ({ ...subscription, retainHandling: 2 })));
      return !sessionPresent;
    } finally {
      link.end();
    }
  }

  /** Gives up the session at our broker. */
  async #forget(config: BridgeConfig): Promise<void> {
    const link = this.#openLocal({ ...config, cleanSession: true }, 0);
    await link.opened.catch(() => {});
    link.end();
  }

  #openLocal(config: BridgeConfig, sessionExpiryS: number): MqttLink {
    const ignore = { onPublish() {}, onAck() {}, onDrain() {}, onClose() {} };
    return new MqttLink(this.#broker.openStream(identityOf(config)), { ...localConnect(config), sessionExpiryS }, ignore);
  }

  /** One connection, from its beginning to its end. @throws Why it ended. */
  async #session(
    config: BridgeConfig,
    address: BridgeConfig["addresses"][number],
    tryPrivate: boolean,
    localIsNew: boolean,
    signal: AbortSignal,
    onUp: () => void,
  ): Promise<void> {
    const remoteStream = await openRemote(address, config.tls, this.#context.readFile);
    if (signal.aborted) {
      remoteStream.destroy();
      return;
    }
    const pair = new LinkPair({
      remoteStream,
      remote: remoteConnect(config, tryPrivate),
      openLocal: () => this.#broker.openStream(identityOf(config)),
      local: localConnect(config),
      localIsNew,
      changeIn: this.#change(config, "in"),
      changeOut: this.#change(config, "out"),
      countersIn: this.#in,
      countersOut: this.#out,
    });
    this.#pair = pair;
    try {
      const acks = await pair.open();
      await this.#subscribe(config, pair, acks);
      onUp();
      this.#state = "up";
      this.#lastError = null;
      this.#log.info("bridge is up", { to: this.#to });
      this.#notify(config, "1");
      if (config.notifications) pair.remote.publish(notification(config, "1"));
      const error = await pair.closed;
      if (error !== null) throw error;
    } finally {
      pair.end();
      this.#pair = undefined;
      this.#notify(config, "0");
    }
  }

  async #subscribe(
    config: BridgeConfig,
    pair: LinkPair,
    acks: { readonly remote: ClientConnack; readonly local: ClientConnack },
  ): Promise<void> {
    // A broker that does not know the other end's session has to give it its retained messages, too.
    const out = subscriptionsOf(config.topics, "out", acks.remote.sessionPresent && acks.local.sessionPresent ? 1 : 0);
    const ins = subscriptionsOf(config.topics, "in", acks.remote.sessionPresent && acks.local.sessionPresent ? 1 : 0);
    const left = [...this.#left].filter((filter) => !ins.some((subscription) => subscription.filter === filter));
    this.#left.clear();
    const [outCodes, inCodes] = await Promise.all([
      pair.local?.subscribe(out) ?? [],
      pair.remote.subscribe(ins),
      left.length > 0 ? pair.remote.unsubscribe(left) : undefined,
    ]);
    for (const [subscriptions, codes, where] of [
      [out, outCodes, "our broker"],
      [ins, inCodes, this.#to],
    ] as const)
      for (const [index, { filter }] of subscriptions.entries())
        if ((codes[index] ?? 0x80) >= 0x80)
          this.#log.warn("a topic of the bridge is refused", { filter, by: where, code: codes[index] ?? 0x80 });
  }

  #change(config: BridgeConfig, way: Way): Change {
    const mark = this.#mark;
    return (publish) => {
      // It has been at this broker before: a bridge at the other end brings it back.
      if (publish.properties.includes(mark)) return undefined;
      const topic = topicAtOtherEnd(config.topics, way, publish.topic);
      if (topic === undefined) return undefined;
      return { ...publish, topic, properties: Buffer.concat([publish.properties, mark]) };
    };
  }

  #notify(config: BridgeConfig, payload: "0" | "1"): void {
    if (!config.notifications) return;
    this.#broker.publish({ topic: notificationTopic(config), payload: Buffer.from(payload), qos: 1, retain: true });
  }
}

function identityOf(config: BridgeConfig): Identity {
  return { username: `$bridge/${config.name}`, by: "in-process", untilMs: 0, peerNode: undefined };
}

function localConnect(config: BridgeConfig): ClientConnect {
  return {
    version: 5,
    bridge: false,
    clean: config.cleanSession,
    sessionExpiryS: config.cleanSession ? 0 : forEver,
    keepAliveS: 0,
    clientId: config.localClientId,
    username: undefined,
    password: undefined,
    receiveMaximum: mostInFlight,
    will: undefined,
  };
}

function remoteConnect(config: BridgeConfig, tryPrivate: boolean): ClientConnect {
  return {
    version: config.protocolVersion,
    bridge: tryPrivate,
    clean: config.cleanSession,
    sessionExpiryS: config.cleanSession ? 0 : forEver,
    keepAliveS: config.keepAliveS,
    clientId: config.remoteClientId,
    username: config.remoteUsername,
    password: config.remotePassword,
    receiveMaximum: mostInFlight,
    will: config.notifications ? { topic: notificationTopic(config), payload: "0", qos: 1, retain: true } : undefined,
  };
}

/** QoS 0: nobody here waits for its acknowledgement, and packet ids are those of our broker. */
function notification(config: BridgeConfig, payload: string): ClientPublish {
  return {
    topic: notificationTopic(config),
    payload: Buffer.from(payload),
    qos: 0,
    retain: true,
    dup: false,
    packetId: 0,
    properties: Buffer.alloc(0),
  };
}
