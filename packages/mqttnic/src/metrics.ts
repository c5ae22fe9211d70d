/** mqttnic's metrics, read from its status at each scrape. @module */
import type { CounterMetric, GaugeMetric, Metrics } from "@mitsu/cli";
import type { MqttnicMatching, MqttnicStatus } from "@mitsu/ipc";

type Numbers = { readonly [Key in keyof MqttnicStatus as MqttnicStatus[Key] extends number | null ? Key : never]: true };

/** Numbers of the status that go up and down: name, unit, help. */
const gauges: Partial<Record<keyof Numbers, readonly [name: string, unit: "count" | "bytes", help: string]>> = {
  connections: ["connections", "count", "Open connections of clients."],
  sessions: ["sessions", "count", "Sessions, of clients that are away too."],
  subscriptions: ["subscriptions", "count", "Subscriptions of all sessions."],
  sharedSubscriptions: ["shared_subscriptions", "count", "Shared subscriptions of all sessions."],
  routes: ["routes", "count", "Topics whose subscribers are known without a look-up."],
  retained: ["retained_messages", "count", "Retained messages."],
  retainedBytes: ["retained", "bytes", "Payload of retained messages."],
  queued: ["queued_messages", "count", "Messages that wait in queues of clients."],
  queuedBytes: ["queued", "bytes", "Payload of messages that wait in queues of clients."],
  inflight: ["inflight_messages", "count", "Messages sent to clients and not acknowledged."],
  residentBytes: ["resident", "bytes", "Resident memory of the process."],
  storeBytes: ["store", "bytes", "State on disk; absent when nothing is kept."],
};

/** Numbers that only grow. */
const counters: Partial<Record<keyof Numbers, readonly [name: string, unit: "count" | "bytes", help: string]>> = {
  messagesReceived: ["packets_received", "count", "Control packets from clients."],
  messagesSent: ["packets_sent", "count", "Control packets to clients."],
  publishReceived: ["messages_received", "count", "Messages published by clients."],
  publishSent: ["messages_sent", "count", "Messages sent to clients."],
  publishDropped: ["messages_dropped", "count", "Messages that a subscriber did not get."],
  bytesReceived: ["received", "bytes", "Bytes from clients."],
  bytesSent: ["sent", "bytes", "Bytes to clients."],
};

/** Registers them, those of matching where devices do it. @returns `metrics`. */
export function exposeMetrics(metrics: Metrics, status: () => MqttnicStatus, matching?: () => MqttnicMatching): Metrics {
  if (matching) exposeMatching(metrics, matching);
  const up = new Map<keyof Numbers, GaugeMetric>();
  const total = new Map<keyof Numbers, CounterMetric>();
  for (const [key, [name, unit, help]] of Object.entries(gauges)) up.set(key as keyof Numbers, metrics.gauge({ name, unit, help }));
  for (const [key, [name, unit, help]] of Object.entries(counters)) total.set(key as keyof Numbers, metrics.counter({ name, unit, help }));
  const limits = metrics.counter({ name: "limit_reached", unit: "count", help: "How often a bound was reached.", labels: ["limit"] });
  const refused = metrics.counter({ name: "refused", unit: "count", help: "Connections refused, by reason.", labels: ["reason"] });
  const plane = metrics.gauge({ name: "data_plane", unit: "info", help: "Which data plane carries plain listeners.", labels: ["plane"] });
  const of = ["name", "kind"];
  const bridgeUp = metrics.gauge({ name: "bridge_up", unit: "count", help: "1 while the bridge, peer or NATS is connected.", labels: of });
  const bridged = metrics.counter({
    name: "bridge_messages",
    unit: "count",
    help: "Messages taken over, by direction as this broker sees it.",
    labels: [...of, "direction"],
  });

  metrics.onScrape(() => {
    const now = status();
    for (const [key, gauge] of up) {
      const value = now[key];
      if (value !== null) gauge.set(value);
    }
    for (const [key, counter] of total) counter.set(now[key] ?? 0);
    for (const [limit, times] of Object.entries(now.limits)) limits.set(times, { limit });
    for (const [reason, times] of Object.entries(now.refusals)) refused.set(times, { reason });
    plane.set(1, { plane: now.dataPlane });
    for (const { name, kind, state, messagesIn, messagesOut } of now.bridges) {
      bridgeUp.set(state === "up" ? 1 : 0, { name, kind });
      bridged.set(messagesIn, { name, kind, direction: "in" });
      bridged.set(messagesOut, { name, kind, direction: "out" });
    }
  });
  return metrics;
}

/** With the data plane `rtl`. */
function exposeMatching(metrics: Metrics, matching: () => MqttnicMatching): void {
  const filters = metrics.gauge({
    name: "topic_filters",
    unit: "count",
    help: "Topic filters, by where they are: placed, or beside the hardware for their levels, want of room, or as they are new.",
    labels: ["where"],
  });
  const device = metrics.gauge({
    name: "topic_matcher",
    unit: "info",
    help: "Which device has the placed topic filters.",
    labels: ["device"],
    anew: true,
  });
  const lookups = metrics.counter({ name: "topic_lookups", unit: "count", help: "Topics whose route was not known and was looked up." });
  metrics.onScrape(() => {
    const now = matching();
    filters.set(now.placed, { where: "placed" });
    for (const [where, count] of Object.entries(now.beside)) filters.set(count, { where });
    for (const row of now.placement.work.slice(0, 1)) device.set(1, { device: row.device ?? "none" });
    lookups.set(now.lookups);
  });
}
