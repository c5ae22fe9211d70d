/** `$SYS/broker/…`: what the broker does, as retained messages named as mosquitto 2.0 names them. Source: mosquitto(8), BROKER STATUS. @module */
import type { MqttnicStatus } from "@mitsu/ipc";
import type { Clock } from "./aggregate/clock.ts";
import type { Broker } from "./broker/broker.ts";

/** Figures that `status` does not have. */
export interface FurtherFigures {
  readonly publishBytesReceived: number;
  readonly publishBytesSent: number;
  readonly connectionsTotal: number;
  readonly sessionsExpired: number;
}

/** Load is told over so many minutes. */
const windows = [1, 5, 15] as const;

const loads: Readonly<Record<string, (status: MqttnicStatus, further: FurtherFigures) => number>> = {
  "messages/received": (status) => status.messagesReceived,
  "messages/sent": (status) => status.messagesSent,
  "publish/received": (status) => status.publishReceived,
  "publish/sent": (status) => status.publishSent,
  "publish/dropped": (status) => status.publishDropped,
  "bytes/received": (status) => status.bytesReceived,
  "bytes/sent": (status) => status.bytesSent,
  sockets: (_status, further) => further.connectionsTotal,
  connections: (_status, further) => further.connectionsTotal,
};

/**
 * Publishes the figures now and at each interval, those that changed. Loads are means per minute that forget exponentially, as mosquitto's are.
 *
 * @returns What ends it; the messages stay.
 */
export function startSysTopics(broker: Broker, intervalMs: number, clock: Clock, further: () => FurtherFigures): () => void {
  const said = new Map<string, string>();
  const load = new Map<string, number>();
  const before = new Map<string, number>();
  let [mostClients, mostHeap] = [0, 0];

  const say = (name: string, value: string | number): void => {
    const text = String(value);
    if (said.get(name) === text) return;
    said.set(name, text);
    broker.publish({ topic: `$SYS/broker/${name}`, payload: Buffer.from(text), qos: 2, retain: true });
  };

  const sayLoads = (status: MqttnicStatus, figures: FurtherFigures): void => {
    for (const [name, read] of Object.entries(loads)) {
      const total = read(status, figures);
      const perMinute = ((total - (before.get(name) ?? total)) * 60_000) / intervalMs;
      before.set(name, total);
      for (const minutes of windows) {
        const key = `load/${name}/${minutes}min`;
        const value = perMinute + Math.exp(-intervalMs / (minutes * 60_000)) * ((load.get(key) ?? 0) - perMinute);
        load.set(key, value);
        say(key, value.toFixed(2));
      }
    }
  };

  const tick = (): void => {
    const status = broker.status();
    const figures = further();
    const total = Math.max(status.sessions, status.connections);
    mostClients = Math.max(mostClients, total);
    mostHeap = Math.max(mostHeap, status.residentBytes);
    say("version", `mqttnic version ${status.version}`);
    say("uptime", `${Math.floor((clock.now() - status.startedAtMs) / 1000)} seconds`);
    say("clients/total", total);
    say("clients/maximum", mostClients);
    for (const name of ["connected", "active"]) say(`clients/${name}`, status.connections);
    for (const name of ["disconnected", "inactive"]) say(`clients/${name}`, total - status.connections);
    say("clients/expired", figures.sessionsExpired);
    say("messages/received", status.messagesReceived);
    say("messages/sent", status.messagesSent);
    for (const name of ["messages/stored", "store/messages/count"]) say(name, status.retained + status.queued);
    say("store/messages/bytes", status.retainedBytes + status.queuedBytes);
    say("publish/messages/received", status.publishReceived);
    say("publish/messages/sent", status.publishSent);
    say("publish/messages/dropped", status.publishDropped);
    say("publish/bytes/received", figures.publishBytesReceived);
    say("publish/bytes/sent", figures.publishBytesSent);
    say("bytes/received", status.bytesReceived);
    say("bytes/sent", status.bytesSent);
    say("subscriptions/count", status.subscriptions);
    say("shared_subscriptions/count", status.sharedSubscriptions);
    say("retained messages/count", status.retained);
    say("heap/current", status.residentBytes);
    say("heap/maximum", mostHeap);
    sayLoads(status, figures);
  };

  tick();
  return clock.every(intervalMs, tick);
}
