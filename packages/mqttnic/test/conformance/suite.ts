/**
 * A file of the suite: one broker, and tests beside each other on topics and client ids of their own. Titles end with the clauses they cover, by the
 * specification they are of: `… v3.1.1 [MQTT-3.1.2-24] v5 [MQTT-3.1.2-22]`; `scripts/mqtt-conformance.ts` reads them off the sources.
 * @module
 */
import { randomBytes } from "node:crypto";
import type { ExecutionContext, TestFn } from "ava";
import type { IConnackPacket, IConnectPacket, IPublishPacket, ISubscription } from "mqtt-packet";
import { type BrokerOptions, type BrokerUnderTest, brokerKind, startBroker } from "./broker-under-test.ts";
import { describe, RawClient, type Received, type Version } from "./raw-client.ts";

/** How one test differs from the others. */
export interface Marks {
  /** Where mosquitto 2.0.11 falls short of the letter: there the test must fail. */
  readonly mosquittoFails?: string;
  /** The same, for 3.1.1 only. */
  readonly mosquittoFails3?: string;
  /** The same, for 5.0 only. */
  readonly mosquittoFails5?: string;
}

/** A test's body. */
type Body = (scene: Scene) => Promise<void>;

/** Registers a test. */
type Register = (title: string, ...rest: readonly [Body] | readonly [Marks, Body]) => void;

/** Registers tests, for one version or for both. */
export interface Check {
  readonly v3: Register;
  readonly v5: Register;
  readonly both: Register;
}

/** CONNECT's fields that a test cares for. */
export type ConnectOptions = Partial<Omit<IConnectPacket, "cmd">>;

let scenes = 0;
let clients = 0;

/** What a test works with: its clients are closed when it ends. */
export class Scene {
  readonly t: ExecutionContext;
  readonly version: Version;
  /** A topic of this test's own; put levels behind it. */
  readonly topic: string;
  readonly broker: BrokerUnderTest;

  constructor(t: ExecutionContext, broker: BrokerUnderTest, version: Version) {
    this.t = t;
    this.broker = broker;
    this.version = version;
    this.topic = `conformance/${++scenes}${randomBytes(3).toString("hex")}`;
  }

  /** A client id of this test's own. */
  id(name = "client"): string {
    return `${name}${this.topic.slice(12)}`;
  }

  /** A TCP connection without CONNECT. */
  async open(version: Version = this.version): Promise<RawClient> {
    const client = await RawClient.open(this.broker.host, this.broker.port, version);
    this.t.teardown(() => client.socket.destroy());
    return client;
  }

  /** A connection with CONNECT sent and CONNACK read, whatever it says: see `client.connack`. */
  async tryConnect(options: ConnectOptions = {}): Promise<RawClient> {
    const version = options.protocolVersion ?? this.version;
    const client = await this.open(version);
    client.send({
      cmd: "connect",
      protocolId: version === 3 ? "MQIsdp" : "MQTT",
      protocolVersion: version,
      clientId: options.clientId ?? this.id(`c${++clients}-`),
      clean: true,
      keepalive: 0,
      ...options,
    });
    client.connack = await client.expect("connack");
    return client;
  }

  /** A client that was let in. */
  async connect(options: ConnectOptions = {}): Promise<RawClient> {
    const client = await this.tryConnect(options);
    this.t.is(codeOf(client.connack!), 0, "the broker refused CONNECT");
    return client;
  }

  /** A client with a session that outlives its connection: Clean Session off, or for 5.0 an expiry in seconds. */
  async durable(clientId: string, options: ConnectOptions = {}, expiryS = 300): Promise<RawClient> {
    const version = options.protocolVersion ?? this.version;
    const { properties, ...rest } = options;
    return await this.connect({
      clientId,
      clean: false,
      ...rest,
      ...(version === 5 ? { properties: { sessionExpiryInterval: expiryS, ...properties } } : {}),
    });
  }

  /** Subscribes and reads SUBACK. @returns Its codes. */
  async subscribe(client: RawClient, topics: string | readonly ISubscription[], qos: 0 | 1 | 2 = 0, identifier = 0): Promise<number[]> {
    const subscriptions = typeof topics === "string" ? [{ topic: topics, qos }] : [...topics];
    const properties = identifier === 0 ? {} : { properties: { subscriptionIdentifier: identifier } };
    client.send({ cmd: "subscribe", messageId: 9, subscriptions, ...properties });
    const suback = await client.pick("suback", 9);
    return suback.granted as number[];
  }

  /** Publishes, at QoS 1 unless told otherwise, and waits until the broker has answered: it has routed the message by then. */
  async publish(client: RawClient, topic: string, payload: string | Buffer, options: Partial<IPublishPacket> = {}): Promise<void> {
    const qos = options.qos ?? 1;
    const messageId = options.messageId ?? 77;
    client.send({ cmd: "publish", topic, payload, dup: false, retain: false, ...options, qos, messageId });
    if (qos === 1) await client.pick("puback", messageId);
    if (qos === 2) {
      await client.pick("pubrec", messageId);
      client.send({ cmd: "pubrel", messageId });
      await client.pick("pubcomp", messageId);
    }
    if (qos === 0) {
      client.send({ cmd: "pingreq" });
      await client.pick("pingresp");
    }
  }

  /** The next packet is a PUBLISH with this payload; it is not acknowledged. */
  async message(client: RawClient, payload?: string): Promise<Received<"publish">> {
    const message = await client.expect("publish");
    if (payload !== undefined) this.t.is(message.payload.toString(), payload);
    return message;
  }

  /** The next packet is a PUBLISH with this payload; QoS 1 and 2 are acknowledged to the end. */
  async take(client: RawClient, payload?: string): Promise<Received<"publish">> {
    const message = await this.message(client, payload);
    const messageId = message.messageId!;
    if (message.qos === 1) client.send({ cmd: "puback", messageId, reasonCode: 0 });
    if (message.qos === 2) {
      client.send({ cmd: "pubrec", messageId, reasonCode: 0 });
      await client.pick("pubrel", messageId);
      client.send({ cmd: "pubcomp", messageId, reasonCode: 0 });
    }
    return message;
  }

  /** Nothing has come for the client, and nothing comes before the broker's next answer to it. */
  async nothing(...clients: readonly RawClient[]): Promise<void> {
    for (const client of clients) this.t.deepEqual((await client.untilPong()).map(describe), []);
  }

  /**
   * The broker closes the connection; to a 5.0 client that is connected it says first why, with one of the codes, and to another client it says nothing.
   * A CONNECT that is malformed may be answered by CONNACK with such a code, or by nothing. [MQTT 5.0 §4.13]
   */
  async refused(client: RawClient, ...codes: readonly number[]): Promise<void> {
    const before = await client.closed();
    if (client.version === 5 && client.connack) {
      this.t.deepEqual(
        before.map(({ cmd }) => cmd),
        ["disconnect"],
        before.map(describe).join("; "),
      );
      const disconnect = before[0] as Received<"disconnect">;
      this.t.true(codes.includes(codeOf(disconnect)), describe(disconnect));
      this.t.is(disconnect.properties?.sessionExpiryInterval, undefined); // [MQTT-3.14.2-2]
    } else if (client.version === 5 && before.length > 0) {
      this.t.deepEqual(
        before.map(({ cmd }) => cmd),
        ["connack"],
        before.map(describe).join("; "),
      );
      this.t.true(codes.includes(codeOf(before[0] as Received<"connack">)), describe(before[0]!));
    } else {
      this.t.deepEqual(before.map(describe), []);
    }
  }
}

/** The code of a packet: 3.1.1 calls CONNACK's a return code. */
export function codeOf(packet: Partial<Pick<IConnackPacket, "reasonCode" | "returnCode">>): number {
  return packet.reasonCode ?? packet.returnCode ?? 0;
}

/** Makes a file's {@link Check}; its broker starts before the first test and ends after the last. */
export function suite(test: TestFn, options: BrokerOptions = {}): Check {
  let broker: BrokerUnderTest | undefined;
  const told = Object.keys(options).some((key) => key !== "daemon");
  const cannot = brokerKind === "other" && told;
  test.before(async () => {
    if (!cannot) broker = await startBroker(options);
  });
  test.after.always(async () => await broker?.stop());

  const register = (title: string, version: Version, marks: Marks, body: Body): void => {
    if (cannot) {
      test(title, (t) => {
        t.log("skipped: a broker that runs already cannot be configured");
        t.pass();
      });
      return;
    }
    const one =
      brokerKind === "mosquitto" && (marks.mosquittoFails ?? (version === 5 ? marks.mosquittoFails5 : marks.mosquittoFails3))
        ? test.failing
        : test;
    one(title, async (t) => {
      t.timeout(30_000); // a client of somebody else's may hang, ours has a time-out of its own
      await body(new Scene(t, broker!, version));
    });
  };
  const versions = (...those: readonly Version[]): Register => {
    return (title, ...rest) => {
      const [marks, body] = rest.length === 2 ? rest : [{}, rest[0]];
      for (const version of those)
        register(those.length > 1 ? `${title} (MQTT ${version === 5 ? "5.0" : "3.1.1"})` : title, version, marks, body);
    };
  };
  return { v3: versions(4), v5: versions(5), both: versions(4, 5) };
}
