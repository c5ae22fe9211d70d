/** The connection to a broker, whichever it is: states go out and come in, and losing it is no error but a reason to be degraded. @module */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import mqtt from "mqtt";
import type { NodeTable } from "./node-table.ts";
import { PacketGuard } from "./packet-guard.ts";
import type { Sink } from "./publisher.ts";
import { RetainedQueue } from "./retained-queue.ts";
import { maxMessageBytes } from "./state-message.ts";

/** Where the broker is and who we are. */
export interface MqttBusOptions {
  /** `mqtt://host:port`, `mqtts://host:port` or `unix:///path`. */
  readonly url: string;
  readonly node: string;
  readonly table: NodeTable;
  /** Milliseconds since 1970 by a clock that never goes back. */
  readonly now: () => number;
  readonly username?: string;
  readonly password?: string;
  /** Authorities, certificate and key of `mqtts`. */
  readonly tls?: TlsOptions;
  /** Called whenever a connection is made: {@link Publisher.resync}. */
  readonly onUp?: () => void;
  /** Called when it is lost, with the reason, and never twice for the same loss. */
  readonly onDown?: (reason: string) => void;
  /** A node's state was taken, or its good-bye, after which the table has no such node. */
  readonly onState?: (node: string) => void;
  /** What the broker has of a replica's override, ours too; empty when it was deleted. Without it overrides are not subscribed to. */
  readonly onOverride?: (key: string, bytes: Buffer, retained: boolean) => void;
  /** Before it is tried again, milliseconds; 200 unless told. */
  readonly retryMs?: number;
}

/** Topics are this and the node's name. */
export const topicPrefix = "mitsu/state/";
/** Overrides are at this and the replica's `address:port`. */
export const overridePrefix = "mitsu/override/";
const packetBytes = maxMessageBytes + 1024;

/** As it may be shown. */
const withoutPassword = (url: string): string => url.replace(/^(\w+:\/\/)[^/@]*@/, "$1");

/** Opens sockets to the broker of a URL. @throws {MitsuError} `ERR_BROKER_URL` */
function opener({ url, tls }: Pick<MqttBusOptions, "url" | "tls">): () => Socket {
  const wrong = (why: string): MitsuError =>
    new MitsuError(`no URL of a broker: ${withoutPassword(url)}: ${why}`, {
      code: "ERR_BROKER_URL",
      exit: exitStatus.usage,
      hint: "write mqtt://host:1883, mqtts://host:8883 or unix:///path",
    });
  if (!URL.canParse(url)) throw wrong("it cannot be read");
  const { protocol, hostname, port, pathname } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (protocol === "unix:" && pathname.length > 1) return () => connectTcp({ path: decodeURIComponent(pathname) });
  if (protocol !== "mqtt:" && protocol !== "mqtts:") throw wrong(`${protocol} is not spoken`);
  if (host === "") throw wrong("it has no host");
  if (protocol === "mqtt:") return () => connectTcp({ host, port: Number(port || 1883), noDelay: true });
  return () => connectTls({ host, port: Number(port || 8883), servername: /^[\d.]+$|:/.test(host) ? "" : host, ...tls }).setNoDelay(true);
}

/**
 * A connection that comes back by itself.
 *
 * @throws {MitsuError} `ERR_BROKER_URL`.
 * @example
 * ```ts
 * const bus = new MqttBus({ url: "mqtt://127.0.0.1:1883", node: "a", table, now, onUp: () => publisher.resync() });
 * const publisher = new Publisher(state, bus);
 * ```
 */
export class MqttBus implements Sink {
  /** Connections made, and lost again; packets that were longer than any state; messages of topics that nobody asked for. */
  connects = 0;
  losses = 0;
  oversized = 0;
  strangers = 0;
  /** Overrides on their way. */
  readonly overrides: RetainedQueue;
  readonly #client: mqtt.MqttClient;
  readonly #topic: string;
  readonly #retained: mqtt.IClientPublishOptions = { qos: 0, retain: true };
  readonly #plain: mqtt.IClientPublishOptions = { qos: 0, retain: false };
  readonly #retainedOnce: mqtt.IClientPublishOptions = { qos: 1, retain: true };
  readonly #options: MqttBusOptions;
  #up = false;
  #ended = false;
  /** The broker's socket took the present connection. */
  #reached = false;
  /** A connection was made with this level of the protocol. */
  #level: 4 | 5 | undefined;
  #lastError = "it has not answered yet";
  #overridesRefused: string | null = null;

  constructor(options: MqttBusOptions) {
    this.#options = options;
    this.#topic = topicPrefix + options.node;
    const open = opener(options);
    const client = new mqtt.MqttClient(() => this.#guarded(open()), {
      protocolVersion: 5,
      clientId: `replicad-${options.node}-${crypto.randomUUID().slice(0, 8)}`,
      clean: true,
      reconnectPeriod: options.retryMs ?? 200,
      // A broker that is starting up refuses too.
      reconnectOnConnackError: true,
      connectTimeout: 5000,
      keepalive: 5,
      queueQoSZero: false,
      resubscribe: false,
      properties: { maximumPacketSize: packetBytes },
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: options.password }),
    });
    this.#client = client;
    client.on("connect", () => this.#connected());
    client.on("error", (error: Error & { code?: unknown }) => {
      this.#lastError = error.message || String(error.code);
    });
    client.on("close", () => this.#lost());
    this.overrides = new RetainedQueue({
      publish: (key, bytes, done) => {
        client.publish(overridePrefix + key, bytes, this.#retainedOnce, done);
        const id = client.getLastMessageId();
        // Else the library would send it again after a loss, when there may be a later one.
        return () => client.removeOutgoingMessage(id);
      },
    });
    client.on("message", (topic, payload, packet) => {
      if (topic.startsWith(overridePrefix)) {
        options.onOverride?.(topic.slice(overridePrefix.length), payload, packet.retain);
        return;
      }
      if (!topic.startsWith(topicPrefix)) {
        this.strangers++;
        return;
      }
      const node = topic.slice(topicPrefix.length);
      // Brokers of 3.1.1 send us our own messages too.
      if (node === options.node) return;
      if (options.table.receive(node, payload, packet.retain, options.now()) === null) options.onState?.(node);
    });
  }

  /** Why other nodes are not heard; empty when all is well. */
  degraded(): readonly string[] {
    if (this.#up) return this.#overridesRefused === null ? [] : [this.#overridesRefused];
    return [`no broker at ${this.url}: ${this.#lastError}; what other nodes said grows old`];
  }

  /** Where the broker is, without a password that somebody wrote into it. */
  get url(): string {
    return withoutPassword(this.#options.url);
  }

  room(): "open" | "full" | "down" {
    if (!this.#up || !this.#client.connected) return "down";
    // Bytes that the kernel did not take: the broker is slower than we are, and to wait in a queue would only make them old.
    return this.#client.stream.writableLength === 0 ? "open" : "full";
  }

  send(bytes: Buffer, retain: boolean): void {
    this.#client.publish(this.#topic, bytes, retain ? this.#retained : this.#plain);
  }

  /** Has the broker keep an override, or, with no bytes, none. @returns Why it has it not; null when it has. */
  publishOverride(key: string, bytes: Buffer): Promise<string | null> {
    return this.overrides.offer(key, bytes);
  }

  /** Says good-bye, so that nobody goes on with our last state, and closes. */
  async close(): Promise<void> {
    this.#ended = true;
    const open = this.room() === "open";
    if (open) this.#client.publish(this.#topic, "", this.#retained);
    // Not forced while the good-bye is on its way; a broker that does not answer is left after a second.
    const timer = setTimeout(() => this.#client.stream.destroy(), 1000);
    await this.#client.endAsync(!open);
    clearTimeout(timer);
  }

  #guarded(socket: Socket): Socket {
    const guard = new PacketGuard(packetBytes);
    this.#reached = false;
    socket.once("connect", () => {
      this.#reached = true;
    });
    socket.on("data", (chunk: Buffer) => {
      if (guard.take(chunk)) return;
      this.oversized++;
      socket.destroy(new Error("the broker sent a packet longer than any state"));
    });
    return socket;
  }

  #connected(): void {
    const v5 = this.#client.options.protocolVersion === 5;
    const topics: mqtt.ISubscriptionMap = { [`${topicPrefix}+`]: { qos: 0, ...(v5 ? { nl: true, rh: 0 } : {}) } };
    // Also our own, so that we know what the broker has.
    const overrides = `${overridePrefix}+`;
    if (this.#options.onOverride !== undefined) topics[overrides] = { qos: 0, ...(v5 ? { rh: 0 } : {}) };
    this.#client.subscribe(topics, (error, _subscriptions, packet) => {
      // In the order of the topics. [MQTT 5.0 §3.9.3]
      const refused = (packet?.granted ?? []).map((code) => Number(code) >= 0x80);
      if (refused[0] ?? Boolean(error)) {
        this.#lastError = `it refused the subscription to ${topicPrefix}+${error ? `: ${error.message}` : ""}`;
        this.#client.stream.destroy();
        return;
      }
      this.#overridesRefused = refused[1]
        ? `the broker at ${this.url} refused the subscription to ${overrides}; what is drained or weighted at other nodes is not known here`
        : null;
      // Those that are kept come by QoS 0, of which mosquitto queues any number (of QoS 1 a thousand); later ones by QoS 1, which a broker drops last.
      if (overrides in topics && !refused[1]) this.#client.subscribe({ [overrides]: { qos: 1, ...(v5 ? { rh: 2 } : {}) } });
      this.#up = true;
      this.#level = v5 ? 5 : 4;
      this.connects++;
      this.overrides.open();
      this.#options.table.linked(true, this.#options.now());
      this.#options.onUp?.();
    });
  }

  #lost(): void {
    // A broker of 3.1.1 refuses level 5 by its own CONNACK, which is none of level 5, or by silence: the other level is tried next.
    if (!this.#up && this.#reached && this.#level === undefined) {
      const { options } = this.#client;
      options.protocolVersion = options.protocolVersion === 5 ? 4 : 5;
    }
    if (!this.#up) return;
    this.#up = false;
    this.losses++;
    this.#lastError = "the connection was lost";
    this.overrides.close(`no broker at ${this.url}: ${this.#lastError}`);
    // From here on silence says nothing.
    this.#options.table.linked(false, this.#options.now());
    if (!this.#ended) this.#options.onDown?.(this.degraded()[0]!);
  }
}
