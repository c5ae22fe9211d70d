/** Clients that nobody here wrote: mosquitto's, and npm mqtt. @module */
import type { ExecutionContext } from "ava";
import mqtt from "mqtt";
import { type Ended, execute } from "./daemon.ts";

/** Arguments of mosquitto's clients for an address. */
export const at = (port: number, host: string = "127.0.0.1"): string[] => ["-h", host, "-p", String(port)];

/** mosquitto_pub. */
export const pub = (...args: readonly string[]): Promise<Ended> => execute("mosquitto_pub", args);

/** mosquitto_sub, for 10 seconds at most. */
export const sub = (...args: readonly string[]): Promise<Ended> => execute("mosquitto_sub", ["-W", "10", ...args]);

/** Connects npm mqtt, which is ended with the test. */
export async function connect(t: ExecutionContext, port: number, options: mqtt.IClientOptions = {}): Promise<mqtt.MqttClient> {
  const client = await mqtt.connectAsync({ host: "127.0.0.1", port, protocolVersion: 5, reconnectPeriod: 0, ...options });
  client.on("error", () => {});
  t.teardown(() => client.endAsync(true));
  return client;
}

/** How a client's connection ends: the reason code of the DISCONNECT, undefined where there was none. */
export async function ending(client: mqtt.MqttClient): Promise<number | undefined> {
  let reason: number | undefined;
  client.once("disconnect", ({ reasonCode }) => {
    reason = reasonCode;
  });
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
  return reason;
}

/** Subscribes, and collects what comes as `topic payload`. */
export async function collect(
  client: mqtt.MqttClient,
  filter: string,
): Promise<{ readonly seen: string[]; until(count: number): Promise<void> }> {
  const seen: string[] = [];
  const waits = new Set<() => void>();
  client.on("message", (topic, payload) => {
    seen.push(`${topic} ${payload}`);
    for (const look of waits) look();
  });
  await client.subscribeAsync(filter, { qos: 1 });
  return {
    seen,
    until: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (seen.length < count) return;
          waits.delete(look);
          resolve();
        };
        waits.add(look);
        look();
      }),
  };
}
