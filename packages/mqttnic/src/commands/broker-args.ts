/** Which broker `pub`, `sub` and `bench` talk to, and as whom. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** What every client command is told. */
export interface BrokerArgs {
  readonly host: string;
  readonly port: number | undefined;
  readonly url: string | undefined;
  readonly unix: string | undefined;
  readonly clientId: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly protocol: "5" | "3.1.1" | "3.1";
  readonly keepAlive: number;
  readonly connectTimeoutMs: number;
  readonly cafile: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly insecure: boolean;
}

/** Where and how to connect. */
export interface BrokerTarget {
  readonly protocol: "mqtt" | "mqtts" | "ws" | "wss";
  readonly host: string;
  readonly port: number;
  /** Of a WebSocket. */
  readonly path: string;
  readonly unix: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Of `--url`. */
  readonly topic: string | undefined;
  /** For messages: `mqtts://broker:8883`. */
  readonly name: string;
}

const defaultPorts = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const;
const schemes: Readonly<Record<string, BrokerTarget["protocol"]>> = {
  "mqtt:": "mqtt",
  "tcp:": "mqtt",
  "mqtts:": "mqtts",
  "ssl:": "mqtts",
  "ws:": "ws",
  "wss:": "wss",
};

/**
 * What the options name.
 *
 * @param fallbackPassword - Of the environment.
 * @throws {MitsuError} `ERR_USAGE`
 */
export function brokerTarget(args: BrokerArgs, fallbackPassword?: string): BrokerTarget {
  if (args.unix !== undefined && args.url !== undefined) throw usage("--unix and --url are both given", "give one of them");
  const secured = args.cafile !== undefined || args.cert !== undefined || args.insecure;
  const url = args.url === undefined ? undefined : parseUrl(args.url);
  const protocol = url ? schemes[url.protocol]! : secured || args.port === 8883 ? "mqtts" : "mqtt";
  if (secured && (protocol === "mqtt" || protocol === "ws"))
    throw usage(`${protocol}:// has no TLS`, `write ${protocol}s://, or leave the TLS options out`);
  if ((args.cert === undefined) !== (args.key === undefined)) throw usage("--cert and --key go together", "give both or none");
  const host = url ? url.hostname.replace(/^\[(.*)\]$/, "$1") : args.host;
  if (host === "") throw usage("the host is empty", "such as --host broker.example");
  const port = url?.port ? Number(url.port) : (args.port ?? defaultPorts[protocol]);
  if (!(Number.isInteger(port) && port >= 1 && port <= 65_535)) throw usage(`--port ${port} is no port`, "use 1 to 65535");
  const ofWeb = protocol === "ws" || protocol === "wss";
  const path = url ? decodeURIComponent(url.pathname) : "";
  const username = args.username ?? (url?.username ? decodeURIComponent(url.username) : undefined);
  const password =
    args.password ?? (url?.password ? decodeURIComponent(url.password) : username === undefined ? undefined : fallbackPassword);
  if (password !== undefined && username === undefined && args.protocol !== "5") {
    throw usage("a password needs a user name before MQTT 5.0", "give --username [MQTT-3.1.2-22]");
  }
  return {
    protocol,
    host,
    port,
    path: ofWeb ? path || "/" : "",
    unix: args.unix,
    username,
    password,
    topic: !ofWeb && path.length > 1 ? path.slice(1) : undefined,
    name: args.unix ?? `${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}`,
  };
}

/** Checks `--qos`. @throws {MitsuError} `ERR_USAGE` */
export function qosOf(value: number): 0 | 1 | 2 {
  if (value === 0 || value === 1 || value === 2) return value;
  throw usage(`--qos ${value} is no quality of service`, "use 0, 1 or 2");
}

/** A wrong use of a command. */
export function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}

function parseUrl(text: string): URL {
  const hint = "such as mqtt://broker.example:1883/topic, or mqtts://, ws://, wss://";
  if (!URL.canParse(text)) throw usage(`--url '${text}' is no URL`, hint);
  const url = new URL(text);
  if (!Object.hasOwn(schemes, url.protocol)) throw usage(`--url '${text}' is not of MQTT`, hint);
  try {
    for (const part of [url.pathname, url.username, url.password]) decodeURIComponent(part);
  } catch {
    throw usage(`--url '${text}' has a % that is no escape`, "write %25 for a percent sign");
  }
  return url;
}
