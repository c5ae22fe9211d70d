/** SUBSCRIBE and UNSUBSCRIBE. [MQTT 5.0 §3.8, §3.10] @module */
import type { Qos, SubscriptionOptions } from "../message.ts";
import { packetType, type Subscribe, type Unsubscribe } from "../protocol/packet.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { checkFilter, levels, parseShared } from "../protocol/topic.ts";
import type { Connection } from "./connection.ts";

/** Subscribes to what is allowed, answers, and then sends retained messages. */
export function handleSubscribe(connection: Connection, packet: Subscribe): void {
  const { core } = connection;
  const session = connection.session!;
  const wanted: { filter: string; options: SubscriptionOptions }[] = [];
  const reasonCodes = packet.subscriptions.map(({ filter: asked, options: askedFor }) => {
    const refusal = refusalOf(connection, asked);
    if (refusal !== 0) return refusal;
    const qos = Math.min(askedFor.qos, connection.peer.listener.mostQos) as Qos;
    const filter = mounted(connection, asked);
    const options: SubscriptionOptions = core.isBridge(session)
      ? { ...askedFor, qos, noLocal: true, retainAsPublished: true }
      : { ...askedFor, qos };
    const isNew = core.subscribed.subscribe(session, filter, options);
    const sendsRetained = options.retainHandling === 0 || (options.retainHandling === 1 && isNew);
    if (sendsRetained && parseShared(filter) === undefined) wanted.push({ filter, options });
    return qos;
  });
  connection.send({ type: packetType.suback, packetId: packet.packetId, reasonCodes, properties: {} });
  for (const { filter, options } of wanted) core.sendRetained(connection, filter, options);
}

/** Why a filter is not granted; 0 when it is. */
function refusalOf(connection: Connection, filter: string): number {
  const { core } = connection;
  const session = connection.session!;
  if (checkFilter(filter) !== undefined) return reasonCode.topicFilterInvalid;
  const { limits } = core.config;
  const plain = mounted(connection, filter);
  const inner = parseShared(plain)?.filter ?? plain;
  if (levels(inner) > core.topicLevels) {
    core.counters.limit("topicLevels");
    return reasonCode.quotaExceeded;
  }
  if (
    limits.subscriptionsPerClient > 0 &&
    session.subscriptions.size >= limits.subscriptionsPerClient &&
    !session.subscriptions.has(plain)
  ) {
    core.counters.limit("subscriptionsPerClient");
    return reasonCode.quotaExceeded;
  }
  if (core.security.acl.maySubscribe(session.identity, connection.clientId, inner)) return 0;
  core.security.audit({
    event: "denied-subscribe",
    clientId: connection.clientId,
    username: session.identity.username,
    from: connection.from,
    topic: filter,
  });
  return reasonCode.notAuthorized;
}

/** The filter behind the listener's mount point. */
function mounted(connection: Connection, filter: string): string {
  const { mountPoint } = connection.peer.listener;
  if (mountPoint === "") return filter;
  const shared = parseShared(filter);
  return shared ? `$share/${shared.group}/${mountPoint}${shared.filter}` : mountPoint + filter;
}

/** Takes subscriptions back and answers. */
export function handleUnsubscribe(connection: Connection, packet: Unsubscribe): void {
  const { core } = connection;
  const session = connection.session!;
  const reasonCodes = packet.filters.map((filter) => {
    if (checkFilter(filter) !== undefined) return reasonCode.topicFilterInvalid;
    return core.subscribed.unsubscribe(session, mounted(connection, filter)) ? reasonCode.success : reasonCode.noSubscriptionExisted;
  });
  connection.send({ type: packetType.unsuback, packetId: packet.packetId, reasonCodes, properties: {} });
}
