/** Retained messages, by the levels of their topics. [MQTT 5.0 §3.3.1.3] @module */
import type { Message, Qos } from "../message.ts";
import { LevelNode } from "./level-node.ts";

/**
 * A level. Messages are kept as strings of bytes (latin1), which take a third of what buffers of this size do: a million of them are expected.
 * Layout, big-endian: 1 QoS; 8 the expiry as a double, milliseconds since 1970; 4 length of the properties; properties; payload.
 */
class Node extends LevelNode<Node> {
  bytes: string | undefined;
  from = "";
}

const headBytes = 13;
/** By one {@link RetainedTree.expired}. */
const lookedAt = 512;

/** One found. */
export interface Retained {
  readonly topic: string;
  readonly qos: Qos;
  readonly expiresAtMs: number;
  readonly bytes: number;
  /** The whole message; a copy. */
  message(): Message;
}

/** All of them. Sizes count payload and properties. */
export class RetainedTree {
  readonly #root = new Node();
  /** Where short messages are put together: half a million short-lived buffers are felt. */
  readonly #scratch = Buffer.allocUnsafeSlow(4096);
  /** When messages that expire do so, milliseconds since 1970. */
  readonly #expiries = new Map<string, number>();
  #looking: Iterator<[string, number]> | undefined;
  count = 0;
  sizeBytes = 0;

  /** @returns What the message that was there before took; -1 when there was none. */
  sizeOf(topic: string): number {
    const bytes = this.#find(topic)?.bytes;
    return bytes === undefined ? -1 : bytes.length - headBytes;
  }

  /** Keeps a message in the place of the one before. */
  set({ topic, qos, expiresAtMs, from, properties, payload }: Message): void {
    this.put(topic, qos, expiresAtMs, from, properties, payload, 0, payload.length);
  }

  /** The same by the message's parts, none of which is held: `payload[start, end)`. */
  put(topic: string, qos: Qos, expiresAtMs: number, from: string, properties: Buffer, payload: Buffer, start: number, end: number): void {
    let node = this.#root;
    for (const level of topic.split("/")) {
      let next = node.child(level);
      if (!next) {
        next = new Node();
        node.addChild(level, next);
      }
      node = next;
    }
    if (node.bytes === undefined) this.count++;
    else this.sizeBytes -= node.bytes.length - headBytes;
    const size = headBytes + properties.length + end - start;
    const whole = size <= this.#scratch.length ? this.#scratch : Buffer.allocUnsafe(size);
    whole[0] = qos;
    whole.writeDoubleBE(expiresAtMs, 1);
    whole.writeUInt32BE(properties.length, 9);
    properties.copy(whole, headBytes);
    payload.copy(whole, headBytes + properties.length, start, end);
    node.bytes = whole.toString("latin1", 0, size);
    node.from = from;
    if (expiresAtMs > 0) this.#expiries.set(topic, expiresAtMs);
    else if (this.#expiries.size > 0) this.#expiries.delete(topic);
    this.sizeBytes += size - headBytes;
  }

  /** @returns Whether there was one. */
  delete(topic: string): boolean {
    const levels = topic.split("/");
    const path: Node[] = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)!.child(level);
      if (!next) return false;
      path.push(next);
    }
    const node = path.at(-1)!;
    if (node.bytes === undefined) return false;
    this.count--;
    this.sizeBytes -= node.bytes.length - headBytes;
    node.bytes = undefined;
    this.#expiries.delete(topic);
    for (let at = path.length - 1; at > 0; at--) {
      if (path[at]!.bytes !== undefined || path[at]!.childCount > 0) break;
      path[at - 1]!.removeChild(levels[at - 1]!);
    }
    return true;
  }

  /** Those whose topics a filter matches, that have not expired. */
  *match(filter: string, nowMs: number): Generator<Retained> {
    yield* walk(this.#root, filter.split("/"), 0, "", nowMs);
  }

  /** Topics of some that have expired, for the caller to delete: so many are looked at each time, one after the other. */
  *expired(nowMs: number): Generator<string> {
    if (this.#expiries.size === 0) return;
    this.#looking ??= this.#expiries.entries();
    for (let left = lookedAt; left > 0; left--) {
      const next = this.#looking.next();
      if (next.done) {
        this.#looking = undefined;
        return;
      }
      const [topic, expiresAtMs] = next.value;
      if (expiresAtMs <= nowMs) yield topic;
    }
  }

  #find(topic: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const level of topic.split("/")) {
      node = node.child(level);
      if (!node) return undefined;
    }
    return node;
  }
}

function* walk(node: Node, filter: readonly string[], depth: number, topic: string, nowMs: number): Generator<Retained> {
  const level = filter[depth];
  if (level === undefined) {
    if (isKept(node, nowMs)) yield retained(node, topic);
  } else if (level === "#") {
    yield* below(node, depth, topic, nowMs);
  } else if (level === "+") {
    for (const [name, child] of node.children())
      if (depth > 0 || !name.startsWith("$")) yield* walk(child, filter, depth + 1, joined(topic, depth, name), nowMs);
  } else {
    const child = node.child(level);
    if (child) yield* walk(child, filter, depth + 1, joined(topic, depth, level), nowMs);
  }
}

/** What `#` matches: the level itself, and all below it. */
function* below(node: Node, depth: number, topic: string, nowMs: number): Generator<Retained> {
  if (isKept(node, nowMs)) yield retained(node, topic);
  for (const [name, child] of node.children())
    if (depth > 0 || !name.startsWith("$")) yield* below(child, depth + 1, joined(topic, depth, name), nowMs);
}

function joined(topic: string, depth: number, level: string): string {
  return depth === 0 ? level : `${topic}/${level}`;
}

function isKept({ bytes }: Node, nowMs: number): boolean {
  if (bytes === undefined) return false;
  // The first byte of an expiry that is not 0 is not 0 either.
  return bytes.charCodeAt(1) === 0 || expiryOf(bytes) > nowMs;
}

function expiryOf(bytes: string): number {
  return Buffer.from(bytes.slice(1, 9), "latin1").readDoubleBE(0);
}

function retained({ bytes, from }: Node, topic: string): Retained {
  const kept = bytes!;
  const qos = kept.charCodeAt(0) as Qos;
  const expiresAtMs = expiryOf(kept);
  return {
    topic,
    qos,
    expiresAtMs,
    bytes: kept.length - headBytes,
    message: () => {
      const whole = Buffer.from(kept, "latin1");
      const split = headBytes + whole.readUInt32BE(9);
      return { topic, qos, retain: true, payload: whole.subarray(split), properties: whole.subarray(headBytes, split), expiresAtMs, from };
    },
  };
}
