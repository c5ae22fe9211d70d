/** Small fields of deliveries and subscriptions, packed into one column each. @module */
import type { Qos, SubscriptionOptions } from "../message.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { DeliveryState } from "./store.ts";

const states: readonly DeliveryState[] = ["queued", "sent", "pubrel"];
const writer = new ByteWriter();

/** QoS in bits 0 and 1, 4 RETAIN, the state in bits 3 and 4. */
export function packState(qos: Qos, retain: boolean, state: DeliveryState): number {
  return qos | (retain ? 4 : 0) | (states.indexOf(state) << 3);
}

/** @throws {RangeError} when they are none. */
export function unpackState(flags: number): { qos: Qos; retain: boolean; state: DeliveryState } {
  const state = states[flags >> 3];
  if (state === undefined || (flags & 3) === 3) throw new RangeError(`a delivery with flags ${flags}`);
  return { qos: (flags & 3) as Qos, retain: (flags & 4) !== 0, state };
}

/** As in a SUBSCRIBE: QoS in bits 0 and 1, 4 No Local, 8 Retain As Published, Retain Handling in bits 4 and 5. [MQTT 5.0 §3.8.3.1] */
export function packOptions(options: SubscriptionOptions): number {
  return options.qos | (options.noLocal ? 4 : 0) | (options.retainAsPublished ? 8 : 0) | (options.retainHandling << 4);
}

/** @throws {RangeError} when they are none. */
export function unpackOptions(flags: number, identifier: number): SubscriptionOptions {
  const qos = flags & 3;
  const retainHandling = flags >> 4;
  if (qos === 3 || retainHandling > 2) throw new RangeError(`a subscription with options ${flags}`);
  return {
    qos: qos as Qos,
    noLocal: (flags & 4) !== 0,
    retainAsPublished: (flags & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
    identifier,
  };
}

/** One number after the other, or null for none. */
export function packIdentifiers(identifiers: readonly number[]): Uint8Array | null {
  if (identifiers.length === 0) return null;
  for (const identifier of identifiers) writer.number(identifier);
  return writer.take();
}

/** @throws {RangeError} when they are none. */
export function unpackIdentifiers(bytes: Uint8Array | null): readonly number[] {
  if (bytes === null) return none;
  const identifiers: number[] = [];
  const reader = new ByteReader(bytes);
  while (!reader.atEnd) identifiers.push(reader.number());
  return identifiers;
}

const none: readonly number[] = Object.freeze([]);
