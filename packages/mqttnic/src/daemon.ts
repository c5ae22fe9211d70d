/** The daemon, as a sentence: read, open, restore, listen, bridge, ready; and back. @module */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Context, createMetrics, type Life, runDaemon, serveMetrics } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Handlers, type MqttnicProtocol, mqttnic, serve } from "@mitsu/ipc";
import type { BrokerConfig } from "./config/broker-config.ts";
import { restartNeeded } from "./config/compare.ts";
import { type ReadConfig, readConfig } from "./config/read-config.ts";
import type { DaemonArgs } from "./daemon-args.ts";
import { exposeMetrics } from "./metrics.ts";
import { type OpenedBroker, openBroker } from "./open-broker.ts";
import { RunningParts } from "./running-parts.ts";
import type { MeshAccess } from "./security/open-security.ts";

/** Clients are told that it ends, and what waits for them goes out, for so long at most. */
const drainMs = 5000;

/** `mqttnic daemon`. */
export async function run(args: DaemonArgs, context: Context): Promise<number> {
  const { env, log, socket, program } = context;
  return runDaemon({ env, log, socket }, async (life) => {
    const read = await readAndTell(args, context);
    let { config } = read;
    const about = { version: program.version, pid: env.pid, startedAtMs: env.now(), node: args.node ?? hostname() };
    const broker = await openBroker(config, { dataPlane: args.dataPlane, log, about, security: meshAccess(config) });
    life.defer("broker", () => broker.close(drainMs));
    for (const { config: listener, address, port } of broker.listeners) log.info("listening", { listener: listener.name, address, port });
    const parts = new RunningParts(broker.core, log);
    life.defer("bridges", () => parts.stop());
    await parts.configure(config);
    const reload = async (): Promise<void> => {
      const next = await readAndTell(args, context);
      for (const what of restartNeeded(config, next.config)) log.warn("takes a restart to change", { what });
      await broker.configure({ ...next.config, persistence: config.persistence }, meshAccess(next.config));
      await parts.configure(next.config);
      ({ config } = next);
    };
    life.onReload(reload);
    await serveControl(broker, reload, args, context, life);
    writePid(read, life);
    life.status(broker.listeners.map(({ address, port }) => (port > 0 ? `${address}:${port}` : address)).join(", "));
  });
}

async function readAndTell(args: DaemonArgs, context: Context): Promise<ReadConfig> {
  const read = await readConfig(args, context);
  for (const warning of read.warnings) context.log.warn(warning);
  context.log.debug("configuration", { from: read.from });
  return read;
}

/** By what peers of the mesh are known. @throws {MitsuError} when the file with the secret cannot be read or holds none. */
function meshAccess({ mesh }: BrokerConfig): MeshAccess {
  return {
    meshSecret: mesh?.secretFile === undefined ? undefined : Buffer.from(secretIn(mesh.secretFile)),
    meshNodes: mesh?.peers.map(({ node }) => node).filter((node) => node !== mesh.node) ?? [],
  };
}

function secretIn(path: string): string {
  const wrong = (why: string, cause?: unknown): MitsuError =>
    new MitsuError(`mqtt.mesh.secret-file: ${path} ${why}`, {
      code: "ERR_MQTT_CONFIG",
      exit: exitStatus.config,
      hint: "put the same long line at random on all nodes, readable for mqttnic alone (openssl rand -hex 32)",
      cause,
    });
  let secret: string;
  try {
    secret = readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw wrong(`cannot be read: ${(cause as NodeJS.ErrnoException).code}`, cause);
  }
  if (secret === "") throw wrong("is empty");
  return secret;
}

async function serveControl(
  broker: OpenedBroker,
  reload: () => Promise<void>,
  args: DaemonArgs,
  { socket, program, log }: Context,
  life: Life,
): Promise<void> {
  const metrics = exposeMetrics(
    await createMetrics("mqttnic"),
    () => broker.core.status(),
    broker.core.matching && (() => broker.core.matching!.status()),
  );
  if (args.metrics !== undefined) {
    const server = await serveMetrics({ listen: args.metrics, metrics, log });
    life.defer("metrics listener", () => server.close());
  }
  const listen = life.listenFds[0] ? { fd: life.listenFds[0].fd } : { path: socket };
  const all = handlers(broker, reload, () => metrics.text());
  const server = await serve({ listen, daemon: "mqttnic", version: program.version, protocol: mqttnic, log, handlers: all });
  life.defer("control socket", () => server.close());
}

function handlers({ core }: OpenedBroker, reload: () => Promise<void>, metrics: () => Promise<string>): Handlers<MqttnicProtocol> {
  return {
    status: async () => core.status(),
    clients: async ({ limit }) => ({ clients: [...take(core.clients(), limit)] }),
    subscriptions: async ({ clientId, limit }) => {
      const all = core.subscriptions();
      return { subscriptions: [...take(clientId === undefined ? all : only(all, (one) => one.clientId === clientId), limit)] };
    },
    retained: async ({ filter, limit, payloadBytes }) => ({
      messages: [...take(core.retainedMessages(filter), limit)].map((one) => ({ ...one, payload: one.payload.subarray(0, payloadBytes) })),
    }),
    disconnect: async ({ clientId }) => ({ done: core.disconnect(clientId) }),
    metrics: async () => ({ text: await metrics() }),
    reload: async () => {
      await reload();
      return {};
    },
  };
}

/** `pid_file`. */
function writePid({ pidFile }: ReadConfig, life: Life): void {
  if (pidFile === undefined) return;
  writeFileSync(pidFile, `${process.pid}\n`);
  life.defer("pid file", () => rmSync(pidFile, { force: true }));
}

function* take<T>(all: Iterable<T>, most: number): Generator<T> {
  let left = most;
  for (const one of all) {
    if (left-- <= 0) return;
    yield one;
  }
}

function* only<T>(all: Iterable<T>, fits: (one: T) => boolean): Generator<T> {
  for (const one of all) if (fits(one)) yield one;
}
