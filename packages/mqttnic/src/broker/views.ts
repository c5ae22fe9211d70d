/** The broker as its commands show it. @module */
import type { MqttnicClient, MqttnicStatus, MqttnicSubscription } from "@mitsu/ipc";
import type { SubscriptionOptions } from "../message.ts";
import type { Core } from "./core.ts";
import { neverExpires } from "./session.ts";

/** See {@link MqttnicStatus}. */
export function statusOf(core: Core): MqttnicStatus {
  const { counters, about } = core;
  const slowDropped = core.slowDropped();
  let inflight = 0;
  for (const session of core.sessions.values()) inflight += session.inflight;
  return {
    ...about,
    degraded: [...core.degraded, ...(core.matching?.degraded() ?? [])],
    dataPlane: core.planes.some(({ kind }) => kind === "epoll") ? "epoll" : "net",
    listening: core.listening().map(({ config, address, port }) => ({
      name: config.name,
      address,
      port,
      transport: config.path !== undefined ? "unix" : `${config.protocol === "mqtt" ? "tcp" : "ws"}${config.tls ? "+tls" : ""}`,
    })),
    connections: core.doorman.connections,
    sessions: core.sessions.size,
    subscriptions: core.subscribed.tree.count,
    sharedSubscriptions: core.subscribed.tree.sharedCount,
    routes: core.routes.size,
    retained: core.retained.count,
    retainedBytes: core.retained.sizeBytes,
    queued: core.deliveries.queued,
    queuedBytes: core.deliveries.queuedBytes,
    inflight,
    messagesReceived: counters.messagesReceived,
    messagesSent: counters.messagesSent,
    publishReceived: counters.publishReceived,
    publishSent: counters.publishSent,
    publishDropped: counters.publishDropped + slowDropped,
    bytesReceived: counters.bytesReceived,
    bytesSent: counters.bytesSent,
    residentBytes: process.memoryUsage.rss(),
    ...(core.matching && { matching: core.matching.status() }),
    storeBytes: core.store?.sizeBytes() ?? null,
    limits: {
      ...Object.fromEntries(counters.limits),
      ...(slowDropped > 0 && { waitingBytes: slowDropped }),
      ...(core.security.auditLinesLost > 0 && { auditLines: core.security.auditLinesLost }),
    },
    refusals: Object.fromEntries(counters.refusals),
    bridges: core.bridges(),
  };
}

/** See {@link MqttnicClient}. */
export function* clientRows(core: Core): Generator<MqttnicClient> {
  for (const session of core.sessions.values()) {
    const { connection } = session;
    yield {
      clientId: session.clientId,
      username: session.identity.username ?? null,
      connected: connection !== undefined,
      from: connection?.from ?? "",
      transport: connection?.peer.transport ?? "",
      version: ({ 3: "3.1", 4: "3.1.1", 5: "5.0" } as const)[session.version],
      keepAliveS: connection?.keepAliveS ?? 0,
      expiryS: session.expiryS === neverExpires ? null : session.expiryS,
      connectedForMs: connection ? core.nowMs() - connection.openedAtMs : 0,
      subscriptions: session.subscriptions.size,
      inflight: session.inflight,
      queued: session.queued,
      queuedBytes: session.queuedBytes,
      waitingBytes: connection?.waitingBytes ?? 0,
      dropped: connection ? connection.plane.dropped[connection.id]! : 0,
    };
  }
}

/** See {@link MqttnicSubscription}. */
export function* subscriptionRows(core: Core): Generator<MqttnicSubscription> {
  for (const session of core.sessions.values())
    for (const [filter, options] of session.subscriptions)
      yield { clientId: session.clientId, filter, qos: options.qos, options: optionWords(options) };
}

function optionWords({ noLocal, retainAsPublished, retainHandling, identifier }: SubscriptionOptions): string[] {
  return [
    noLocal && "no-local",
    retainAsPublished && "retain-as-published",
    retainHandling > 0 && `retain-handling=${retainHandling}`,
    identifier > 0 && `identifier=${identifier}`,
  ].filter((word) => word !== false);
}
