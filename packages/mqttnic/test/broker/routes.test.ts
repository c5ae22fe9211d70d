/**
 * Who gets what: the broker's tree, route cache, groups and router against a model that has none of them.
 *
 * Past 300 lines: both sides of the comparison are driven here, step by step; the model is in naive-broker.ts.
 */
import { createLog, testEnv } from "@mitsu/cli";
import test from "ava";
import mqttPacket, { type IPublishPacket, type Packet } from "mqtt-packet";
import { Core } from "../../src/broker/core.ts";
import { defaultConfig, defaultListener } from "../../src/config/defaults.ts";
import type { PlaneEvents } from "../../src/data-plane/data-plane.ts";
import type { Qos, SubscriptionOptions } from "../../src/message.ts";
import type { OpenedSecurity } from "../../src/security/open-security.ts";
import { MemoryPlane } from "./memory-plane.ts";
import { type Copy, NaiveBroker, type NaiveSession, type SharedCopy } from "./naive-broker.ts";
import { randomOf } from "./rig.ts";

const seeds = process.env.MITSU_TEST_ALL === "1" ? 1500 : 60;
const turns = 60;

const security = {
  authenticate: ({ username }) => ({
    ok: true,
    identity: {
      username,
      by: username?.startsWith("peer") ? "mesh" : "anonymous",
      untilMs: 0,
      peerNode: username?.startsWith("peer") ? username : undefined,
    },
  }),
  method: () => undefined,
  acl: {
    mayPublish: () => true,
    mayReceive: ({ username }, _id, topic) => !(username?.startsWith("barred") && topic.endsWith("/secret")),
    maySubscribe: () => true,
  },
  audit: () => {},
  reload: async () => {},
  generation: 0,
  close: () => {},
  admits: () => true,
  auditLinesLost: 0,
} satisfies OpenedSecurity as OpenedSecurity;

const topics = ["a", "a/b", "a/b/c", "a/secret", "b", "b/c", "/", "$dollar/a", "a//c", "b/secret"];
const filters = [
  "a",
  "#",
  "+",
  "a/#",
  "a/+",
  "a/b",
  "+/b",
  "a/b/c",
  "+/+/c",
  "a/secret",
  "b/#",
  "/",
  "/+",
  "$dollar/#",
  "$dollar/+",
  "+/secret",
  "a/+/c",
  "b",
];
const groups = ["$share/g/a/#", "$share/g/#", "$share/h/a/#", "$share/h/+/+", "$share/g/b"];

interface Client {
  readonly session: NaiveSession;
  readonly version: 4 | 5;
  connection: number;
  parser: ReturnType<typeof mqttPacket.parser>;
  packets: Packet[];
  aliases: Map<number, string>;
}

/** A broker on a plane of memory, and the model beside it. */
class Pair {
  readonly naive = new NaiveBroker();
  readonly plane = new MemoryPlane();
  readonly core: Core;
  readonly events: PlaneEvents;
  readonly clients: Client[] = [];
  readonly #random: (n: number) => number;
  #nextConnection = 0;
  #payload = 0;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.core = new Core({
      config: defaultConfig,
      security,
      store: undefined,
      log: createLog(testEnv()),
      about: { version: "", pid: 0, startedAtMs: 0, node: "" },
    });
    this.events = this.core.events(() => this.plane);
    this.core.addPlane(this.plane);
    for (let at = 0; at < 10; at++) {
      const version = this.#random(3) === 0 ? 4 : 5;
      const [peer, barred] = [this.#random(5) === 0, this.#random(4) === 0];
      const id = `${peer ? "peer" : barred ? "barred" : "client"}${at}`;
      const session: NaiveSession = {
        id,
        five: version === 5,
        peer,
        barred: barred && !peer,
        connected: false,
        durable: this.#random(2) === 0,
        subscriptions: new Map(),
        expected: [],
      };
      this.clients.push({ session, version, connection: -1, parser: mqttPacket.parser(), packets: [], aliases: new Map() });
    }
  }

  /** A turn: one client comes or goes, or several do something. */
  turn(): void {
    const random = this.#random;
    const client = this.clients[random(this.clients.length)]!;
    if (!client.session.connected) this.#connect(client);
    else if (random(8) === 0) this.#disconnect(client);
    else {
      for (let left = 1 + random(8); left > 0; left--) {
        const one = this.clients[random(this.clients.length)]!;
        if (!one.session.connected) continue;
        const what = random(6);
        if (what < 2) this.#subscribe(one);
        else if (what < 3) this.#unsubscribe(one);
        else this.#publish(one);
      }
    }
    this.events.onTurn();
    this.#compare();
  }

  /** All have gone, and so has everything that was kept for them. */
  end(): void {
    for (const client of this.clients) {
      if (client.session.connected) continue;
      this.#connect(client);
      this.events.onTurn();
      this.#compare();
    }
    for (const client of this.clients) {
      client.session.durable = false;
      if (client.session.connected) this.#disconnect(client);
      this.#connect(client);
      this.events.onTurn();
      this.#compare();
      this.#disconnect(client);
    }
    this.events.onTurn();
    this.core.routes.clear();
    this.core.turn();
    const { sessions, subscriptions, sharedSubscriptions, queued, connections } = this.core.status();
    const left = {
      sessions,
      subscriptions,
      sharedSubscriptions,
      queued,
      connections,
      routes: this.plane.routes.size,
      interest: [...this.core.interest()].length,
    };
    if (Object.values(left).some((count) => count !== 0)) throw new Error(`left: ${JSON.stringify(left)}`);
  }

  #connect(client: Client): void {
    const random = this.#random;
    const { session, version } = client;
    client.connection = this.#nextConnection++ % 4000;
    client.parser = mqttPacket.parser({ protocolVersion: version });
    client.packets = [];
    client.aliases = new Map();
    client.parser.on("packet", (packet) => client.packets.push(packet));
    this.events.onOpen(client.connection, {
      listener: defaultListener,
      address: "127.0.0.1",
      port: 1,
      local: true,
      transport: "memory",
      certificate: undefined,
      identity: undefined,
    });
    const properties =
      version === 5
        ? {
            ...(session.durable && { sessionExpiryInterval: 1000 }),
            ...(random(4) === 0 && { topicAliasMaximum: 3 }),
            ...(random(4) === 0 && { maximumPacketSize: 100_000 }),
          }
        : {};
    this.#send(client, {
      cmd: "connect",
      clientId: session.id,
      username: session.id,
      clean: !session.durable,
      keepalive: 0,
      protocolId: "MQTT",
      protocolVersion: version,
      properties,
    });
    if (!session.durable) {
      session.subscriptions.clear();
      session.expected = [];
    }
    session.connected = true;
    this.naive.sessions.set(session.id, session);
  }

  #disconnect(client: Client): void {
    this.#send(client, { cmd: "disconnect" });
    this.events.onTurn();
    this.plane.tellClosed(this.events);
    const { session } = client;
    session.connected = false;
    if (!session.durable) {
      session.subscriptions.clear();
      this.naive.sessions.delete(session.id);
    }
  }

  #subscribe(client: Client): void {
    const random = this.#random;
    const { session, version } = client;
    const shared = random(4) === 0;
    const filter = shared ? groups[random(groups.length)]! : filters[random(filters.length)]!;
    const five = version === 5;
    const options: SubscriptionOptions = {
      // What is shared is not left to chance by QoS: the model would have to know who is away.
      qos: shared ? 1 : (random(3) as Qos),
      noLocal: five && !shared && random(3) === 0,
      retainAsPublished: five && random(3) === 0,
      retainHandling: five ? (random(3) as 0 | 1 | 2) : 0,
      identifier: five && random(2) === 0 ? 1 + random(4) : 0,
    };
    this.#send(client, {
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [
        {
          topic: filter,
          qos: options.qos,
          ...(five && { nl: options.noLocal, rap: options.retainAsPublished, rh: options.retainHandling }),
        },
      ],
      ...(options.identifier > 0 && { properties: { subscriptionIdentifier: options.identifier } }),
    });
    this.naive.subscribe(session, filter, options);
  }

  #unsubscribe(client: Client): void {
    const known = [...client.session.subscriptions.keys()];
    const filter = known[this.#random(known.length || 1)] ?? "nothing/there";
    this.#send(client, { cmd: "unsubscribe", messageId: 2, unsubscriptions: [filter] });
    client.session.subscriptions.delete(filter);
  }

  #publish(client: Client): void {
    const random = this.#random;
    const topic = topics[random(topics.length)]!;
    const retain = random(6) === 0;
    const payload = retain && random(3) === 0 ? "" : `${++this.#payload}`;
    // Messages of QoS 0 would be lost to groups that are away.
    const qos = random(3) as Qos;
    const away = [...this.naive.sessions.values()].some(
      ({ connected, subscriptions }) => !connected && [...subscriptions.keys()].some((one) => one.startsWith("$share")),
    );
    const sure = away ? (Math.max(1, qos) as Qos) : qos;
    const messageId = 1 + (this.#payload % 60_000);
    this.#send(client, { cmd: "publish", topic, payload, qos: sure, retain, dup: false, messageId });
    if (sure === 2) this.#send(client, { cmd: "pubrel", messageId });
    this.naive.publish(client.session, topic, payload, sure, retain);
  }

  #send(client: Client, packet: Packet): void {
    const bytes = mqttPacket.generate(packet, { protocolVersion: client.version });
    this.events.onBytes(client.connection, bytes, 0, bytes.length);
  }

  /** What came is what the model says. */
  #compare(): void {
    // Acknowledgements bring what waited for them.
    const came = new Map<Client, Copy[]>();
    for (let quiet = false; !quiet; ) {
      quiet = true;
      for (const client of this.clients) {
        if (!client.session.connected) continue;
        const bytes = this.plane.take(client.connection);
        if (bytes.length === 0) continue;
        quiet = false;
        client.parser.parse(bytes);
        const copies = came.get(client) ?? [];
        came.set(client, copies);
        for (const packet of client.packets.splice(0)) this.#read(client, packet, copies);
      }
      this.events.onTurn();
    }
    const extra = new Map<NaiveSession, Copy[]>();
    for (const client of this.clients) {
      const { session } = client;
      if (!session.connected) continue;
      const copies = came.get(client) ?? [];
      for (const wanted of session.expected.splice(0)) {
        const at = copies.findIndex((copy) => isSame(copy, wanted));
        if (at < 0) throw new Error(`${session.id} did not get ${JSON.stringify(wanted)} but ${JSON.stringify(copies)}`);
        copies.splice(at, 1);
      }
      extra.set(session, copies);
    }
    this.naive.shared = assign(this.naive.shared, extra);
    for (const [session, copies] of extra)
      if (copies.length > 0)
        throw new Error(`${session.id} got ${JSON.stringify(copies)} for nothing; open: ${JSON.stringify(this.naive.shared)}`);
  }

  #read(client: Client, packet: Packet, copies: Copy[]): void {
    if (packet.cmd === "pubrel") this.#send(client, { cmd: "pubcomp", messageId: packet.messageId! });
    if (packet.cmd === "disconnect") throw new Error(`${client.session.id} was sent away: ${JSON.stringify(packet)}`);
    if (packet.cmd !== "publish") return;
    const { qos, messageId, retain, payload, properties } = packet as IPublishPacket;
    let { topic } = packet as IPublishPacket;
    const alias = properties?.topicAlias;
    if (alias !== undefined && topic !== "") client.aliases.set(alias, topic);
    else if (alias !== undefined) topic = client.aliases.get(alias) ?? "?";
    if (qos === 1) this.#send(client, { cmd: "puback", messageId: messageId! });
    if (qos === 2) this.#send(client, { cmd: "pubrec", messageId: messageId! });
    const told = (properties?.subscriptionIdentifier ?? []) as number | number[];
    const identifiers = [told].flat().sort((one, other) => one - other);
    copies.push({ topic, payload: payload.toString(), qos, retain, identifiers });
  }
}

/**
 * Finds for each copy that came by a shared subscription the message and the group that it is of. @returns Those that nobody has got yet, because their
 * member is away. What nobody waits for stays in `came`.
 */
function assign(shared: readonly SharedCopy[], came: ReadonlyMap<NaiveSession, Copy[]>): SharedCopy[] {
  const takenBy = new Map<Copy, SharedCopy>();
  const take = (one: SharedCopy, tried: Set<Copy>): boolean => {
    for (const { session, copy } of one.among)
      for (const candidate of came.get(session) ?? []) {
        if (tried.has(candidate) || !isSame(candidate, copy)) continue;
        tried.add(candidate);
        const before = takenBy.get(candidate);
        if (before && !take(before, tried)) continue;
        takenBy.set(candidate, one);
        return true;
      }
    return false;
  };
  const isDue = ({ there, among }: SharedCopy): boolean => there || among.every(({ session }) => session.connected);
  // Those that cannot be anywhere else choose first.
  const [due, others] = [shared.filter(isDue), shared.filter((one) => !isDue(one))];
  const open = [...due, ...others].filter((one) => !take(one, new Set()));
  const lost = open.find(isDue);
  if (lost) throw new Error(`nobody of ${lost.group} got ${JSON.stringify(lost.among.map(({ session, copy }) => [session.id, copy]))}`);
  for (const copies of came.values()) copies.splice(0, copies.length, ...copies.filter((copy) => !takenBy.has(copy)));
  return open;
}

function isSame(one: Copy, other: Copy): boolean {
  return (
    one.payload === other.payload &&
    one.topic === other.topic &&
    one.qos === other.qos &&
    one.retain === other.retain &&
    one.identifiers.join() === other.identifiers.join()
  );
}

test(`Core: each client gets what a naive matcher says, one copy with the highest QoS and all identifiers; ${seeds} seeds of ${turns} turns`, (t) => {
  t.timeout(600_000);
  for (let seed = 1; seed <= seeds; seed++) {
    const pair = new Pair(seed);
    let turn = 0;
    try {
      for (; turn < turns; turn++) pair.turn();
      pair.end();
    } catch (error) {
      throw new Error(`seed ${seed}, turn ${turn}: ${(error as Error).message}`, { cause: error });
    } finally {
      pair.core.close();
    }
  }
  t.pass();
});
