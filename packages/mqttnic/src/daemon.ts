/** The daemon, as a sentence: read, open, restore, listen, bridge, ready; and back. @module */
import { hostname } from "node:os";
import { type Context, type Life, runDaemon, serveMetrics } from "@mitsu/cli";
import { type Handlers, type MqttnicProtocol, mqttnic, serve } from "@mitsu/ipc";
import { readConfig } from "./config/read-config.ts";
import type { DaemonArgs } from "./daemon-args.ts";
import { type OpenedBroker, openBroker } from "./open-broker.ts";

/** Clients are told that it ends, and what waits for them goes out, for so long at most. */
const drainMs = 5000;

/** `mqttnic daemon`. */
export async function run(args: DaemonArgs, context: Context): Promise<number> {
  const { env, log, socket, program } = context;
  return runDaemon({ env, log, socket }, async (life) => {
    const { config, warnings, from } = await readConfig(args, context);
    for (const warning of warnings) log.warn(warning);
    log.info("configuration", { from });
    XX;
    const about = { version: program.version, pid: env.pid, startedAtMs: env.now(), node };
    const broker = await openBroker(config, { dataPlane: args.dataPlane, log, about });
    life.defer("broker", () => broker.close(drainMs));
    for (const { address, port } of broker.listeners) log.info("listening", { address, port });
    const reload = async (): Promise<void> => {
      const next = await readConfig(args, context);
      for (const warning of next.warnings) log.warn(warning);
      await broker.configure(next.config);
    };
    life.onReload(reload);
    await serveControl(broker, reload, context, life);
    life.status(broker.listeners.map(({ address, port }) => (port > 0 ? `${address}:${port}` : address)).join(", "));
  });
}

async function serveControl(broker: OpenedBroker, reload: () => Promise<void>, context: Context, life: Life): Promise<void> {
  const { socket, program, log } = context;
  const listen = life.listenFds[0] ? { fd: life.listenFds[0].fd } : { path: socket };
  const server = await serve({
    listen,
    daemon: "mqttnic",
    version: program.version,
    protocol: mqttnic,
    log,
    handlers: handlers(broker, reload),
  });
  life.defer("control socket", () => server.close());
}

function handlers({ core }: OpenedBroker, reload: () => Promise<void>): Handlers<MqttnicProtocol> {
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
    metrics: async () => ({ text: "" }),
    reload: async () => {
      await reload();
      return {};
    },
  };
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

void serveMetrics;
