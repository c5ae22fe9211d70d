/** What an operator says of a replica over the mesh file, and its form on the wire: JSON, retained at `mitsu/override/<address:port>`. @module */
import { keyBytes, readKey, writeKey } from "../bus/replica-key.ts";

/** One operator's word on one replica. */
export interface Override {
  /** `address:port`, in the one form that `readKey` writes. */
  readonly key: string;
  /** No new requests. */
  readonly draining: boolean;
  /** Relative share, 0 to {@link maxWeight}; null for what the mesh file says. */
  readonly weight: number | null;
  /** When it was said, milliseconds since 1970 by the wall clock of who said it. */
  readonly atMs: number;
  /** The node at which it was said. */
  readonly by: string;
}

/** Version of the form. */
const overrideVersion = 1;
/** Longest message in bytes. */
export const maxOverrideBytes = 1024;
/** Highest weight. */
export const maxWeight = 65_535;
/** How far in the future an override may be, milliseconds: beyond that its clock is wrong, and nobody could say anything later. */
export const maxAheadMs = 3_600_000;

/** Why bytes are no override. */
export type OverrideFault =
  | "too-large"
  /** No JSON of UTF-8, or a field is missing or of another type. */
  | "garbled"
  | "version"
  /** Its replica is not that of its topic, or none. */
  | "topic"
  /** Below 0, past 65 535 or no number. */
  | "weight"
  /** No name of a node. */
  | "node"
  /** No time. */
  | "time"
  /** Later than now by more than an hour. */
  | "future";

/** Neither drains nor weighs: it takes an earlier one back. */
export const saysNothing = ({ draining, weight }: Override): boolean => !draining && weight === null;

/**
 * The one form of a key: addresses can be written in several.
 *
 * @throws {MitsuError} `ERR_REPLICA_KEY`.
 * @example
 * ```ts
 * canonicalKey("[FD00:0::1]:80"); // "[fd00::1]:80"
 * ```
 */
export function canonicalKey(key: string): string {
  const bytes = new Uint8Array(keyBytes);
  writeKey(key, bytes, 0);
  return readKey(bytes, 0);
}

/** The fields as they are written, in one order, so that equal overrides are equal bytes. */
export function overrideFields({ key, draining, weight, atMs, by }: Override): Record<string, unknown> {
  return { version: overrideVersion, replica: key, draining, weight, atMs, by };
}

/** The message. */
export function encodeOverride(override: Override): Buffer {
  return Buffer.from(JSON.stringify(overrideFields(override)));
}

/** Whether a node's name can be one: 1 to 63 bytes of UTF-8, as in states. */
const isNode = (name: string): boolean => name !== "" && Buffer.byteLength(name) <= 63;

/**
 * Reads the fields of an override and leaves others out.
 *
 * @param nowMs Wall clock; infinite to believe any time.
 */
export function readFields(fields: unknown, nowMs: number): Override | OverrideFault {
  if (typeof fields !== "object" || fields === null) return "garbled";
  const { version, replica, draining, weight, atMs, by } = fields as Partial<Record<string, unknown>>;
  if (version !== overrideVersion) return "version";
  if (typeof replica !== "string" || typeof draining !== "boolean" || typeof by !== "string" || typeof atMs !== "number") return "garbled";
  if (weight !== null && typeof weight !== "number") return weight === undefined ? "garbled" : "weight";
  if (weight !== null && !(weight >= 0 && weight <= maxWeight)) return "weight";
  if (!isNode(by)) return "node";
  if (!(atMs >= 0 && atMs <= 1e14)) return "time";
  if (atMs > nowMs + maxAheadMs) return "future";
  try {
    if (canonicalKey(replica) !== replica) return "topic";
  } catch {
    return "topic";
  }
  // Not −0, which is written as 0.
  return { key: replica, draining, weight: weight === null ? null : weight + 0, atMs: atMs + 0, by };
}

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the message of a replica's topic.
 *
 * @returns The override, or why it is none.
 */
export function parseOverride(topicKey: string, bytes: Uint8Array, nowMs: number): Override | OverrideFault {
  if (bytes.length > maxOverrideBytes) return "too-large";
  let fields: unknown;
  try {
    fields = JSON.parse(text.decode(bytes));
  } catch {
    return "garbled";
  }
  const override = readFields(fields, nowMs);
  return typeof override === "object" && override.key !== topicKey ? "topic" : override;
}

/**
 * Whether `one` holds over `other`: the later, else the node with the higher name, else the higher bytes, so that all nodes keep the same one whatever came first.
 * Above 0 when it does, 0 when they are the same.
 */
export function compareOverrides(one: Override, other: Override): number {
  if (one.atMs !== other.atMs) return one.atMs - other.atMs;
  if (one.by !== other.by) return one.by > other.by ? 1 : -1;
  return Buffer.compare(encodeOverride(one), encodeOverride(other));
}
