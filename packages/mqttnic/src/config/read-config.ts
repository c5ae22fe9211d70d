/** One configuration out of flags, mosquitto.conf or mesh.yaml, and defaults. @module */
import { existsSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { resolve } from "node:path";
import type { Context, LogLevel } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { DaemonArgs } from "../daemon-args.ts";
import type { BrokerConfig, Limits, ListenerConfig } from "./broker-config.ts";
import { defaultConfig, defaultListener } from "./defaults.ts";
import { listenerName, parseListenAt } from "./listen-at.ts";

/** A configuration, and where it is from. */
export interface ReadConfig {
  readonly config: BrokerConfig;
  /** What is odd in it, each with file and line; to be printed. */
  readonly warnings: readonly string[];
  /** For the log: `/etc/mitsu/mesh.yaml`, `mosquitto.conf`, `defaults`. */
  readonly from: string;
  /** Files it was read from, to be watched. */
  readonly files: readonly string[];
  /** `log_type` of a mosquitto.conf; `--log-level` goes over it. */
  readonly logLevel: LogLevel | undefined;
  /** `pid_file`, to be written once it is ready and removed at the end. */
  readonly pidFile: string | undefined;
}

/** Read when it is there; any other file is an error when it is not. */
const defaultMesh = "/etc/mitsu/mesh.yaml";

/**
 * Reads it all: flags over mosquitto.conf (`--config-file`) or mesh.yaml (`--config`, which need not be there) over defaults.
 *
 * @throws {MitsuError} `ERR_MQTT_CONFIG` or `ERR_CATALOG_INVALID` with file and line, `ERR_USAGE` for a flag.
 */
export async function readConfig(args: DaemonArgs, context: Pick<Context, "env" | "config">): Promise<ReadConfig> {
  const ports = args.port.map((text) => whole("--port", text, 1, 65_535));
  if (ports.length > 0 && args.listen.length > 0) throw usage("--port and --listen are both given", "--listen says the port too");
  const file = args.configFile === undefined ? await meshFile(args, ports, context) : await mosquittoFile(args.configFile, ports, context);
  return { ...file, config: withFlags(file.config, args, context) };
}

async function mosquittoFile(path: string, ports: readonly number[], { env }: Pick<Context, "env">): Promise<ReadConfig> {
  const { decodeConf, parseMosquittoConf } = await import("./mosquitto-conf.ts");
  const whole = resolve(env.cwd(), path);
  let text: string;
  try {
    text = decodeConf(env.readFile(whole));
  } catch (cause) {
    const why = cause instanceof TypeError ? "it is not UTF-8" : ((cause as NodeJS.ErrnoException).code ?? String(cause));
    const hint = "name a readable mosquitto.conf with --config-file, or leave it out";
    throw new MitsuError(`cannot read ${path}: ${why}`, { code: "ERR_MQTT_CONFIG", exit: exitStatus.config, hint, cause });
  }
  const { config, warnings, included, logLevel, pidFile } = parseMosquittoConf(text, {
    file: path,
    ports,
    machine: { folder: env.cwd() },
    readFile: env.readFile,
  });
  return { config, warnings, from: path, files: [whole, ...included], logLevel, pidFile };
}

async function meshFile(
  args: DaemonArgs,
  ports: readonly number[],
  { config: path, env }: Pick<Context, "env" | "config">,
): Promise<ReadConfig> {
  const none = { warnings: [], files: [], logLevel: undefined, pidFile: undefined };
  if (path === defaultMesh && !existsSync(path)) return { ...none, config: atPorts(defaultConfig, ports), from: "defaults" };
  const [{ formatProblem, loadCatalog }, { fromMesh }] = await Promise.all([import("@mitsu/catalog"), import("./from-mesh.ts")]);
  const warnings: string[] = [];
  const { mqtt } = await loadCatalog(path, { warn: (problem) => warnings.push(formatProblem(problem)) });
  if (!mqtt) return { ...none, config: atPorts(defaultConfig, ports), warnings, from: "defaults", files: [path] };
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const ipv6 = addresses.some(({ family }) => family === "IPv6");
  const config = fromMesh(mqtt, { file: path, node: args.node ?? hostname(), ipv6, readFile: env.readFile });
  if (ports.length > 0 && mqtt.listeners) warnings.push(`${path}: --port is ignored, since mqtt.listeners is there`);
  return { ...none, config: mqtt.listeners ? config : atPorts(config, ports), warnings, from: path, files: [path] };
}

/** `-p`: loopback at these ports. */
function atPorts(config: BrokerConfig, ports: readonly number[]): BrokerConfig {
  if (ports.length === 0) return config;
  return { ...config, listeners: [...new Set(ports)].map((port) => ({ ...defaultListener, name: listenerName("127.0.0.1", port), port })) };
}

function withFlags(config: BrokerConfig, args: DaemonArgs, { env }: Pick<Context, "env">): BrokerConfig {
  const absolute = (path: string): string => resolve(env.cwd(), path);
  const listeners = args.listen.length > 0 ? args.listen.map(listenerAt) : config.listeners;
  const names = listeners.filter(({ port, path }) => port !== 0 || path !== undefined).map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw usage(`--listen ${twice} is given twice`, "give it once");
  const { persistence, passwordFile, aclFile, anonymous } = args;
  return {
    ...config,
    listeners: anonymous === undefined ? listeners : listeners.map((one) => ({ ...one, anonymous })),
    limits: { ...config.limits, ...limitsOf(args) },
    security: {
      ...config.security,
      ...(passwordFile === undefined ? {} : { passwordFile: absolute(passwordFile) }),
      ...(aclFile === undefined ? {} : { aclFile: absolute(aclFile) }),
    },
    persistence:
      persistence === undefined
        ? config.persistence
        : { ...config.persistence, path: persistence === "off" ? undefined : absolute(persistence) },
  };
}

function listenerAt(text: string): ListenerConfig {
  const { address, port, path } = parseListenAt("--listen", text);
  return { ...defaultListener, name: path ?? listenerName(address!, port), address, port, path };
}

function limitsOf(args: DaemonArgs): Partial<Limits> {
  const flags = [
    ["connections", "--max-connections", args.maxConnections, 0, 10_000_000],
    ["inflight", "--max-inflight", args.maxInflight, 0, 65_535],
    ["queuedMessages", "--max-queued", args.maxQueued, 0, 1_000_000_000],
    ["packetBytes", "--max-packet-bytes", args.maxPacketBytes, 20, 268_435_460],
  ] as const;
  return Object.fromEntries(
    flags.flatMap(([key, flag, value, least, most]) => (value === undefined ? [] : [[key, whole(flag, value, least, most)]])),
  );
}

function whole(flag: string, given: string | number, least: number, most: number): number {
  const value = typeof given === "number" ? given : /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw usage(`${flag} ${given}: a whole number from ${least} to ${most} is needed`, `such as ${flag} ${Math.max(least, 1000)}`);
}

function usage(message: string, hint: string): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", exit: exitStatus.usage, hint });
}
