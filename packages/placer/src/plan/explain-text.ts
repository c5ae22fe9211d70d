/** An explanation as people read it. @module */
import { type Column, formatBytes, formatRate, type OutputStream, table } from "@mitsu/cli";
import type { Problem } from "../problem/problem.ts";
import type { ReplicaReason } from "./explain-reason.ts";
import type { Explanation, NodeOption, ReplicaTraffic } from "./explain-replica.ts";
import { costScale, hasUnit } from "./message-cost.ts";
import { percent, significant } from "./quantity.ts";

const mostNodes = 24;
const printable = (text: string): string => text.replace(/\p{Cc}/gu, "�");
const signed = (value: number, text: string): string => (value > 0 && text !== "0" && !/^[−-]/.test(text) ? `+${text}` : text);
/** A change of a share, in percentage points. */
const points = (share: number): string => (Math.abs(share) < 1e-10 ? "0" : signed(share, significant(share * 100, 3)));

/** The first sentence: where it is, why, and where from. */
function headline({ replica, service, node, present, reason, nodes }: Explanation): string {
  if (node === null) return `${replica} of ${service} is on no node in this plan${present === null ? "" : `; it runs on ${present} now`}`;
  const from = present === null ? "it runs nowhere now" : present === node ? "it runs there now" : `it runs on ${present} now`;
  const others = nodes.filter(({ verdict }) => verdict !== "here");
  const choice = {
    pinned: "it is pinned there",
    "only node": "no other node may run it",
    rule: "rules on what stands beside or apart decide",
    kept: "nothing draws it elsewhere",
    balance: "for balance: it says nothing to what is there",
    nowhere: "",
  }[reason as string];
  const equal = others.length > 0 && others.every(({ verdict }) => verdict === "equal") ? "; every other node would be equal" : "";
  return `${replica} of ${service} is on ${node}: ${choice ?? reason}${equal}; ${from}`;
}

/** One replica against every node, which fits 80 columns where names are short. */
export function explanationText(explanation: Explanation, problem: Problem, out: OutputStream): string {
  const { traffic, nodes, reserves, node } = explanation;
  const may = nodes.filter(({ verdict }) => verdict !== "forbidden");
  const mayNot = nodes.slice(may.length);
  const parts = [
    `${printable(headline(explanation))}\nreserves ${Object.entries(reserves)
      .map(([resource, amount]) => `${resource} ${amount}`)
      .join(", ")}`,
    traffic.length === 0 ? "it says nothing to other services" : trafficText(explanation, problem, out),
    ...(may.length > 0 ? [`what a move would change (pt: points of percent)\n${changesText(may, problem, out)}`] : []),
    ...(mayNot.length > 0 ? [`${node === null ? "it" : "where else it"} cannot be\n${forbiddenText(mayNot, out)}`] : []),
  ];
  if (nodes.some(({ verdict }) => verdict === "better"))
    parts.push("better: by the objective alone; a budget, the deadline or the strategy kept the plan from it");
  return `${parts.join("\n\n")}\n`;
}

function trafficText({ traffic, node }: Explanation, problem: Problem, out: OutputStream): string {
  const whole = problem.traffic.reduce((sum, { messagesPerSecond }) => sum + messagesPerSecond, 0);
  const amounts: Column<ReplicaTraffic>[] = hasUnit(problem)
    ? [
        { header: "MESSAGES", value: ({ messagesPerSecond }) => formatRate(messagesPerSecond), align: "right" },
        { header: "BYTES", value: ({ bytesPerSecond }) => `${formatBytes(Math.round(bytesPerSecond))}/s`, align: "right" },
      ]
    : [{ header: "OF ALL [%]", value: ({ messagesPerSecond }) => significant((messagesPerSecond / whole) * 100, 3), align: "right" }];
  return table(
    traffic,
    [
      { header: "TRAFFIC WITH", value: ({ service }) => service },
      ...amounts,
      { header: node === null ? "STAYS" : `STAYS ON ${node}`, value: ({ onNode }) => percent(onNode), align: "right" },
    ],
    out,
  ).trimEnd();
}

/** The first of many, and how many more there are. */
function shownOf(nodes: readonly NodeOption[]): { readonly shown: readonly NodeOption[]; readonly rest: string } {
  const left = nodes.length - mostNodes;
  return {
    shown: nodes.slice(0, mostNodes),
    rest: left > 0 ? `\n… and ${left} further ${left === 1 ? "node" : "nodes"}; --json has them all` : "",
  };
}

function changesText(nodes: readonly NodeOption[], problem: Problem, out: OutputStream): string {
  const { shown, rest } = shownOf(nodes);
  const figure =
    (of: (change: NonNullable<NodeOption["change"]>) => string) =>
    ({ change, verdict }: NodeOption): string =>
      change === null || verdict === "here" ? "" : of(change);
  const largest = shown.reduce((most, { change }) => Math.max(most, Math.abs(change?.messageCores ?? 0)), 0);
  const remote = problem.traffic.reduce(
    (sum, { from, to, messagesPerSecond, bytesPerSecond }) =>
      from === to ? sum : sum + messagesPerSecond * problem.costs.remote.message + bytesPerSecond * problem.costs.remote.byte,
    0,
  );
  const scale = costScale(problem, { largest, remote });
  const text = table(
    shown,
    [
      { header: "NODE", value: (option) => option.node },
      { header: "", value: ({ verdict }) => verdict },
      {
        header: "OBJECTIVE",
        value: figure(({ objective }) => signed(objective, Math.abs(objective) < 1e-10 ? "0" : significant(objective, 3))),
        align: "right",
      },
      { header: "ON-NODE [pt]", value: figure(({ onNode }) => points(onNode)), align: "right" },
      { header: "IMBALANCE [pt]", value: figure(({ imbalance }) => points(imbalance)), align: "right" },
      {
        header: `MESSAGES [${scale.unit === "%" ? "pt" : scale.unit}]`,
        value: figure(({ messageCores }) => signed(messageCores, scale.value(messageCores))),
        align: "right",
      },
    ],
    out,
  ).trimEnd();
  return text + rest;
}

function forbiddenText(nodes: readonly NodeOption[], out: OutputStream): string {
  const { shown, rest } = shownOf(nodes);
  return (
    table(
      shown,
      [
        { header: "NODE", value: (option) => option.node },
        { header: "WHY NOT", value: ({ why }) => why },
      ],
      // Cut, a reason would be none.
      { ...out, isTTY: false },
    ).trimEnd() + rest
  );
}

/** Every replica in one line. */
export function reasonsText(reasons: readonly ReplicaReason[], out: OutputStream): string {
  return table(
    reasons,
    [
      { header: "REPLICA", value: ({ replica }) => replica },
      { header: "NODE", value: ({ node }) => node ?? "-" },
      { header: "NOW", value: ({ present, node }) => (present === null ? "-" : present === node ? "there" : present) },
      { header: "REASON", value: ({ reason }) => reason },
    ],
    out,
  );
}
