/** A connection of `pub`, `sub` and `bench` to any broker, by npm `mqtt`; its failures worded. @module */
import type { Env } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { IClientOptions, MqttClient } from "mqtt";
import { type BrokerArgs, type BrokerTarget, brokerTarget } from "./broker-args.ts";

/** Settings of {@link connectBroker}. */
export interface ConnectOptions {
  /** What is put before a random client id. */
  readonly idPrefix: string;
  /** Whether the broker forgets the session when the connection is over. */
  readonly clean: boolean;
  /** Seconds; 5.0 only. */
  readonly sessionExpiryS?: number | undefined;
  /** Connect again after a connection was lost; 0 is never. */
  readonly reconnectMs: number;
  /** Put behind a client id that was given, where one command makes several clients. */
  readonly idSuffix?: string;
  /** Given the client before it connects: messages of a session may come together with the CONNACK. */
  readonly prepare?: (client: MqttClient) => void;
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

/**
 * Connects, and waits for the CONNACK.
 *
 * @throws {MitsuError} `ERR_MQTT_CONNECT` (nobody there, 69), `ERR_MQTT_REFUSED` (refused by the broker, 77), `ERR_USAGE`.
 */
export async function connectBroker(args: BrokerArgs, env: Env, options: ConnectOptions): Promise<MqttClient> {
  const target = brokerTarget(args, env.vars.MQTT_PASSWORD);
  const { default: mqtt } = await import("mqtt");
  const settings = clientOptions(args, target, env, options);
  const client =
    target.unix === undefined
      ? mqtt.connect(settings)
      : await import("node:net").then(({ connect }) => new mqtt.MqttClient(() => connect(target.unix!), settings));
  options.prepare?.(client);
  try {
    await connected(client, target, args.connectTimeoutMs, options.signal);
    return client;
  } catch (error) {
    client.on("error", () => {}); // the first one was thrown
    client.end(true);
    throw error;
  }
}

function clientOptions(args: BrokerArgs, target: BrokerTarget, env: Env, options: ConnectOptions): IClientOptions {
  const file = (path: string, what: string): Buffer => {
    try {
      return Buffer.from(env.readFile(path));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new MitsuError(`cannot read ${path}: ${code}`, {
        code: "ERR_FILE",
        exit: exitStatus.data,
        hint: `name a readable file with ${what}`,
        cause,
      });
    }
  };
  const { sessionExpiryS } = options;
  return {
    protocol: target.protocol,
    host: target.host,
    port: target.port,
    ...(target.path === "" ? {} : { path: target.path }),
    clientId: args.clientId === undefined ? `${options.idPrefix}${randomId()}` : `${args.clientId}${options.idSuffix ?? ""}`,
    protocolVersion: ({ "5": 5, "3.1.1": 4, "3.1": 3 } as const)[args.protocol],
    ...(args.protocol === "3.1" ? { protocolId: "MQIsdp" } : {}),
    clean: options.clean,
    keepalive: args.keepAlive,
    reconnectPeriod: options.reconnectMs,
    connectTimeout: args.connectTimeoutMs,
    resubscribe: true,
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(args.cafile === undefined ? {} : { ca: file(args.cafile, "--cafile") }),
    ...(args.cert === undefined ? {} : { cert: file(args.cert, "--cert") }),
    ...(args.key === undefined ? {} : { key: file(args.key, "--key") }),
    ...(args.insecure ? { rejectUnauthorized: false } : {}),
    ...(args.protocol === "5" && sessionExpiryS !== undefined ? { properties: { sessionExpiryInterval: sessionExpiryS } } : {}),
  };
}

/** A random part of a client id, which has 23 characters at most with its prefix, for MQTT 3.1. */
function randomId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 9);
}

function connected(client: MqttClient, target: BrokerTarget, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(unreachable(target, `no answer within ${timeoutMs} ms`)), timeoutMs);
    const over = (): void => {
      clearTimeout(timer);
      client.off("connect", onConnect).off("error", onError).off("close", onClose);
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: Error): void => {
      over();
      reject(error);
    };
    const onConnect = (): void => {
      over();
      resolve();
    };
    const onError = (error: Error): void => fail(worded(error, target));
    const onClose = (): void => fail(unreachable(target, "it closed the connection before it answered"));
    const onAbort = (): void => fail(unreachable(target, "interrupted"));
    client.on("connect", onConnect).on("error", onError).on("close", onClose);
    signal?.addEventListener("abort", onAbort);
  });
}

/** An error of npm `mqtt` or of the system in our words. */
export function worded(error: Error, target: Pick<BrokerTarget, "name">): MitsuError {
  const { code } = error as { readonly code?: unknown };
  if (typeof code === "number") {
    const why = error.message.replace(/^(?:Connection refused|Publish error|Subscribe error|Unspecified error)?:? ?/, "");
    return new MitsuError(`${target.name} refuses: ${why || `reason code 0x${code.toString(16)}`}`, {
      code: "ERR_MQTT_REFUSED",
      exit: exitStatus.rights,
      hint: "look at user name, password and the broker's ACL; its log says more",
      cause: error,
    });
  }
  const causes = (error as { readonly errors?: readonly NodeJS.ErrnoException[] }).errors;
  const name = typeof code === "string" ? code : causes?.[0]?.code;
  return unreachable(target, error.message || name || "connection failed", error);
}

function unreachable({ name }: Pick<BrokerTarget, "name">, why: string, cause?: unknown): MitsuError {
  return new MitsuError(`cannot connect to ${name}: ${why}`, {
    code: "ERR_MQTT_CONNECT",
    exit: exitStatus.unavailable,
    hint: "look whether the broker runs there (ss -tlnp), and at --host and --port",
    cause,
  });
}
