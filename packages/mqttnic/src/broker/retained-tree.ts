/** Retained messages, by the levels of their topics. [MQTT 5.0 §3.3.1.3] @module */
import type { Message, Qos } from "../message.ts";

/**
 * A level. Messages are kept as strings of bytes (latin1), which take a third of what buffers of this size do: a million of them are expected.
 * Layout of `bytes`: 4 of the properties' length, big-endian; properties; payload.
 */
class Node {
  children: Map<string, Node> | undefined;
  bytes: string | undefined;
  qos: Qos = 0;
  expiresAtMs = 0;
  from = "";
}

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
  count = 0;
  sizeBytes = 0;

  /** @returns What the message that was there before took; -1 when there was none. */
  sizeOf(topic: string): number {
    const bytes = this.#find(topic)?.bytes;
    return bytes === undefined ? -1 : bytes.length - 4;
  }

  /** Keeps a message in the place of the one before. */
  set(message: Message): void {
    let node = this.#root;
    for (const level of message.topic.split("/")) {
      node.children ??= new Map();
      let next = node.children.get(level);
      if (!next) {
        next = new Node();
        node.children.set(level, next);
      }
      node = next;
    }
    if (node.bytes === undefined) this.count++;
    else this.sizeBytes -= node.bytes.length - 4;
    const whole = Buffer.allocUnsafe(4 + message.properties.length + message.payload.length);
    whole.writeUInt32BE(message.properties.length, 0);
    message.properties.copy(whole, 4);
    message.payload.copy(whole, 4 + message.properties.length);
    node.bytes = whole.toString("latin1");
    node.qos = message.qos;
    node.expiresAtMs = message.expiresAtMs;
    node.from = message.from;
    this.sizeBytes += whole.length - 4;
  }

  /** @returns Whether there was one. */
  delete(topic: string): boolean {
    const levels = topic.split("/");
    const path: Node[] = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)!.children?.get(level);
      if (!next) return false;
      path.push(next);
    }
    const node = path.at(-1)!;
    if (node.bytes === undefined) return false;
    this.count--;
    this.sizeBytes -= node.bytes.length - 4;
    node.bytes = undefined;
    for (let at = path.length - 1; at > 0; at--) {
      if (path[at]!.bytes !== undefined || (path[at]!.children?.size ?? 0) > 0) break;
      path[at - 1]!.children!.delete(levels[at - 1]!);
    }
    return true;
  }

  /** Those whose topics a filter matches, that have not expired. */
  *match(filter: string, nowMs: number): Generator<Retained> {
    yield* walk(this.#root, filter.split("/"), 0, "", nowMs);
  }

  #find(topic: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const level of topic.split("/")) {
      node = node.children?.get(level);
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
    for (const [name, child] of node.children ?? [])
      if (depth > 0 || !name.startsWith("$")) yield* walk(child, filter, depth + 1, joined(topic, depth, name), nowMs);
  } else {
    const child = node.children?.get(level);
    if (child) yield* walk(child, filter, depth + 1, joined(topic, depth, level), nowMs);
  }
}

/** What `#` matches: the level itself, and all below it. */
function* below(node: Node, depth: number, topic: string, nowMs: number): Generator<Retained> {
  if (isKept(node, nowMs)) yield retained(node, topic);
  for (const [name, child] of node.children ?? [])
    if (depth > 0 || !name.startsWith("$")) yield* below(child, depth + 1, joined(topic, depth, name), nowMs);
}

function joined(topic: string, depth: number, level: string): string {
  return depth === 0 ? level : `${topic}/${level}`;
}

function isKept(node: Node, nowMs: number): boolean {
  return node.bytes !== undefined && !(node.expiresAtMs !== 0 && node.expiresAtMs <= nowMs);
}

function retained({ bytes, qos, expiresAtMs, from }: Node, topic: string): Retained {
  const size = bytes!.length - 4;
  return {
    topic,
    qos,
    expiresAtMs,
    bytes: size,
    message: () => {
      const whole = Buffer.from(bytes!, "latin1");
      const split = 4 + whole.readUInt32BE(0);
      return { topic, qos, retain: true, payload: whole.subarray(split), properties: whole.subarray(4, split), expiresAtMs, from };
    },
  };
}
