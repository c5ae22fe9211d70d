/** Subscribers who get the same bytes of a message: connected, alike in what their packets look like. @module */
import type { Message, Qos } from "../message.ts";
import type { Connection } from "./connection.ts";
import { Audience, type Outbox } from "./outbox.ts";
import type { Session } from "./session.ts";

/** What makes two subscribers' packets alike. */
export interface PacketForm {
  /** MQTT 5.0. */
  readonly five: boolean;
  /** Granted to the subscription. */
  readonly qos: Qos;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[];
}

/** One session's subscriptions that match a topic, as one. */
export interface Target extends PacketForm {
  readonly session: Session;
  /** All of them are No Local. */
  readonly noLocal: boolean;
  /** Some are: what the others come to, which is what its own messages go by. */
  readonly forOwn?: Target | undefined;
}

/** QoS 1 messages of this turn, one after the other in the broker's sequence of shared messages. */
export interface OpenRun {
  /** Its messages are in flight from now on, and the next ones are another run's. */
  close(): void;
  readonly first: number;
  count: number;
  /** Most messages that every session of it has room for. */
  readonly room: number;
  readonly takers: readonly Session[];
  /** Those whose messages go another way: away in mind, full, or with a queue. */
  readonly others: readonly Session[];
  /** Where some taker outlives its connection. */
  readonly messages: Message[] | undefined;
  readonly retain: boolean[] | undefined;
}

/** The group; shared by all routes with the same subscribers. */
export class Group {
  readonly form: PacketForm;
  readonly sessions: readonly Session[];
  /** Theirs, in the same order. */
  readonly connections: readonly Connection[];
  /** Subscribers that are brokers of the mesh: what comes from another one is not for them. */
  readonly peers: boolean;
  /** Some are No Local. */
  readonly noLocal: ReadonlySet<Session> | undefined;
  readonly audience: Audience;
  /** {@link groupKey} of its subscribers. */
  readonly key: string;
  /** Routes that use it. */
  uses = 0;
  run: OpenRun | undefined = undefined;

  constructor(outbox: Outbox, targets: readonly Target[], peers: boolean, key: string) {
    this.key = key;
    this.form = targets[0]!;
    this.sessions = targets.map(({ session }) => session);
    this.peers = peers;
    const noLocal = targets.filter((target) => target.noLocal).map(({ session }) => session);
    this.noLocal = noLocal.length > 0 ? new Set(noLocal) : undefined;
    this.connections = targets.map(({ session }) => session.connection as Connection);
    this.audience = new Audience(outbox, this.connections);
  }
}

/** What groups are told apart by: equal keys may still be different groups. */
export function groupKey(targets: readonly Target[], peers: boolean): string {
  const { five, qos, retainAsPublished, identifiers } = targets[0]!;
  let sum = 0;
  for (const { session, noLocal } of targets) sum = (Math.imul(sum, 31) + session.connection!.serial * 2 + (noLocal ? 1 : 0)) | 0;
  return `${five ? 5 : 4} ${qos} ${retainAsPublished ? 1 : 0} ${peers ? 1 : 0} ${targets.length} ${sum} ${identifiers.join(",")}`;
}

/** Whether a group has just these subscribers. */
export function isGroupOf(group: Group, targets: readonly Target[]): boolean {
  return (
    group.sessions.length === targets.length &&
    targets.every(
      ({ session, noLocal }, at) => group.connections[at] === session.connection && noLocal === (group.noLocal?.has(session) ?? false),
    )
  );
}
