/** An explanation as people read it. @module */
import { formatBytes, formatRate, type OutputStream, table } from "@mitsu/cli";
import type { ReplicaReason } from "./explain-reason.ts";
import type { Explanation, NodeOption } from "./explain-replica.ts";
import { percent, significant } from "./quantity.ts";

const mostNodes = 24;
const printable = (text: string): string => text.replace(/\p{Cc}/gu, "�");
const signed = (value: number, text: string): string => (value > 0 && !/^[−-]/.test(text) ? `+${text}` : text);
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

/** One replica against every node. */
export function explanationText(explanation: Explanation, out: OutputStream): string {
  const { traffic, nodes, reserves, node } = explanation;
  const parts = [
    `${printable(headline(explanation))}\nreserves ${Object.entries(reserves)
      .map(([resource, amount]) => `${resource} ${amount}`)
      .join(", ")}`,
  ];
  parts.push(
    traffic.length === 0
      ? "it says nothing to other services"
      : table(
          traffic,
          [
            { header: "TRAFFIC WITH", value: ({ service }) => service },
            { header: "MESSAGES", value: ({ messagesPerSecond }) => formatRate(messagesPerSecond), align: "right" },
            { header: "BYTES", value: ({ bytesPerSecond }) => `${formatBytes(Math.round(bytesPerSecond))}/s`, align: "right" },
            { header: node === null ? "STAYS" : `STAYS ON ${node}`, value: ({ onNode }) => percent(onNode), align: "right" },
          ],
          out,
        ).trimEnd(),
  );
  const shown = nodes.slice(0, mostNodes);
  const rest = nodes.length > shown.length ? `\n… and ${nodes.length - shown.length} further nodes; --json has them all` : "";
  const figure =
    (of: (change: NonNullable<NodeOption["change"]>) => string) =>
    ({ change, verdict }: NodeOption): string =>
      change === null || verdict === "here" ? "" : of(change);
  parts.push(
    table(
      shown,
      [
        { header: "NODE", value: (option) => option.node },
        {
          header: "Δ OBJECTIVE",
          value: figure(({ objective }) => signed(objective, Math.abs(objective) < 1e-10 ? "0" : significant(objective, 3))),
          align: "right",
        },
        { header: "Δ ON-NODE [points]", value: figure(({ onNode }) => points(onNode)), align: "right" },
        { header: "Δ IMBALANCE [points]", value: figure(({ imbalance }) => points(imbalance)), align: "right" },
        {
          header: "Δ MESSAGES [cores]",
          value: figure(({ messageCores }) => signed(messageCores, significant(messageCores, 3))),
          align: "right",
        },
        { header: "", value: ({ verdict, why }) => (verdict === "forbidden" ? why : verdict) },
      ],
      out,
    ).trimEnd() + rest,
  );
  if (nodes.some(({ verdict }) => verdict === "better"))
    parts.push("better: by the objective alone; a budget, the deadline or the strategy kept the plan from it");
  return `${parts.join("\n\n")}\n`;
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
