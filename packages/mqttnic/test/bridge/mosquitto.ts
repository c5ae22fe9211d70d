/** mosquitto processes and a `Broker` that is one, for tests of bridges. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectTcp, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "@mitsu/cli";
import type { ExecutionContext } from "ava";
import mqtt from "mqtt";
import type { Broker, OwnMessage } from "../../src/broker/broker.ts";
import type { BridgeConfig } from "../../src/config/broker-config.ts";

/** A log that goes nowhere. */
export const quiet: Log = {
  level: "error",
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => quiet,
};

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A mosquitto on loopback, with its state in a folder of its own; ended with the test. */
export class Mosquitto {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  static async start(t: ExecutionContext, extra = "", port?: number, persistence = true): Promise<Mosquitto> {
    const folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
    const self = new Mosquitto(port ?? (await freePort()), folder);
    writeFileSync(
      join(folder, "mosquitto.conf"),
      `listener ${self.port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence ${persistence}
persistence_location ${folder}/
autosave_interval 1
autosave_on_changes true
max_queued_messages 100000
user root
${extra}
`,
    );
    t.teardown(async () => {
      await self.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
    await self.run();
    return self;
  }

  /** Starts it, again after {@link kill}; resolves once it listens. */
  async run(): Promise<void> {
    const child = spawn("/usr/sbin/mosquitto", ["-v", "-c", join(this.#folder, "mosquitto.conf")], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    const ready = Promise.withResolvers<void>();
    let said = "";
    const hear = (chunk: Buffer): void => {
      said += chunk;
      if (process.env.MOSQUITTO_LOG) appendFileSync(join(process.env.MOSQUITTO_LOG, `${this.port}.log`), chunk);
      if (/mosquitto version .* running/.test(said)) ready.resolve();
      if (said.length > 100_000) said = "";
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => ready.reject(new Error(`mosquitto ended: ${said}`)));
    await ready.promise;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }
}

/** A connected client of a broker on loopback; ended with the test. */
export async function client(t: ExecutionContext, port: number, options: mqtt.IClientOptions = {}): Promise<mqtt.MqttClient> {
  const connected = await mqtt.connectAsync({ host: "127.0.0.1", port, protocolVersion: 5, reconnectPeriod: 50, ...options });
  connected.on("error", () => {});
  t.teardown(() => connected.endAsync(true));
  return connected;
}

/** A message as a test sees it. */
export interface Seen {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly properties: mqtt.IPublishPacket["properties"];
}

/** Subscribes and collects; `until(n)` waits for so many messages. */
export async function collect(
  from: mqtt.MqttClient,
  filter: string,
  qos: 0 | 1 | 2 = 2,
): Promise<{ readonly seen: Seen[]; until(count: number): Promise<Seen[]> }> {
  const seen: Seen[] = [];
  let wake = (): void => {};
  from.on("message", (topic, payload, packet) => {
    seen.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain, properties: packet.properties });
    wake();
  });
  await from.subscribeAsync(filter, { qos, rap: true });
  return {
    seen,
    async until(count) {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return seen;
    },
  };
}

/** A broker's interface over TCP; what is not needed throws. */
export async function brokerOnPort(t: ExecutionContext, port: number): Promise<Broker> {
  const own = await client(t, port);
  const missing = (): never => {
    throw new Error("not in this fake");
  };
  return {
    publish: ({ topic, payload, qos, retain }: OwnMessage) => void own.publish(topic, payload, { qos, retain }),
    watch: missing,
    openStream: () => connectTcp({ host: "127.0.0.1", port, noDelay: true }),
    interest: () => [],
    onInterest: () => () => {},
    onTurn: () => () => {},
    status: missing,
    clients: () => [],
    subscriptions: () => [],
    retainedMessages: () => [],
    disconnect: () => false,
  };
}

/** A bridge's configuration with sensible values. */
export function bridgeConfig(port: number, changed: Partial<BridgeConfig> = {}): BridgeConfig {
  return {
    name: "test",
    addresses: [{ host: "127.0.0.1", port }],
    topics: [],
    protocolVersion: 5,
    localClientId: "local.test",
    remoteClientId: "remote.test",
    remoteUsername: undefined,
    remotePassword: undefined,
    cleanSession: false,
    keepAliveS: 60,
    restartMinMs: 10,
    restartMaxMs: 50,
    tryPrivate: true,
    notifications: false,
    notificationTopic: undefined,
    tls: undefined,
    ...changed,
  };
}

/** Resolves once `holds` does; asks at each turn of the loop's timers. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
