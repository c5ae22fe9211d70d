/** Gives a message to everybody who subscribes to its topic. @module */

import type { Limits } from "../config/broker-config.ts";
import type { Message, Qos } from "../message.ts";
import { newPublishView } from "../protocol/publish-scan.ts";
import type { PassingMessage } from "./broker.ts";
import type { Connection } from "./connection.ts";
import type { Counters } from "./counters.ts";
import type { Group, OpenRun, Target } from "./group.ts";
import type { Outbox } from "./outbox.ts";
import { Passing } from "./passing.ts";
import { type Route, type SharedMember, targetOf } from "./route-cache.ts";
import { mostSharedId, type Session, sharedId } from "./session.ts";
import type { SharedGroup } from "./subscription-tree.ts";

/** A run is not opened with less room than this: it would hold up the others. */
const leastRoom = 4;
/** A shared packet id is not used again while one of so many before it may be in flight. */
const idsApart = 30_000;

/** What the router works with. */
export interface RouterParts {
  readonly outbox: Outbox;
  readonly counters: Counters;
  readonly limits: () => Limits;
  readonly upgradesQos: () => boolean;
  /** Gives a message to one session: now, or when there is room. */
  readonly deliver: (
    session: Session,
    message: Message,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    share?: SharedGroup,
  ) => void;
  /** For QoS 0 to one client whose packets are its own. */
  readonly sendOwn: (connection: Connection, passing: Passing, retain: boolean, identifiers: readonly number[]) => void;
}

/** The router. */
export class Router {
  /** The message that passes; the caller fills it. */
  readonly passing: Passing = new Passing(newPublishView());
  /** {@link passing} is in use: nothing else may be routed. */
  busy = false;
  /** A message was routed since the broker set this to false. */
  routed = false;
  readonly #parts: RouterParts;
  /** Of messages with shared packet ids, so far. */
  #sequence = 0;
  /** Groups with a run of this turn. */
  #open: Group[] = [];
  readonly #seen: { -readonly [K in keyof PassingMessage]: PassingMessage[K] };

  constructor(parts: RouterParts) {
    this.#parts = parts;
    this.#seen = { topic: "", qos: 0, retain: false, buffer: Buffer.alloc(0), payloadStart: 0, payloadEnd: 0 };
  }

  /** Routes {@link passing}. @returns How many subscribers it is for. */
  route(route: Route): number {
    this.busy = true;
    this.routed = true;
    try {
      return this.#route(route);
    } finally {
      this.busy = false;
    }
  }

  #route(route: Route): number {
    const { passing } = this;
    const fromPeer = passing.publisher?.session?.identity.peerNode !== undefined;
    let matched = 0;
    // All groups of a message use the same shared packet id.
    const sequence = this.#sequence;
    let usedSequence = false;
    for (const group of route.groups) {
      if (fromPeer && group.peers) continue;
      matched += group.sessions.length;
      const { form } = group;
      const qos = this.#granted(form.qos);
      const retain = passing.retain && form.retainAsPublished;
      if (group.noLocal !== undefined && passing.publisher?.session && group.noLocal.has(passing.publisher.session)) {
        this.#toOthers(group, passing.publisher.session, qos, retain);
      } else if (qos === 0) {
        passing.writeQos0(this.#parts.outbox, form.five, retain, form.identifiers);
        this.#parts.outbox.toAudience(group.audience, passing.packetAt, passing.packetEnd, true);
        this.#sent(group.sessions.length);
      } else if (qos === 1) {
        usedSequence = true;
        this.#toGroup(group, sequence, retain);
      } else {
        for (const session of group.sessions) this.#parts.deliver(session, passing.message(), qos, retain, form.identifiers);
      }
    }
    if (usedSequence) this.#sequence++;
    for (const target of route.singles) {
      if (fromPeer && target.session.identity.peerNode !== undefined) continue;
      const isOwn = target.session === passing.publisher?.session;
      if (target.noLocal && isOwn) continue;
      matched++;
      this.#toTarget((isOwn && target.forOwn) || target);
    }
    for (const target of route.away) {
      if (target.noLocal && target.session === passing.publisher?.session) continue;
      if (fromPeer && target.session.identity.peerNode !== undefined) continue;
      matched++;
      const qos = this.#granted(target.qos);
      if (qos > 0 || this.#parts.limits().queueQos0)
        this.#parts.deliver(target.session, passing.message(), qos, passing.retain && target.retainAsPublished, target.identifiers);
    }
    for (const { group, members } of route.shared) if (this.#toShared(group, members, fromPeer)) matched++;
    if (route.watchers.length > 0) this.#show(route);
    return matched;
  }

  /** The turn ends: what was sent together is in flight now. */
  closeRuns(): void {
    if (this.#open.length === 0) return;
    for (const group of this.#open) this.#closeRun(group);
    this.#open = [];
  }

  #granted(qos: Qos): Qos {
    const published = this.passing.view.qos;
    if (this.#parts.upgradesQos()) return qos;
    return published < qos ? published : qos;
  }

  #sent(count: number): void {
    const { counters } = this.#parts;
    counters.publishSent += count;
    counters.messagesSent += count;
    const bytes = (this.passing.packetEnd - this.passing.packetAt) * count;
    counters.bytesSent += bytes;
    counters.publishBytesSent += this.passing.payloadBytes * count;
  }

  /** QoS 1 with one packet for all who have room. */
  #toGroup(group: Group, sequence: number, retain: boolean): void {
    const { passing } = this;
    const { outbox, deliver } = this.#parts;
    let { run } = group;
    if (run === undefined || run.first + run.count !== sequence || run.count >= run.room) {
      if (run !== undefined) this.#closeRun(group);
      else this.#open.push(group);
      run = group.run = this.#openRun(group, sequence);
    }
    const { form } = group;
    if (run.takers.length > 0) {
      passing.write(outbox, form.five, 1, retain, form.identifiers, sharedId(sequence));
      if (run.others.length === 0) outbox.toAudience(group.audience, passing.packetAt, passing.packetEnd, false);
      else for (const { connection } of run.takers) outbox.toOne(connection!, passing.packetAt, passing.packetEnd, 1, false);
      this.#sent(run.takers.length);
      run.messages?.push(passing.message());
      run.retain?.push(retain);
    }
    run.count++;
    for (const session of run.others) deliver(session, passing.message(), 1, retain, form.identifiers);
  }

  #openRun(group: Group, sequence: number): OpenRun {
    const { waitingBytes } = this.#parts.limits();
    const takers: Session[] = [];
    const others: Session[] = [];
    let room = idsApart;
    let keeps = false;
    for (const session of group.sessions) {
      // It may be in another group's run, of another topic: what is in flight by that counts here.
      session.openRun?.close();
      const { connection } = session;
      const own = connection === undefined ? 0 : connection.quota - session.inflight;
      const oldest = session.runs[0];
      if (
        connection === undefined ||
        own < Math.min(leastRoom, connection.quota) ||
        session.queued > 0 ||
        session.sharedSingles > 0 ||
        connection.waitingBytes > waitingBytes ||
        (oldest !== undefined && sequence - oldest.first > idsApart)
      ) {
        others.push(session);
        continue;
      }
      takers.push(session);
      room = Math.min(room, own);
      // No id comes twice among those in flight.
      if (oldest !== undefined) room = Math.min(room, mostSharedId - (sequence - oldest.first));
      if (session.expiryS > 0) keeps = true;
    }
    const run: OpenRun = {
      close: () => this.#closeRun(group),
      first: sequence,
      count: 0,
      room,
      takers: others.length === 0 ? group.sessions : takers,
      others,
      messages: keeps ? [] : undefined,
      retain: keeps ? [] : undefined,
    };
    for (const session of takers) session.openRun = run;
    return run;
  }

  #closeRun(group: Group): void {
    const { run } = group;
    if (run === undefined) return;
    group.run = undefined;
    const { identifiers } = group.form;
    for (const session of run.takers) {
      session.openRun = undefined;
      if (run.count === 0) continue;
      const sequence = session.takeSequences(run.count);
      const messages = session.expiryS > 0 ? run.messages : undefined;
      session.addRun({ first: run.first, count: run.count, sequence, messages, offset: 0, retain: run.retain, identifiers });
      if (!session.store || !messages) continue;
      for (let at = 0; at < run.count; at++) {
        session.store.putDelivery(session.clientId, {
          sequence: sequence + at,
          message: messages[at]!,
          qos: 1,
          retain: run.retain![at]!,
          identifiers,
          state: "sent",
          packetId: sharedId(run.first + at),
        });
      }
    }
  }

  /** No Local: all but the publisher. [MQTT-3.8.3-3] */
  #toOthers(group: Group, publisher: Session, qos: Qos, retain: boolean): void {
    const { outbox, deliver } = this.#parts;
    const { passing } = this;
    const { form } = group;
    for (const session of group.sessions) {
      if (session === publisher) continue;
      if (qos > 0) {
        deliver(session, passing.message(), qos, retain, form.identifiers);
        continue;
      }
      passing.writeQos0(outbox, form.five, retain, form.identifiers);
      outbox.toOne(session.connection!, passing.packetAt, passing.packetEnd, 1, true);
      this.#sent(1);
    }
  }

  #toTarget({ session, qos: granted, retainAsPublished, identifiers }: Target): void {
    const { passing } = this;
    const qos = this.#granted(granted);
    const retain = passing.retain && retainAsPublished;
    if (qos > 0) this.#parts.deliver(session, passing.message(), qos, retain, identifiers);
    else if (session.connection) this.#parts.sendOwn(session.connection, passing, retain, identifiers);
  }

  /** One of a group in turn: a connected one with room, else a connected one, else one that is away. [MQTT 5.0 §4.8.2] */
  #toShared(group: SharedGroup, all: readonly SharedMember[], fromPeer: boolean): boolean {
    const members = fromPeer ? all.filter(([session]) => session.identity.peerNode === undefined) : all;
    if (members.length === 0) return false;
    const [session, options] = inTurn(members, group.turn++);
    const target = targetOf(session, [options]);
    const { passing } = this;
    const qos = this.#granted(target.qos);
    const { connection } = session;
    const retain = passing.retain && target.retainAsPublished;
    if (connection && qos === 0 && !connection.ownPackets) {
      passing.writeQos0(this.#parts.outbox, target.five, retain, target.identifiers);
      this.#parts.outbox.toOne(connection, passing.packetAt, passing.packetEnd, 1, true);
      this.#sent(1);
    } else if (qos > 0 || connection || this.#parts.limits().queueQos0) {
      if (connection && qos === 0) this.#parts.sendOwn(connection, passing, retain, target.identifiers);
      else this.#parts.deliver(session, passing.message(), qos, retain, target.identifiers, group);
    }
    return true;
  }

  #show(route: Route): void {
    const { passing } = this;
    const seen = this.#seen;
    seen.topic = route.topic;
    seen.qos = passing.view.qos;
    seen.retain = passing.retain;
    seen.buffer = passing.buffer;
    seen.payloadStart = passing.view.payloadStart;
    seen.payloadEnd = passing.view.payloadEnd;
    for (const watcher of route.watchers) watcher(seen);
  }
}

/** The member whose turn it is: the first with room, else the first that is connected, else the first. Called for each message: it makes nothing. */
function inTurn(members: readonly SharedMember[], turn: number): SharedMember {
  let chosen = members[turn % members.length]!;
  let isConnected = false;
  for (let step = 0; step < members.length; step++) {
    const member = members[(turn + step) % members.length]!;
    const { connection, inflight, queued } = member[0];
    if (connection === undefined) continue;
    if (queued === 0 && inflight < connection.quota && connection.waitingBytes === 0) return member;
    if (isConnected) continue;
    isConnected = true;
    chosen = member;
  }
  return chosen;
}
