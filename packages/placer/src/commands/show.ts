/** `status`, `proposal`, `traffic`, `metrics`, `reload`: what the daemon sees and proposes, for reading, and what it is told. @module */
import { type Context, formatBytes, formatDuration, type OutputStream, onSignals, print, table, watch } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { PlacerEdge, PlacerSource, PlacerStatus } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";
import { writeOutput } from "../files/output-file.ts";

const since = (ms: number): string => formatDuration(Math.max(0, ms) * 1e6);
const figure = (value: number | null): string => (value === null ? "-" : value.toFixed(3));
const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

function statusText(status: PlacerStatus, nowMs: number, out: OutputStream): string {
  const { problem, objective } = status;
  const forLong = since(nowMs - status.sinceMs);
  const state = {
    none: "nothing is proposed",
    holding: `a better plan is known for ${forLong}, which is not long enough yet`,
    proposed: `a plan is proposed for ${forLong} (placer proposal): the objective would fall by ${figure(status.proposalGain)}`,
  }[status.state];
  return [
    `placer ${status.version}, pid ${status.pid}, up ${since(nowMs - status.startedAtMs)}`,
    `${problem.file}: ${counted(problem.services, "service")}, ${counted(problem.replicas, "replica")}, ${counted(problem.nodes, "node")}`,
    `estimate: ${counted(status.edges, "pair")}, ${Math.round(status.messagesPerSecond)} messages/s, ${formatBytes(status.bytesPerSecond)}/s; ${status.warm ? "warm" : "not warm yet"}, ${status.estimateAgeMs === null ? "no reading yet" : `${since(status.estimateAgeMs)} old`}`,
    `objective: present ${figure(objective.present)}, last plan ${figure(objective.plan)}, proposal ${figure(objective.proposal)}`,
    `${state}${status.planning ? "; a plan is being made" : ""}`,
    `plans: ${status.plans} made, ${status.planFailures} failed, ${status.planningSeconds.toFixed(1)} s; proposals: ${status.proposed} made, ${status.replaced} replaced, ${status.withdrawn} withdrawn`,
    ...(status.unknown.length > 0
      ? [`left out, as the problem does not have them: ${status.unknown.join(", ").replace(/\p{Cc}/gu, "�")}`]
      : []),
    sourcesText(status.sources, nowMs, out).trimEnd(),
    ...status.degraded.map((why) => `DEGRADED: ${why}`),
    "",
  ].join("\n");
}

function sourcesText(sources: readonly PlacerSource[], nowMs: number, out: OutputStream): string {
  return table(
    sources,
    [
      { header: "SOCKHIJACK", value: ({ socket }) => socket },
      { header: "STATE", value: ({ state }) => state },
      { header: "READINGS", value: ({ readings }) => readings },
      { header: "COVERAGE [%]", value: ({ coverage }) => Math.round(100 * coverage) },
      { header: "LAST", value: ({ lastReadMs }) => (lastReadMs === null ? "never" : `${since(nowMs - lastReadMs)} ago`) },
    ],
    out,
  );
}

/** `placer status`; exit status 69 when the daemon is degraded, so that scripts notice. */
export async function status(_args: unknown, context: Context): Promise<number> {
  using client = await daemonClient(context);
  const answer = await client.call("status", {});
  print(context, answer, (value, out) => statusText(value, context.env.now(), out));
  return answer.degraded.length > 0 ? exitStatus.unavailable : exitStatus.ok;
}

/** `placer proposal`. @throws {MitsuError} `ERR_NO_PROPOSAL`, status 75, with the reason, so that what follows after `&&` is not done. */
export async function proposal({ output }: { readonly output: string }, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { plan, why } = await client.call("proposal", {});
  if (plan === null) {
    throw new MitsuError(`nothing is proposed: ${why}`, { code: "ERR_NO_PROPOSAL", exit: exitStatus.temporary, hint: "see placer status" });
  }
  await writeOutput(output, plan, context.env);
  if (output !== "-") print(context, { output, why }, (value) => `${value.output}: ${value.why}\n`);
}

function trafficText(edges: readonly PlacerEdge[], out: OutputStream): string {
  if (edges.length === 0) return "no service of the problem talks to another, as far as is known\n";
  return table(
    edges,
    [
      { header: "FROM", value: ({ from }) => from },
      { header: "TO", value: ({ to }) => to },
      { header: "MESSAGES/S", value: ({ messagesPerSecond }) => perSecond(messagesPerSecond), align: "right" },
      { header: "BYTES/S", value: ({ bytesPerSecond }) => perSecond(bytesPerSecond), align: "right" },
    ],
    out,
  );
}

const perSecond = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));

/** `placer traffic`. */
export async function traffic(args: { readonly watch: boolean; readonly intervalMs: number }, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const read = async (): Promise<readonly PlacerEdge[]> => (await client.call("traffic", {})).edges;
  if (!args.watch) return print(context, { edges: await read() }, (value, out) => trafficText(value.edges, out));
  using signals = onSignals(context.env);
  await watch(context.env, async () => trafficText(await read(), context.env.stdout), {
    intervalMs: args.intervalMs,
    signal: signals.signal,
  });
}

/** `placer metrics`. */
export async function metrics(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { text } = await client.call("metrics", {});
  print(context, { text }, (value) => value.text);
}

/** `placer reload`. */
export async function reload(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  await client.call("reload", {}, { timeoutMs: 30_000 });
  print(context, { reloaded: true }, () => "the problem was read again\n");
}
