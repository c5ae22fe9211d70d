/** The daemon, as a sentence: check, read, open, listen, ready; and back. @module */
import { existsSync } from "node:fs";
import { type Catalog, formatChanges, formatProblem, loadCatalog, watchCatalog } from "@mitsu/catalog";
import { type Context, createMetrics, type Life, runDaemon, serveMetrics } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { type Handlers, type ReplicadProtocol, replicad, serve } from "@mitsu/ipc";
import { clockMs } from "@mitsu/replica-table";
import { checkArgs, type DaemonArgs } from "./daemon-args.ts";
import { LocalNode } from "./local-node.ts";
import { exposeMetrics } from "./metrics.ts";
import { explain } from "./select/explain.ts";
import { statusView } from "./views.ts";

/** `replicad daemon`. */
export async function run(args: DaemonArgs, context: Context): Promise<number> {
  const { env, log, socket } = context;
  const options = checkArgs(args);
  return runDaemon({ env, log, socket }, async (life) => {
    const catalog = await readCatalog(context);
    const node = await LocalNode.open({ ...options, catalog, reportsPath: `${socket}.reports`, log });
    life.defer("node", () => node.close());
    life.defer("catalog watch", await followCatalog(node, context));
    const reload = async (): Promise<void> => node.configure(await readCatalog(context));
    life.onReload(reload);
    await serveControl(node, reload, args, context, life);
    life.status(`node ${options.node}: ${catalog.services.length} services; broker ${options.broker?.url ?? "none"}`);
  });
}

async function readCatalog({ config, log }: Context): Promise<Catalog> {
  return loadCatalog(config, { warn: (problem) => log.warn(formatProblem(problem)) });
}

/** Follows the mesh file; one that is wrong is told of, and changes nothing. @returns What ends it. */
async function followCatalog(node: LocalNode, { config, log }: Context): Promise<() => void> {
  if (!existsSync(config)) return () => {};
  const wrong = (error: unknown): void => log.error("mesh.yaml is wrong; the old one stays", { error });
  const watch = await watchCatalog(
    config,
    (next, changes) => {
      node.configure(next);
      const shown = formatChanges(changes.slice(0, 20)).split("\n");
      log.info("mesh.yaml was read again", { changes: shown, more: Math.max(0, changes.length - 20) });
    },
    wrong,
    { warn: (problem) => log.warn(formatProblem(problem)) },
  );
  return () => watch.close();
}

async function serveControl(node: LocalNode, reload: () => Promise<void>, args: DaemonArgs, context: Context, life: Life): Promise<void> {
  const { socket, program, log, env } = context;
  const fixed = { version: program.version, pid: env.pid, startedAtMs: env.now() };
  const status = (): ReturnType<typeof statusView> => statusView(node, fixed);
  const metrics = exposeMetrics(await createMetrics("replicad"), status, () => node.replicas());
  if (args.metrics !== undefined) {
    const server = await serveMetrics({ listen: args.metrics, metrics, log });
    life.defer("metrics listener", () => server.close());
  }
  const handlers: Handlers<ReplicadProtocol> = {
    ...selecting(node),
    status,
    replicas: ({ service }) => ({ replicas: node.replicas(service) }),
    explain: (request) => explain(node.selection(request), request.stickyKey ?? null, clockMs()),
    override: (request) => node.override(request),
    metrics: async () => ({ text: await metrics.text() }),
    reload: async () => {
      await reload();
      return {};
    },
  };
  const listen = life.listenFds[0] ? { fd: life.listenFds[0].fd } : { path: socket };
  const server = await serve({ listen, daemon: "replicad", version: program.version, protocol: replicad, log, handlers });
  life.defer("control socket", () => server.close());
}

function selecting(node: LocalNode): Pick<Handlers<ReplicadProtocol>, "select" | "answered"> {
  return {
    select: (request) => {
      const nowMs = clockMs();
      const selection = node.selection(request);
      const choice = selection.select(request.stickyKey ?? null, nowMs);
      if (choice === null) {
        throw new MitsuError(`${request.service} has no replica that takes requests`, {
          code: "ERR_NO_REPLICA",
          exit: exitStatus.unavailable,
          hint: `see replicad explain ${request.service}`,
        });
      }
      const { address, target, node: on, here } = choice.replica;
      return { ticket: node.tickets.begin(selection, choice, nowMs), address, port: target, node: on, here };
    },
    answered: ({ ticket, latencyMs, outcome }) => {
      if (!node.tickets.end(ticket, clockMs(), latencyMs, outcome)) {
        throw new MitsuError(`there is no selection ${ticket} that waits for an answer`, {
          code: "ERR_NO_TICKET",
          exit: exitStatus.usage,
          hint: "each is answered once, within a minute",
        });
      }
      return {};
    },
  };
}
