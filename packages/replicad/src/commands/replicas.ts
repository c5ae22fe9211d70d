/** `replicad replicas`: every replica of the mesh, how busy it is, and how old that news is. @module */
import { type Context, type OutputStream, onSignals, type Paint, painter, print, watch } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { ReplicadReplica, ReplicaStanding } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";
import { fittingTable } from "./fitting-table.ts";
import { ageText, msText, nodeText, numberText, percentText, standingText } from "./quantity.ts";
import { checkService } from "./service-argument.ts";

/** Arguments of `replicas`. */
export interface ReplicasArgs {
  readonly service: string | undefined;
  readonly watch: boolean;
  readonly intervalMs: number;
  readonly sort: "service" | "in-flight" | "latency" | "age";
}

/** `replicad replicas`. @throws {MitsuError} `ERR_USAGE`; the daemon's `ERR_NO_SERVICE` */
export async function run(args: ReplicasArgs, context: Context): Promise<void> {
  const { service } = args;
  const { env, json } = context;
  if (service !== undefined) checkService(service);
  const usage = { code: "ERR_USAGE", exit: exitStatus.usage };
  if (args.watch && json)
    throw new MitsuError("--watch draws a table, not JSON", { ...usage, hint: "leave out --watch, and call again for the next" });
  if (!(args.intervalMs >= 1 && args.intervalMs <= 3_600_000))
    throw new MitsuError(`--interval-ms ${args.intervalMs}: give a number from 1 to 3600000`, { ...usage, hint: "500 is half a second" });
  using client = await daemonClient(context);
  const read = async (): Promise<readonly ReplicadReplica[]> =>
    (await client.call("replicas", service === undefined ? {} : { service })).replicas.toSorted(orders[args.sort]);
  const text = (all: readonly ReplicadReplica[], out: OutputStream): string =>
    all.length > 0
      ? replicasText(all, out, painter(out, env.vars))
      : `no replicas: ${service === undefined ? "no service of the mesh file has one" : `${service} has none`}\n`;
  if (!args.watch) return print(context, { replicas: await read() }, (value, out) => text(value.replicas, out));
  using signals = onSignals(env);
  await watch(env, async () => text(await read(), env.stdout), { intervalMs: args.intervalMs, signal: signals.signal });
}

/** The largest first, what is not known last. */
const largest = (of: (one: ReplicadReplica) => number | null) => (a: ReplicadReplica, b: ReplicadReplica) =>
  (of(b) ?? -1) - (of(a) ?? -1) || byService(a, b);
const byService = (a: ReplicadReplica, b: ReplicadReplica): number =>
  compare(a.service, b.service) || a.port - b.port || compare(a.replica, b.replica);
/** `10.0.0.9` before `10.0.0.10`. */
const { compare } = new Intl.Collator("en", { numeric: true });
const orders: Readonly<Record<ReplicasArgs["sort"], (a: ReplicadReplica, b: ReplicadReplica) => number>> = {
  service: byService,
  "in-flight": largest(({ inFlight }) => inFlight),
  latency: largest(({ latencyMs }) => latencyMs),
  age: largest(({ ageMs }) => ageMs),
};

function replicasText(replicas: readonly ReplicadReplica[], out: OutputStream, paint: Paint): string {
  const byHand = replicas.some(({ overridden }) => overridden);
  const text = fittingTable(
    replicas,
    [
      { header: "SERVICE", value: ({ service, port }) => `${service}:${port}` },
      { header: "REPLICA", value: ({ replica }) => replica },
      { header: "STANDING", value: standingText },
      { header: "NODE", value: nodeText },
      {
        header: byHand ? "WEIGHT " : "WEIGHT",
        value: ({ weight, overridden }) => `${numberText(weight)}${overridden ? "*" : byHand ? " " : ""}`,
        align: "right",
      },
      { header: "IN FLIGHT", value: ({ inFlight }) => numberText(inFlight), align: "right" },
      { header: "WORK [ms]", value: ({ serviceMs }) => msText(serviceMs), align: "right", expendable: 1 },
      { header: "LATENCY [ms]", value: ({ latencyMs }) => msText(latencyMs), align: "right", expendable: 2 },
      { header: "FAILED [%]", value: ({ failures }) => percentText(failures), align: "right", expendable: 3 },
      { header: "AGE", value: ({ ageMs }) => ageText(ageMs), align: "right" },
    ],
    out,
  );
  const painted = text.split("\n").map((line, at) => (at === 0 ? line : paintStanding(line, replicas[at - 1], paint)));
  return `${painted.join("\n")}${byHand ? "* by hand: replicad set-weight\n" : ""}`;
}

const styles: Readonly<Partial<Record<ReplicaStanding, Parameters<Paint>[0]>>> = {
  healthy: "green",
  "slow-start": "yellow",
  ejected: "red",
  dead: "red",
  draining: "dim",
};

/** Paints what stands after the replica's key; the table itself may have cut the line before it. */
function paintStanding(line: string, replica: ReplicadReplica | undefined, paint: Paint): string {
  const style = replica && styles[replica.standing];
  if (!style) return line;
  const word = standingText(replica);
  const at = line.indexOf(word, line.indexOf(replica.replica) + replica.replica.length);
  return at < 0 ? line : `${line.slice(0, at)}${paint(style, word)}${line.slice(at + word.length)}`;
}
