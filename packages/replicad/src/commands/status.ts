/** `replicad status`: whom the daemon hears, whom it tells, and what is wrong. @module */
import { type Context, formatDuration, type OutputStream, print, table } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import type { ReplicadNode, ReplicadSource, ReplicadStatus } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";
import { fittingTable } from "./fitting-table.ts";
import { ageText, counted, msText, percentText, plain } from "./quantity.ts";

/** `replicad status`; exit status 69 when the daemon is degraded, so that scripts notice. */
export async function run(_args: unknown, context: Context): Promise<number> {
  using client = await daemonClient(context);
  const answer = await client.call("status", {});
  print(context, answer, (value, out) => statusText(value, context.env.now(), out));
  return answer.degraded.length > 0 ? exitStatus.unavailable : exitStatus.ok;
}

function statusText(status: ReplicadStatus, nowMs: number, out: OutputStream): string {
  const { kernel, reports } = status;
  const byHand = status.overrides > 0 ? `, ${status.overrides} of them drained or weighted by hand` : "";
  const kernelWhy = kernel.why === null ? "" : ` (${plain(kernel.why)})`;
  return [
    `replicad ${status.version}, pid ${status.pid}, up ${formatDuration(Math.max(0, nowMs - status.startedAtMs) * 1e6)}, node ${plain(status.node)}`,
    `mesh ${plain(status.mesh)}: ${counted(status.services, "service")}, ${counted(status.replicas, "replica")}${byHand}`,
    ...brokerLines(status),
    `kernel scores: ${kernel.state}${kernelWhy}${kernel.state === "off" ? "" : `, ${counted(kernel.replicas, "replica")}, written ${counted(kernel.writes, "time")}`}`,
    `reports for nicd: ${counted(reports.rows, "replica")}, written ${counted(reports.writes, "time")}`,
    `selections: ${status.selections}, ${status.waiting} in flight; ${status.forgotten} never answered, ${counted(status.unknownTickets, "answer")} to none`,
    "",
    nodesText(status.nodes, out),
    sourcesText(status.sources, out).trimEnd(),
    ...status.degraded.map((why) => `DEGRADED: ${plain(why)}`),
    "",
  ].join("\n");
}

function brokerLines({ broker }: ReplicadStatus): string[] {
  if (broker.url === null) return ["broker: none, nodes do not hear each other"];
  const refused = Object.entries(broker.refused).filter(([, times]) => times > 0);
  return [
    `broker ${plain(broker.url)}: ${broker.state}, connected ${counted(broker.connects, "time")}, lost ${counted(broker.losses, "time")}`,
    `messages: ${broker.sent} sent, one every ${ageText(broker.intervalMs)}; ${broker.received} received`,
    ...(broker.dropped + broker.unsent > 0
      ? [`not sent: ${broker.dropped} as the broker took no more, ${broker.unsent} as it was away`]
      : []),
    ...(refused.length > 0 ? [`refused: ${refused.map(([reason, times]) => `${plain(reason)} ${times}`).join(", ")}`] : []),
  ];
}

function nodesText(nodes: readonly ReplicadNode[], out: OutputStream): string {
  if (nodes.length === 0) return "no node is heard\n";
  return fittingTable(
    nodes,
    [
      { header: "NODE", value: ({ name, here }) => (here ? `${name} (here)` : name) },
      { header: "AGE", value: ({ ageMs }) => ageText(ageMs), align: "right" },
      {
        header: "CLOCK [±ms]",
        value: ({ clockErrorMs, here }) => (here ? "" : msText(clockErrorMs)),
        align: "right",
        expendable: 2,
      },
      { header: "REPLICAS", value: ({ replicas }) => replicas },
      { header: "LOST", value: ({ lost }) => lost, expendable: 3 },
      { header: "TASKS/CPU", value: tasksPerCpu, align: "right", expendable: 1 },
      { header: "CONGESTION", value: ({ figures }) => congestion(figures) },
    ],
    out,
  );
}

function tasksPerCpu({ figures, cpus }: ReplicadNode): string {
  const tasks = figures.runQueue;
  return tasks === undefined || cpus === 0 ? "-" : (tasks / cpus).toFixed(2);
}

/** Names of the shares 0 to 1 that a node tells, as they are shown; see `nodeFigures` of `src/bus/node-state.ts`. */
const shares: readonly (readonly [figure: string, name: string])[] = [
  ["cpuSome", "cpu"],
  ["memorySome", "memory"],
  ["ioSome", "io"],
  ["throttled", "throttled"],
];
/** And of counts a second. */
const rates: readonly (readonly [figure: string, name: string])[] = [
  ["nicDrops", "NIC drops"],
  ["nicSqueezes", "softirqs squeezed"],
];

/** What is worth a word: shares of the time that something waited, from 1 % on. */
function congestion(figures: ReplicadNode["figures"]): string {
  const words = [
    ...shares.flatMap(([figure, name]) => ((figures[figure] ?? 0) >= 0.01 ? [`${name} ${percentText(figures[figure]!)} %`] : [])),
    ...((figures.memoryUsed ?? 0) >= 0.9 ? [`memory ${percentText(figures.memoryUsed!)} % full`] : []),
    ...rates.flatMap(([figure, name]) => ((figures[figure] ?? 0) >= 1 ? [`${name} ${figures[figure]!.toFixed(0)}/s`] : [])),
  ];
  return words.join(", ") || (Object.keys(figures).length === 0 ? "?" : "none");
}

function sourcesText(sources: readonly ReplicadSource[], out: OutputStream): string {
  if (sources.length === 0) return "";
  return table(
    sources,
    [
      { header: "SOURCE", value: ({ name }) => name },
      { header: "STATE", value: ({ state }) => state },
      { header: "PATH", value: ({ path }) => path },
      { header: "WHY", value: ({ why }) => why ?? "" },
    ],
    out,
  );
}
