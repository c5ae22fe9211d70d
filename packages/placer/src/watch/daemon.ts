/** The daemon, as a sentence: read, restore, watch, listen, ready; and back. @module */
import { type Context, createMetrics, type Life, runDaemon, serveMetrics } from "@mitsu/cli";
import { type Handlers, type PlacerProtocol, placer, serve } from "@mitsu/ipc";
import { exposeMetrics } from "../metrics.ts";
import { readProblem } from "../problem/read-problem.ts";
import { checkArgs, type DaemonArgs } from "./daemon-args.ts";
import { childPlanner } from "./planner.ts";
import { Watch } from "./watch.ts";

/** A plan in the background takes no longer. */
const deadlineS = 15;

/** `placer daemon`. */
export async function run(args: DaemonArgs, context: Context): Promise<number> {
  const { env, log, socket, program } = context;
  const options = checkArgs(args);
  return runDaemon({ env, log, socket }, async (life) => {
    const planner = childPlanner({ ...options, deadlineS });
    const watch = Watch.open(await readProblem(args.problem, context), { ...options, planner, version: program.version, env, log });
    life.defer("watch", () => watch.close());
    const reload = async (): Promise<void> => watch.configure(await readProblem(args.problem, context));
    life.onReload(reload);
    await serveControl(watch, reload, args, context, life);
    life.defer("readings", readAgainAndAgain(watch, options.intervalMs, life));
    const { problem } = watch.status();
    life.status(`${problem.services} services, ${problem.replicas} replicas, ${problem.nodes} nodes of ${problem.file}`);
  });
}

async function serveControl(watch: Watch, reload: () => Promise<void>, args: DaemonArgs, context: Context, life: Life): Promise<void> {
  const { socket, program, log } = context;
  const metrics = exposeMetrics(await createMetrics("placer"), () => watch.status());
  if (args.metrics !== undefined) {
    const server = await serveMetrics({ listen: args.metrics, metrics, log });
    life.defer("metrics listener", () => server.close());
  }
  const listen = life.listenFds[0] ? { fd: life.listenFds[0].fd } : { path: socket };
  const all = handlers(watch, reload, () => metrics.text());
  const server = await serve({ listen, daemon: "placer", version: program.version, protocol: placer, log, handlers: all });
  life.defer("control socket", () => server.close());
}

function handlers(watch: Watch, reload: () => Promise<void>, metrics: () => Promise<string>): Handlers<PlacerProtocol> {
  return {
    status: () => watch.status(),
    traffic: () => ({ edges: watch.traffic() }),
    proposal: () => watch.proposal(),
    metrics: async () => ({ text: await metrics() }),
    reload: async () => {
      await reload();
      return {};
    },
  };
}

/** One reading after another, each an interval after the one before began. @returns What ends them. */
function readAgainAndAgain(watch: Watch, intervalMs: number, life: Life): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const turn = async (): Promise<void> => {
    const beganMs = performance.now();
    await watch.tick();
    if (!ended) timer = setTimeout(begin, Math.max(0, intervalMs - (performance.now() - beganMs)));
  };
  let running = Promise.resolve();
  const begin = (): void => {
    running = turn().catch(life.fail);
  };
  begin();
  return async () => {
    ended = true;
    clearTimeout(timer);
    await running;
  };
}
