/** The daemon, as a sentence: check, read, open, listen, ready; and back. @module */
import { existsSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { type Catalog, formatChanges, formatProblem, watchCatalog } from "@mitsu/catalog";
import { type Context, type Life, runDaemon, serveMetrics } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Handlers, type NicdProtocol, nicd, serve } from "@mitsu/ipc";
import { checkShared, type DaemonArgs, readCatalog, workerOptions } from "./daemon-args.ts";
import { withRoutes } from "./explicit-routes.ts";
import type { Views } from "./worker-views.ts";

/** What answers, and how it reads its configuration again. */
interface Serving {
  readonly views: Views;
  readonly reload: () => Promise<void>;
}

/** `nicd daemon`. */
export async function run(args: DaemonArgs, context: Context): Promise<number> {
  if (!(Number.isInteger(args.workers) && args.workers >= 1 && args.workers <= 256)) {
    throw new MitsuError(`--workers ${args.workers}: a whole number from 1 to 256 is needed`, {
      code: "ERR_USAGE",
      exit: exitStatus.usage,
      hint: "as many as the cores that are to carry traffic",
    });
  }
  return await serveDaemon(
    context,
    (life) => (args.workers === 1 ? alone(args, context, life) : several(args, context, life)),
    args.metrics,
  );
}

/** `nicd worker`: one of several, told by its daemon, and ended with it. */
export async function runWorker(args: DaemonArgs, context: Context): Promise<number> {
  const over = new Error("the daemon of this worker ends");
  const open = (life: Life): Promise<Serving> => {
    // The daemon holds the other end: closed, it wants this to end, or has died. No signal, which may come besides: a second one would cut requests off.
    process.stdin.on("end", () => life.fail(over)).resume();
    (process.stdin as Partial<Pick<Socket, "unref">>).unref?.();
    return alone(args, context, life);
  };
  try {
    return await serveDaemon(context, open, undefined);
  } catch (error) {
    if (error !== over) throw error;
    return exitStatus.ok;
  }
}

function serveDaemon(context: Context, open: (life: Life) => Promise<Serving>, metricsAt: string | undefined): Promise<number> {
  const { env, log, socket, program } = context;
  return runDaemon({ env, log, socket }, async (life) => {
    const { views, reload } = await open(life);
    life.onReload(reload);
    if (metricsAt !== undefined) {
      const metrics = { text: views.metrics, contentType: "text/plain; version=0.0.4; charset=utf-8" };
      const server = await serveMetrics({ listen: metricsAt, metrics, log });
      await views.metrics(); // loads what the first scrape would wait for
      life.defer("metrics listener", () => server.close());
    }
    const listen = life.listenFds[0] ? { fd: life.listenFds[0].fd } : { path: socket };
    const server = await serve({
      listen,
      daemon: "nicd",
      version: program.version,
      protocol: nicd,
      log,
      handlers: handlers(views, reload),
    });
    life.defer("control socket", () => server.close());
    life.status((await views.status()).listening.map(({ address, port }) => `${address}:${port}`).join(", "));
  });
}

function handlers(views: Views, reload: () => Promise<void>): Handlers<NicdProtocol> {
  return {
    status: () => views.status(),
    routes: () => views.routes(),
    clusters: () => views.clusters(),
    requests: () => views.requests(),
    traces: (request) => views.traces(request),
    exchanges: (_request, { signal }) => views.exchanges(signal),
    metrics: async () => ({ text: await views.metrics() }),
    reload: async () => {
      await reload();
      return {};
    },
    pushFilter: (request) => views.pushFilter(request),
  };
}

/** The traffic passes this process. */
async function alone(args: DaemonArgs, context: Context, life: Life): Promise<Serving> {
  const { log, env, program, config } = context;
  const catalog = await readCatalog(args, context);
  const options = await workerOptions(args, catalog, context);
  if (options.certificates) life.defer("certificates", () => options.certificates?.[Symbol.dispose]());
  const [{ Worker }, { workerViews }] = await Promise.all([import("./worker.ts"), import("./worker-views.ts")]);
  const worker = await Worker.open(catalog, options);
  life.defer("data plane", () => worker.drain());
  const views = workerViews(worker, { version: program.version, pid: env.pid, startedAtMs: env.now(), node: options.node });
  if (existsSync(config)) {
    const apply = (next: Catalog): Promise<void> => worker.take(withRoutes(next, args.route, args.tracing === "on"));
    life.defer("catalog watch", await followCatalog(config, apply, context));
  }
  const reload = async (): Promise<void> => {
    // Each for itself: a file that is wrong keeps none of the others from being read.
    const done = await Promise.allSettled([
      worker.telemetry.accessLog?.reopen(),
      readCatalog(args, context).then((next) => worker.take(next)),
      options.certificates?.reload().then((fit) => {
        if (!fit) throw new MitsuError(options.certificates!.status().error!, { code: "ERR_CERT_BAD", exit: exitStatus.config });
      }),
    ]);
    const failed = done.filter((one) => one.status === "rejected");
    for (const { reason } of failed.slice(1)) log.error("reload failed", { error: reason });
    if (failed[0]) throw failed[0].reason;
  };
  return { views, reload };
}

/** Follows the mesh file; one that is wrong is told of, and changes nothing. @returns What ends it. */
async function followCatalog(config: string, apply: (next: Catalog) => Promise<void>, { log }: Context): Promise<() => void> {
  const wrong = (error: unknown): void => log.error("mesh.yaml is wrong; the old one stays", { error });
  const watch = await watchCatalog(
    config,
    (next, changes) => {
      const told = { changes: formatChanges(changes.slice(0, 20)).split("\n"), more: Math.max(0, changes.length - 20) };
      apply(next).then(() => log.info("mesh.yaml was read again", told), wrong);
    },
    wrong,
    { warn: (problem) => log.warn(formatProblem(problem)) },
  );
  return () => watch.close();
}

/** The traffic passes processes of its own, which share the listeners. */
async function several(args: DaemonArgs, context: Context, life: Life): Promise<Serving> {
  const { log, env, program, socket } = context;
  const catalog = await readCatalog(args, context); // a bad file is said once, here
  const options = await workerOptions(args, catalog, context);
  options.certificates?.[Symbol.dispose]();
  await checkShared(options);
  // Without the data plane, which is the workers' own.
  const [{ WorkerSet }, { mergedViews }] = await Promise.all([import("./worker-set.ts"), import("./merged-views.ts")]);
  const set = await WorkerSet.start({ count: args.workers, socket, args: argumentsOf(args, context), log, signal: life.signal });
  life.defer("workers", async () => {
    await set.end();
    for (let number = 0; number < args.workers; number++)
      for (const file of [`${socket}.${number}`, `${socket}.${number}.load`]) rmSync(file, { force: true });
  });
  const startedAtMs = env.now();
  const own = (): { version: string; pid: number; startedAtMs: number; node: string; degraded: readonly string[] } => ({
    version: program.version,
    pid: env.pid,
    startedAtMs,
    node: options.node,
    degraded: set.degraded,
  });
  const reload = async (): Promise<void> => {
    await readCatalog(args, context); // so that a bad one reaches no worker
    await set.reload();
  };
  return { views: mergedViews(() => set.clients, own), reload };
}

/** The same arguments for a worker. */
function argumentsOf(args: DaemonArgs, { config, globals }: Context): string[] {
  const flag = (name: string, value: string | number | undefined): string[] => (value === undefined ? [] : [`--${name}=${value}`]);
  return [
    ...flag("config", config),
    ...flag("log-level", globals.logLevel as string | undefined),
    ...args.listen.flatMap((one) => flag("listen", one)),
    ...args.route.flatMap((one) => flag("route", one)),
    ...flag("tracing", args.tracing),
    ...flag("sockhijack", args.sockhijack),
    ...flag("replicad", args.replicad),
    ...flag("channel", args.channel),
    ...flag("node", args.node),
    ...flag("certificates", args.certificates),
    ...flag("filters", args.filters),
    ...flag("link-listen", args.linkListen),
    ...flag("workers", args.workers),
    ...flag("otlp", args.otlp),
    ...flag("otlp-rate", args.otlpRate / args.workers),
    ...flag("access-log", args.accessLog),
    ...flag("access-log-share", args.accessLogShare),
  ];
}
