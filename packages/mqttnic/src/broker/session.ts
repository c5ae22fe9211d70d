/** A client's state at the broker; may outlive its connection. [MQTT 5.0 §4.1] @module */
import type { Message, Qos, SubscriptionOptions } from "../message.ts";
import type { ProtocolVersion, Will } from "../protocol/packet.ts";
import type { Identity } from "../security/security.ts";
import type { DeliveryState, Store, StoredDelivery } from "../store/store.ts";
import type { Connection } from "./connection.ts";
import type { SharedGroup } from "./subscription-tree.ts";

/** Packet ids up to this are shared by the sessions of a run; those above are a session's own, so that the two never meet. */
export const mostSharedId = 32_767;

/** The packet id of a message in the broker's sequence of shared ones. */
export function sharedId(sequence: number): number {
  return (sequence % mostSharedId) + 1;
}

/** A message on its way to one session, or waiting for it. */
export interface Delivery {
  readonly sequence: number;
  readonly message: Message;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  state: DeliveryState;
  /** 0 while queued. */
  packetId: number;
  /** Sent once before: it goes with DUP. */
  again: boolean;
  /** It came by a shared subscription: who may get it in this session's stead. */
  readonly share?: SharedGroup | undefined;
}

/** QoS 1 messages that were sent together to several sessions, with the same packet ids one after the other. */
export interface Run {
  /** In the broker's sequence of shared messages: see {@link sharedId}. */
  first: number;
  count: number;
  /** The first one's {@link Delivery.sequence}. */
  sequence: number;
  /** For sessions that outlive their connection; the first of `count` is at `offset`. */
  readonly messages: readonly Message[] | undefined;
  offset: number;
  readonly retain: readonly boolean[] | undefined;
  readonly identifiers: readonly number[];
}

/** Most messages that may be in flight to a session whatever its client says: fewer than there are packet ids of either kind. */
export const mostInflight = 32_000;

/** For ever. [MQTT 5.0 §3.1.2.11.2] */
export const neverExpires = 0xffff_ffff;

/** The session. The broker moves messages; this keeps count of them. */
export class Session {
  readonly clientId: string;
  version: ProtocolVersion;
  identity: Identity;
  connection: Connection | undefined = undefined;
  /** Seconds it outlives its connection. */
  expiryS = 0;
  /** Milliseconds since 1970; 0 while connected. */
  disconnectedAtMs = 0;
  /** By filters as the client named them, `$share/…` too. */
  readonly subscriptions: Map<string, SubscriptionOptions> = new Map();
  /** Waiting for room or for the client. */
  readonly queue: Delivery[] = [];
  #queueHead = 0;
  queuedBytes = 0;
  /** Sent in runs and not acknowledged. */
  readonly runs: Run[] = [];
  /** Sent one by one and not completed, by packet id. */
  singles: Map<number, Delivery> | undefined = undefined;
  /** Of {@link singles}, those with a shared id: runs of a connection before this one. */
  sharedSingles = 0;
  /** Messages in flight; those of {@link openRun} are added when it closes. */
  inflight = 0;
  /** The run of this turn that it takes part in: to be closed before anything else is sent to it. */
  openRun: { close(): void } | undefined = undefined;
  /** QoS 2 messages that came and were not released. */
  received: Set<number> | undefined = undefined;
  #nextId = mostSharedId;
  #nextSequence = 1;
  /** A will that waits for its delay. */
  will: { readonly will: Will; readonly atMs: number } | undefined = undefined;
  /** Its messages are kept on disk. */
  store: Store | undefined = undefined;

  constructor(clientId: string, version: ProtocolVersion, identity: Identity) {
    this.clientId = clientId;
    this.version = version;
    this.identity = identity;
  }

  get queued(): number {
    return this.queue.length - this.#queueHead;
  }

  /** Sequences for so many deliveries. @returns The first. */
  takeSequences(count: number): number {
    const first = this.#nextSequence;
    this.#nextSequence += count;
    return first;
  }

  /** Deliveries come with these from now on. */
  restoreSequence(next: number): void {
    this.#nextSequence = Math.max(this.#nextSequence, next);
  }

  /** A packet id that is free; there are 32 768, more than may be in flight. */
  takeId(): number {
    do {
      this.#nextId = this.#nextId >= 65_535 ? mostSharedId + 1 : this.#nextId + 1;
    } while (this.singles?.has(this.#nextId));
    return this.#nextId;
  }

  push(delivery: Delivery): void {
    this.queue.push(delivery);
    this.queuedBytes += delivery.message.payload.length + delivery.message.properties.length;
  }

  /** The oldest that waits. */
  peek(): Delivery | undefined {
    return this.queue[this.#queueHead];
  }

  shift(): Delivery | undefined {
    const delivery = this.queue[this.#queueHead];
    if (delivery === undefined) return undefined;
    this.queue[this.#queueHead++] = undefined as unknown as Delivery; // let go of it
    if (this.#queueHead === this.queue.length) {
      this.queue.length = 0;
      this.#queueHead = 0;
    } else if (this.#queueHead > 1024 && this.#queueHead * 2 > this.queue.length) {
      this.queue.splice(0, this.#queueHead);
      this.#queueHead = 0;
    }
    this.queuedBytes -= delivery.message.payload.length + delivery.message.properties.length;
    return delivery;
  }

  addSingle(delivery: Delivery): void {
    this.singles ??= new Map();
    this.singles.set(delivery.packetId, delivery);
    this.inflight++;
    if (delivery.packetId <= mostSharedId) this.sharedSingles++;
  }

  takeSingle(packetId: number): Delivery | undefined {
    const delivery = this.singles?.get(packetId);
    if (!delivery) return undefined;
    this.singles!.delete(packetId);
    this.inflight--;
    if (packetId <= mostSharedId) this.sharedSingles--;
    return delivery;
  }

  addRun(run: Run): void {
    this.runs.push(run);
    this.inflight += run.count;
  }

  /** PUBACK of a message of a run. @returns Its sequence; 0 when there is none with this id. */
  acknowledgeRun(packetId: number): number {
    // A session's own ids are none of a run's, though they would come out as one below.
    if (packetId > mostSharedId) return 0;
    const { runs } = this;
    for (let index = 0; index < runs.length; index++) {
      const run = runs[index]!;
      const at = (packetId - sharedId(run.first) + mostSharedId) % mostSharedId;
      if (at >= run.count) continue;
      const sequence = run.sequence + at;
      this.inflight--;
      if (at === 0) {
        run.first++;
        run.sequence++;
        run.offset++;
        if (--run.count === 0) {
          if (index === 0) runs.shift();
          else runs.splice(index, 1);
        }
      } else {
        // Out of order: what comes behind it is a run of its own.
        const rest = run.count - at - 1;
        run.count = at;
        if (rest > 0) {
          runs.splice(index + 1, 0, {
            ...run,
            first: run.first + at + 1,
            sequence: sequence + 1,
            offset: run.offset + at + 1,
            count: rest,
          });
        }
      }
      return sequence;
    }
    return 0;
  }

  /** The connection is gone: what was sent in runs is to be sent again one by one, with the same ids, when the client comes back. */
  breakRuns(): void {
    for (const run of this.runs.splice(0)) {
      this.inflight -= run.count;
      for (let at = 0; at < run.count; at++) {
        const message = run.messages?.[run.offset + at];
        if (!message) continue;
        this.addSingle({
          sequence: run.sequence + at,
          message,
          qos: 1,
          retain: run.retain?.[run.offset + at] ?? false,
          identifiers: run.identifiers,
          state: "sent",
          packetId: sharedId(run.first + at),
          again: true,
        });
      }
    }
  }

  /** What is in flight, in the order in which it was sent first. */
  inOrder(): Delivery[] {
    return [...(this.singles?.values() ?? [])].sort((one, other) => one.sequence - other.sequence);
  }

  /** As the store has it. */
  stored(delivery: Delivery): StoredDelivery {
    const { sequence, message, qos, retain, identifiers, state, packetId } = delivery;
    return { sequence, message, qos, retain, identifiers, state, packetId };
  }
}
