/** Judges what subscribers got by what publishers sent and were acknowledged: nothing lost, nothing made up, order, and exactly once where that is promised. @module */
import type { Qos } from "../../src/message.ts";

/** A message of a publisher on a topic of its own: they are counted from 1. */
export interface Sent {
  readonly topic: string;
  readonly number: number;
  readonly qos: 1 | 2;
}

/** How a message came. */
export interface Came {
  readonly topic: string;
  readonly payload: string;
  readonly qos: Qos;
  readonly dup: boolean;
  /** Connections that the subscriber has had by now. */
  readonly connection: number;
}

/** What one subscriber got of one topic. */
interface Line {
  highest: number;
  /** By number: how often it came without DUP in all, and how often at all on the connection on which it came last. */
  readonly seen: Map<number, { withoutDup: number; connection: number; here: number }>;
  duplicates: number;
}

/** All that was sent, and all that came. */
export class DeliveryChecker {
  readonly #sent = new Map<
    string,
    { readonly qos: 1 | 2; highest: number; readonly acknowledged: Set<number>; readonly again: Map<number, number> }
  >();
  readonly #subscribers = new Map<string, { readonly qos: 1 | 2; readonly lines: Map<string, Line> }>();
  /** What must not have happened. */
  readonly faults: string[] = [];
  acknowledged = 0;
  /** Messages that came to somebody for the first time. */
  #first = 0;

  /** A subscriber that was granted this QoS for all topics, before anything was sent. */
  addSubscriber(name: string, qos: 1 | 2): void {
    this.#subscribers.set(name, { qos, lines: new Map() });
  }

  /** It is about to leave. */
  send({ topic, number, qos }: Sent): void {
    const line = this.#sent.get(topic) ?? { qos, highest: 0, acknowledged: new Set(), again: new Map() };
    this.#sent.set(topic, line);
    if (number !== line.highest + 1 || qos !== line.qos) throw new Error(`${topic}: ${number} after ${line.highest}`);
    line.highest = number;
  }

  /** It leaves once more: its publisher is back and had no answer. */
  sendAgain({ topic, number }: Sent): void {
    const { again } = this.#sent.get(topic)!;
    again.set(number, (again.get(number) ?? 0) + 1);
  }

  /** PUBACK or PUBCOMP came. */
  acknowledge({ topic, number }: Sent): void {
    this.#sent.get(topic)!.acknowledged.add(number);
    this.acknowledged++;
  }

  /** A subscriber's application gets it. */
  receive(name: string, { topic, payload, qos, dup, connection }: Came): void {
    const subscriber = this.#subscribers.get(name)!;
    const sent = this.#sent.get(topic);
    const number = Number(payload);
    const what = `${name}: ${topic} ${payload}`;
    if (!sent || !(number >= 1 && number <= sent.highest)) {
      this.faults.push(`${what} was never published`);
      return;
    }
    if (qos !== Math.min(sent.qos, subscriber.qos)) this.faults.push(`${what} came at QoS ${qos}`);
    const line = subscriber.lines.get(topic) ?? { highest: 0, seen: new Map(), duplicates: 0 };
    subscriber.lines.set(topic, line);
    const before = line.seen.get(number);
    if (before) {
      line.duplicates++;
      // For the broker each time that it was sent may be a message of its own.
      const times = 1 + (sent.again.get(number) ?? 0);
      before.here = before.connection === connection ? before.here + 1 : 1;
      before.connection = connection;
      if (!dup) before.withoutDup++;
      if (qos === 2) this.faults.push(`${what} came twice`);
      else if (before.here > times) this.faults.push(`${what} came ${before.here} times on one connection, sent ${times} times`);
      else if (before.withoutDup > times) this.faults.push(`${what} came ${before.withoutDup} times without DUP, sent ${times} times`);
      return;
    }
    this.#first++;
    line.seen.set(number, { withoutDup: dup ? 0 : 1, connection, here: 1 });
    if (number < line.highest) this.faults.push(`${what} came first after ${line.highest}`);
    line.highest = Math.max(line.highest, number);
  }

  /** Once all that was sent is acknowledged: how many messages are still to come, for all subscribers together. */
  get left(): number {
    return this.#subscribers.size * this.acknowledged - this.#first;
  }

  /** What was acknowledged and has not come to somebody. */
  missing(): string[] {
    const missing: string[] = [];
    for (const [name, { lines }] of this.#subscribers)
      for (const [topic, { acknowledged }] of this.#sent)
        for (const number of acknowledged) if (!lines.get(topic)?.seen.has(number)) missing.push(`${name}: ${topic} ${number}`);
    return missing;
  }

  /** How often something came again that may. */
  get duplicates(): number {
    let sum = 0;
    for (const { lines } of this.#subscribers.values()) for (const { duplicates } of lines.values()) sum += duplicates;
    return sum;
  }
}
