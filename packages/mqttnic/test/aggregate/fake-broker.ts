/** A broker that only watches and publishes, for tests of parts that ask no more. */
import type { MqttnicStatus } from "@mitsu/ipc";
import { covers } from "../../src/bridge/topic-filter.ts";
import type { Broker, OwnMessage, PassingMessage } from "../../src/broker/broker.ts";

/** What it was told, and what tells it. */
export interface FakeBroker extends Broker {
  readonly published: OwnMessage[];
  /** A message of a client. */
  pass(topic: string, payload: string): void;
  /** The turn ends. */
  turn(): void;
}

const missing = (): never => {
  throw new Error("not in this fake");
};

/** A status with all at zero. */
export const emptyStatus: MqttnicStatus = {
  version: "1.2.3",
  pid: 1,
  startedAtMs: 1000,
  degraded: [],
  node: "a",
  dataPlane: "net",
  listening: [],
  connections: 0,
  sessions: 0,
  subscriptions: 0,
  sharedSubscriptions: 0,
  routes: 0,
  retained: 0,
  retainedBytes: 0,
  queued: 0,
  queuedBytes: 0,
  inflight: 0,
  messagesReceived: 0,
  messagesSent: 0,
  publishReceived: 0,
  publishSent: 0,
  publishDropped: 0,
  bytesReceived: 0,
  bytesSent: 0,
  residentBytes: 0,
  storeBytes: null,
  limits: {},
  refusals: {},
  bridges: [],
};

/** Makes one; `retained` are its retained messages. */
export function fakeBroker(retained: Readonly<Record<string, string>> = {}, status: () => MqttnicStatus = missing): FakeBroker {
  const published: OwnMessage[] = [];
  const watchers = new Set<{ readonly filter: string; readonly call: (message: PassingMessage) => void }>();
  const turns = new Set<() => void>();
  return {
    published,
    pass(topic, payload) {
      const buffer = Buffer.from(`head${payload}tail`);
      const message = { topic, qos: 0, retain: false, buffer, payloadStart: 4, payloadEnd: buffer.length - 4 } as const;
      for (const { filter, call } of watchers) if (covers(filter, topic)) call(message);
    },
    turn() {
      for (const call of turns) call();
    },
    publish: (message) => void published.push(message),
    watch(filter, call) {
      const watcher = { filter, call };
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    onTurn(call) {
      turns.add(call);
      return () => void turns.delete(call);
    },
    openStream: missing,
    interest: () => [],
    onInterest: () => () => {},
    status,
    clients: () => [],
    subscriptions: () => [],
    *retainedMessages(filter) {
      for (const [topic, text] of Object.entries(retained))
        if (covers(filter, topic)) {
          const payload = Buffer.from(text);
          yield { topic, qos: 0, bytes: payload.length, payload, expiresAtMs: null };
        }
    },
    disconnect: () => false,
  };
}
