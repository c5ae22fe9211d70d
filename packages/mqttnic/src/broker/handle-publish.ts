/** PUBLISH from a client. [MQTT 5.0 §3.3] @module */
import { isUtf8 } from "node:buffer";
import { PacketError, packetType } from "../protocol/packet.ts";
import { scanPublish } from "../protocol/publish-scan.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { checkTopicName, levels } from "../protocol/topic.ts";
import type { Connection } from "./connection.ts";
import type { Route } from "./route-cache.ts";

/** A topic that a connection publishes to, as it is in its packets, and what is known of it. */
export interface Published {
  /** As the broker has it: behind the listener's mount point. */
  readonly topic: string;
  /** As in the packet. */
  readonly bytes: Buffer;
  route: Route;
  allowed: boolean;
}

/** Routes a message and acknowledges it at the end of the turn. @throws {PacketError} what ends the connection. */
export function handlePublish(connection: Connection, buffer: Buffer, start: number, body: number, end: number): void {
  const { core, version } = connection;
  const { router, counters, config } = core;
  const { passing } = router;
  const { view } = passing;
  scanPublish(buffer, start, body, end, version, view);
  counters.publishReceived++;
  counters.publishBytesReceived += view.payloadEnd - view.payloadStart;
  const { listener } = connection.peer;
  if (view.qos > listener.mostQos)
    throw new PacketError(reasonCode.qosNotSupported, `[MQTT-3.2.2-11] QoS ${view.qos}; at most ${listener.mostQos} is taken here`);
  if (view.retain && !config.retainAvailable)
    throw new PacketError(reasonCode.retainNotSupported, "[MQTT-3.2.2-14] retained messages are not taken here");
  const published = publishedTo(connection, buffer);
  const session = connection.session!;
  if (view.qos > 0) {
    const outstanding = connection.unacknowledged + (session.received?.size ?? 0);
    const again = view.qos === 2 && session.received?.has(view.packetId) === true;
    if (version === 5 && !again && outstanding >= config.limits.receiveMaximum) {
      counters.limit("receiveMaximum");
      throw new PacketError(
        reasonCode.receiveMaximumExceeded,
        `[MQTT-3.3.4-7] more than ${config.limits.receiveMaximum} messages without an acknowledgement`,
      );
    }
    if (again) {
      core.answer(connection, packetType.pubrec, view.packetId, reasonCode.success);
      return;
    }
  }
  const refusal = published.allowed ? refusedFor(connection, buffer) : reasonCode.notAuthorized;
  if (refusal !== 0) {
    counters.publishDropped++;
    if (refusal === reasonCode.notAuthorized)
      core.security.audit({
        event: "denied-publish",
        clientId: connection.clientId,
        username: session.identity.username,
        from: connection.from,
        topic: published.topic,
      });
    if (view.qos === 0) {
      if (refusal === reasonCode.payloadFormatInvalid) throw new PacketError(refusal, "a payload that says it is UTF-8 is not");
      return;
    }
    // Before 5.0 there is no way to refuse but to end the connection; the message is taken and dropped. [MQTT-3.3.5-2 of 3.1.1]
    const type = view.qos === 1 ? packetType.puback : packetType.pubrec;
    core.answer(connection, type, view.packetId, version === 5 ? refusal : reasonCode.success);
    if (version !== 5 && view.qos === 2) core.keepReceived(session, view.packetId);
    return;
  }
  passing.topic = published.topic;
  passing.topicBytes = published.route.topicBytes;
  passing.publisher = connection;
  passing.from = connection.clientId;
  passing.nowMs = core.nowMs();
  // Old clients may write a length longer than need be, which new ones must not see.
  const asInPacket = view.topicAlias === 0 && listener.mountPoint === "" && !(body - start > 2 && buffer[body - 1] === 0);
  passing.begin(buffer, start, end, version === 5, asInPacket);
  if (view.retain) core.retain(passing);
  const matched = router.route(published.route);
  if (view.qos === 1) {
    connection.unacknowledged++;
    const code = matched === 0 && version === 5 ? reasonCode.noMatchingSubscribers : reasonCode.success;
    core.answer(connection, packetType.puback, view.packetId, code);
  } else if (view.qos === 2) {
    core.keepReceived(session, view.packetId);
    const code = matched === 0 && version === 5 ? reasonCode.noMatchingSubscribers : reasonCode.success;
    core.answer(connection, packetType.pubrec, view.packetId, code);
  }
}

/** What is known of the packet's topic. */
function publishedTo(connection: Connection, buffer: Buffer): Published {
  const { core } = connection;
  const { view } = core.router.passing;
  if (connection.accessGeneration !== core.security.generation) forgetPermissions(connection);
  const start = view.topicStart;
  const length = view.topicEnd - start;
  let published: Published | undefined;
  const { topicAlias } = view;
  if (topicAlias > 0) {
    if (topicAlias > connection.peer.listener.topicAliases)
      throw new PacketError(
        reasonCode.topicAliasInvalid,
        `[MQTT-3.2.2-18] topic alias ${topicAlias}; at most ${connection.peer.listener.topicAliases}`,
      );
    if (length === 0) {
      published = connection.aliasesIn?.[topicAlias];
      if (!published) throw new PacketError(reasonCode.protocolError, `[MQTT-3.3.2-8] topic alias ${topicAlias} stands for no topic`);
    }
  }
  if (published === undefined) {
    const last = connection.lastPublished;
    if (last !== undefined && isSame(buffer, start, length, last.bytes)) published = last;
    else {
      checkTopicName(buffer, start, view.topicEnd);
      published = makePublished(connection, Buffer.from(buffer.subarray(start, view.topicEnd)));
      connection.lastPublished = published;
    }
    if (topicAlias > 0) {
      connection.aliasesIn ??= [];
      connection.aliasesIn[topicAlias] = published;
    }
  }
  if (!core.routes.holds(published.route)) published.route = core.routes.of(published.topic);
  return published;
}

function makePublished(connection: Connection, bytes: Buffer): Published {
  const { core } = connection;
  const name = bytes.toString();
  const topic = connection.peer.listener.mountPoint + name;
  const most = core.topicLevels;
  if (levels(topic) > most) {
    core.counters.limit("topicLevels");
    throw new PacketError(reasonCode.topicNameInvalid, `a topic of more than ${most} levels`);
  }
  return { topic, bytes, route: core.routes.of(topic), allowed: mayPublish(connection, topic) };
}

function mayPublish({ core, session, clientId }: Connection, topic: string): boolean {
  return core.security.acl.mayPublish(session!.identity, clientId, topic);
}

/** The ACL has changed. */
function forgetPermissions(connection: Connection): void {
  connection.accessGeneration = connection.core.security.generation;
  connection.lastPublished = undefined;
  for (const published of connection.aliasesIn ?? []) if (published) published.allowed = mayPublish(connection, published.topic);
}

/** Why a message is not taken though its topic is allowed; 0 when it is. */
function refusedFor({ core }: Connection, buffer: Buffer): number {
  const { view } = core.router.passing;
  const { payloadBytes } = core.config.limits;
  if (payloadBytes > 0 && view.payloadEnd - view.payloadStart > payloadBytes) {
    core.counters.limit("payloadBytes");
    return reasonCode.quotaExceeded;
  }
  if (view.payloadFormat === 1 && !isUtf8(buffer.subarray(view.payloadStart, view.payloadEnd))) return reasonCode.payloadFormatInvalid;
  return 0;
}

/** Whether a packet's topic is one that was seen before. */
function isSame(buffer: Buffer, start: number, length: number, bytes: Buffer): boolean {
  if (length !== bytes.length) return false;
  for (let at = 0; at < length; at++) if (buffer[start + at] !== bytes[at]) return false;
  return true;
}
