/** `sockhijack graph`: the live service graph as text, DOT or SVG. @module */
import { setTimeout as sleep } from "node:timers/promises";
import { type Context, json as jsonText, onSignals, painter, watch } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { daemonClient } from "../client.ts";
import { graphDot } from "../graph/dot.ts";
import { type Edge, edgesOf } from "../graph/edges.ts";
import { graphSvg } from "../graph/svg.ts";
import { graphText } from "../graph/text.ts";

/** Arguments of `graph`. */
export interface GraphArgs {
  readonly format: "text" | "dot" | "svg";
  readonly seconds: number;
  readonly watch: boolean;
}

const usage = { code: "ERR_USAGE", exit: exitStatus.usage } as const;

/** `sockhijack graph`. */
export async function run(args: GraphArgs, { env, json, socket }: Context): Promise<void> {
  if (!(args.seconds > 0 && args.seconds <= 3600)) {
    const why = `--seconds ${args.seconds}: rates are taken over more than 0 and at most 3600 s`;
    throw new MitsuError(why, { ...usage, hint: "leave it out for 1 s" });
  }
  if (args.watch && (json || args.format !== "text")) {
    const why = `--watch draws text, not ${json ? "JSON" : args.format}`;
    throw new MitsuError(why, { ...usage, hint: "leave out --watch, and call again for the next picture" });
  }
  using client = await daemonClient({ socket });
  const read = async () => ({ cells: (await client.call("matrix", {})).cells, atMs: performance.now() });
  let last = await read();
  /** What passed since the call before. */
  const edges = async (): Promise<Edge[]> => {
    const before = last;
    last = await read();
    return edgesOf(before.cells, last.cells, (last.atMs - before.atMs) / 1000);
  };
  const text = (seen: readonly Edge[]): string => graphText(seen, env.stdout, painter(env.stdout, env.vars));
  const intervalMs = args.seconds * 1000;
  await sleep(intervalMs);
  if (args.watch) {
    using signals = onSignals(env);
    return await watch(env, async () => text(await edges()), { intervalMs, signal: signals.signal });
  }
  const seen = await edges();
  if (json) env.stdout.write(jsonText({ seconds: args.seconds, edges: seen }));
  else if (args.format === "svg") env.stdout.write(await graphSvg(seen));
  else env.stdout.write(args.format === "dot" ? graphDot(seen) : text(seen));
}
