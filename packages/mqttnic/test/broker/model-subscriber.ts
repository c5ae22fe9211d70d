/** A subscriber that knows, message by message, what it must get next: what the broker sends it is compared with that. @module */
import { describe, type RawClient, type Received, type Version } from "../conformance/raw-client.ts";
import type { Scene } from "../conformance/suite.ts";

/** A message as it is to come. */
interface Wanted {
  readonly payload: string;
  readonly topic: string;
  readonly qos: 1 | 2;
  /** 0 until it was sent. */
  packetId: number;
  /** `received` is QoS 2 after PUBREC, `released` after PUBREL came. */
  stage: "queued" | "sent" | "received" | "released";
  /** Sent by a connection before this one. */
  again: boolean;
}

/** What kind of client it is. */
export interface SubscriberKind {
  readonly version: Version;
  readonly durable: boolean;
  /** 0 names none: the broker's own bound holds, `most`. */
  readonly receiveMaximum: number;
  readonly most: number;
  /** Filters with their QoS; they do not overlap. */
  readonly filters: readonly { readonly topic: string; readonly qos: 0 | 1 | 2 }[];
}

/** The subscriber, and the model of its session at the broker. */
export class ModelSubscriber {
  readonly #scene: Scene;
  readonly #id: string;
  readonly #kind: SubscriberKind;
  #client: RawClient | undefined;
  #quota = 0;
  /** In flight, in the order in which they were sent first. */
  #inFlight: Wanted[] = [];
  #queue: Wanted[] = [];
  /** QoS 0, which comes at once or not at all. */
  #atOnce: string[] = [];
  /** Messages that came, those sent again too. */
  taken = 0;

  constructor(scene: Scene, id: string, kind: SubscriberKind) {
    this.#scene = scene;
    this.#id = id;
    this.#kind = kind;
  }

  get here(): boolean {
    return this.#client !== undefined;
  }

  /** Unacknowledged messages. */
  get outstanding(): number {
    return this.#inFlight.length;
  }

  /** Comes in, also while an older connection is there, which ends. */
  async connect(receiveMaximum: number): Promise<void> {
    const { durable, version, most, filters } = this.#kind;
    const old = this.#client;
    const properties = version === 5 && receiveMaximum > 0 ? { receiveMaximum } : {};
    const options = { clientId: this.#id, protocolVersion: version, properties };
    const client = durable
      ? await this.#scene.durable(this.#id, options)
      : await this.#scene.connect(version === 5 ? options : { clientId: this.#id, protocolVersion: version });
    await old?.closed();
    this.#client = client;
    this.#quota = version === 5 && receiveMaximum > 0 ? Math.min(receiveMaximum, most) : most;
    if (!durable) {
      this.#inFlight = [];
      this.#queue = [];
    }
    this.#atOnce = [];
    const late: Wanted[] = [];
    const stay: Wanted[] = [];
    for (const one of this.#inFlight) {
      one.again = true;
      if (one.stage === "released") one.stage = "received"; // PUBREL is sent again
      if (one.stage === "sent" && (stay.length >= this.#quota || late.length > 0)) late.push(one);
      else stay.push(one);
    }
    this.#inFlight = stay;
    this.#queue.unshift(...late);
    // Redeliveries come before the answer to SUBSCRIBE.
    await this.check("is back");
    if (!client.connack!.sessionPresent && filters.length > 0) await this.#scene.subscribe(client, filters);
  }

  /** Goes without a word. */
  async vanish(): Promise<void> {
    await this.#client!.vanish();
    this.#client = undefined;
    if (this.#kind.durable) return;
    this.#inFlight = [];
    this.#queue = [];
  }

  /** A message was published, and the broker has acknowledged it. */
  published(topic: string, payload: string, qos: 0 | 1 | 2): void {
    const filter = this.#kind.filters.find((one) => matches(one.topic, topic));
    if (!filter || (!this.here && !this.#kind.durable)) return;
    const granted = Math.min(filter.qos, qos) as 0 | 1 | 2;
    if (granted > 0) this.#queue.push({ payload, topic, qos: granted as 1 | 2, packetId: 0, stage: "queued", again: false });
    else if (this.here) this.#atOnce.push(payload);
  }

  /** Goes a step on with the one at `at` of those in flight. */
  acknowledge(at: number): void {
    const one = this.#inFlight[at];
    if (!one || !this.#client) return;
    if (one.stage === "sent" && one.qos === 2) {
      this.#client.send({ cmd: "pubrec", messageId: one.packetId });
      one.stage = "received";
    } else if (one.stage !== "received") {
      this.#client.send({ cmd: one.qos === 1 ? "puback" : "pubcomp", messageId: one.packetId });
      this.#inFlight.splice(at, 1);
    }
  }

  /** Reads what has come, which must be what the model says, no more and no less. @throws {Error} that says what is wrong. */
  async check(when: string): Promise<void> {
    if (!this.#client) return;
    const came = await this.#client.untilPong();
    // PUBREL waits for the store, PINGRESP does not: one of the same turn overtakes it.
    if (this.#inFlight.some(({ stage }) => stage === "received")) came.push(...(await this.#client.untilPong()));
    const fail = (why: string, packet?: Received): never => {
      throw new Error(`${this.#id} (${JSON.stringify(this.#kind)}), ${when}: ${why}${packet ? `: ${describe(packet)}` : ""}`);
    };
    const again = this.#inFlight.filter(({ stage, again }) => stage === "sent" && again);
    for (const packet of came) {
      if (packet.cmd === "pubrel") {
        const one = this.#inFlight.find(({ packetId }) => packetId === packet.messageId);
        if (one?.stage !== "received") fail("a PUBREL that nobody waits for", packet);
        one!.stage = "released";
        continue;
      }
      if (packet.cmd !== "publish") return fail("what is this", packet);
      this.taken++;
      const payload = packet.payload.toString();
      if (packet.qos === 0) {
        if (this.#atOnce.shift() !== payload) fail("QoS 0 out of order or never published", packet);
        continue;
      }
      const before = again.shift();
      const one = before ?? this.#queue.shift();
      if (one === undefined) return fail("a message too many", packet);
      if (one.payload !== payload || one.topic !== packet.topic || one.qos !== packet.qos)
        fail(`wanted ${one.payload} at QoS ${one.qos}`, packet);
      if (packet.dup !== one.again) fail(`DUP ${packet.dup}`, packet);
      if (one.packetId !== 0 && one.packetId !== packet.messageId) fail(`its packet id was ${one.packetId}`, packet);
      if (before) {
        one.again = false;
        continue;
      }
      if (this.#inFlight.some(({ packetId }) => packetId === packet.messageId)) fail("a packet id that is in flight", packet);
      one.packetId = packet.messageId!;
      one.stage = "sent";
      one.again = false;
      this.#inFlight.push(one);
      if (this.#inFlight.length > this.#quota) fail(`more than ${this.#quota} in flight`, packet);
    }
    if (again.length > 0) fail(`${again.length} were not sent again, the first ${again[0]!.payload}`);
    if (this.#atOnce.length > 0) fail(`QoS 0 ${this.#atOnce[0]} did not come`);
    if (this.#inFlight.some(({ stage }) => stage === "received")) fail("a PUBREL did not come");
    if (this.#queue.length > 0 && this.#inFlight.length < this.#quota)
      fail(`${this.#queue[0]!.payload} did not come though ${this.#inFlight.length} of ${this.#quota} are in flight`);
  }
}

/** Filters of this test: a topic, or `…/+`. */
function matches(filter: string, topic: string): boolean {
  return filter === topic || (filter.endsWith("/+") && topic.slice(0, topic.lastIndexOf("/")) === filter.slice(0, -2));
}
