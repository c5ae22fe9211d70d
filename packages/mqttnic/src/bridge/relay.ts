/**
 * One direction of a bridge: messages of one broker to another, each under the packet id that the first gave it. Nothing is kept here: an acknowledgement
 * of the second is handed to the first, so that the two sessions at the two brokers are the whole state, and what was not acknowledged comes again from
 * the first, with the same id, by which the second knows it. That is exactly once for QoS 2 whatever dies (ADR 17).
 * @module
 */
import type { Qos } from "../message.ts";
import type { ClientPublish } from "./client-packets.ts";
import type { MqttLink } from "./mqtt-link.ts";

/** What a relay has done. */
export interface RelayCounters {
  /** Handed over. */
  messages: number;
  /** Not handed over: no topic of the bridge fits, it has been here before, or it is too big for the other end. */
  skipped: number;
  /** Refused by the other end, and so lost: not authorised, over quota. */
  refused: number;
}

/**
 * Where a message stands: `through` each acknowledgement is handed on; `lowered` the target has a lower QoS, so that QoS 2 towards the source is
 * played here; `released` the source was told PUBREC and needs a PUBCOMP for its PUBREL.
 */
type Standing = "through" | "lowered" | "released";

/** See the module. */
export class Relay {
  readonly #source: MqttLink;
  readonly #target: MqttLink;
  readonly #change: (publish: ClientPublish) => ClientPublish | undefined;
  readonly #counters: RelayCounters;
  readonly #standing = new Map<number, Standing>();
  /** Beyond the target's Receive Maximum. */
  readonly #waiting: ClientPublish[] = [];
  /** Ids whose earlier use has been ended at the target; undefined when both know each other. */
  readonly #ended: Set<number> | undefined;
  readonly #ending = new Set<number>();
  #inFlight = 0;

  /**
   * @param change Gives the message as the target is to see it, or undefined for one that it is not to see.
   * @param strangers The source's session is new and the target's is not: ids that begin again must not be taken for those before.
   */
  constructor(
    source: MqttLink,
    target: MqttLink,
    change: (publish: ClientPublish) => ClientPublish | undefined,
    counters: RelayCounters,
    strangers: boolean,
  ) {
    this.#source = source;
    this.#target = target;
    this.#change = change;
    this.#counters = counters;
    this.#ended = strangers ? new Set() : undefined;
  }

  /** A PUBLISH of the source. */
  publish(publish: ClientPublish): void {
    if (publish.qos > 0 && (this.#waiting.length > 0 || this.#inFlight >= (this.#target.connack?.receiveMaximum ?? 1))) {
      // A 3.1.1 source knows no Receive Maximum; it stops by itself at its own bound of messages in flight.
      this.#waiting.push({ ...publish, payload: Buffer.from(publish.payload), properties: Buffer.from(publish.properties) });
      return;
    }
    this.#send(publish);
  }

  /** A PUBREL of the source. */
  release(packetId: number): void {
    const standing = this.#standing.get(packetId);
    if (standing === "released") {
      this.#standing.delete(packetId);
      this.#source.acknowledge(7, packetId);
      return;
    }
    if (standing === undefined) {
      // It was sent on an earlier connection.
      this.#standing.set(packetId, "through");
      this.#target.inUse.add(packetId);
      this.#inFlight++;
    }
    this.#target.acknowledge(6, packetId);
  }

  /** A PUBACK, PUBREC or PUBCOMP of the target. */
  acknowledged(type: 4 | 5 | 7, packetId: number, reasonCode: number): void {
    if (type === 7 && this.#ending.delete(packetId)) return;
    const standing = this.#standing.get(packetId);
    if (standing === undefined || standing === "released") return;
    const refused = reasonCode >= 0x80;
    if (refused && type !== 7) this.#counters.refused++;
    if (standing === "lowered") {
      this.#standing.set(packetId, "released");
      this.#source.acknowledge(5, packetId, reasonCode);
      this.#arrived(packetId);
      // A PUBREC with an error is the end of it in 5.0: no PUBREL follows.
      if (refused) this.#standing.delete(packetId);
      return;
    }
    // 0x92, packet identifier not found, is what a target says that has lost its session: the source is done all the same.
    this.#source.acknowledge(type, packetId, type === 7 ? 0 : reasonCode);
    if (type === 5 && !refused) return;
    this.#standing.delete(packetId);
    this.#arrived(packetId);
  }

  #send(publish: ClientPublish): void {
    const { packetId, qos } = publish;
    const changed = this.#change(publish);
    const most = this.#target.connack;
    if (changed === undefined || most === undefined || this.#target.bytesOf(changed) > most.maximumPacketBytes) {
      this.#counters.skipped++;
      this.#acknowledgeAlone(qos, packetId);
      return;
    }
    this.#counters.messages++;
    if (!most.retainAvailable) changed.retain = false;
    changed.qos = Math.min(qos, most.maximumQos) as Qos;
    if (changed.qos === 0) {
      this.#target.publish(changed);
      this.#acknowledgeAlone(qos, packetId);
      return;
    }
    if (!this.#standing.has(packetId)) this.#inFlight++;
    this.#standing.set(packetId, changed.qos === qos ? "through" : "lowered");
    this.#target.inUse.add(packetId);
    if (this.#ended !== undefined && qos === 2 && !this.#ended.has(packetId)) {
      this.#ended.add(packetId);
      this.#ending.add(packetId);
      this.#target.acknowledge(6, packetId);
    }
    this.#target.publish(changed);
  }

  #acknowledgeAlone(qos: Qos, packetId: number): void {
    if (qos === 1) this.#source.acknowledge(4, packetId);
    if (qos !== 2) return;
    this.#standing.set(packetId, "released");
    this.#source.acknowledge(5, packetId);
  }

  #arrived(packetId: number): void {
    this.#target.inUse.delete(packetId);
    this.#inFlight--;
    const most = this.#target.connack?.receiveMaximum ?? 1;
    while (this.#waiting.length > 0 && this.#inFlight < most) this.#send(this.#waiting.shift()!);
  }
}
