/** What `placer plan` says on a terminal: what a plan is worth, how full nodes get, and each check. @module */
import { formatBytes, type OutputStream, type Paint, table } from "@mitsu/cli";
import type { Check, NodeUse, Plan, PlanReport } from "./plan.ts";
import { percent, significant } from "./quantity.ts";

const most = { nodes: 20, broken: 5, points: 12 } as const;
const plain: Paint = (_style, text) => text;
const printable = (text: string): string => text.replace(/\p{Cc}/gu, "�");

/**
 * A plan in a screenful, ending in a newline. Bars are shares of capacity.
 *
 * @param paint Plain unless told; see `painter` of `@mitsu/cli`.
 * @example
 * ```ts
 * env.stdout.write(formatPlan(plan, env.stdout, painter(env.stdout, env.vars)));
 * ```
 */
export function formatPlan(plan: Plan, out: OutputStream, paint: Paint = plain): string {
  const { report } = plan;
  const replicas = Object.keys(plan.assignment).length;
  const { moves, bytes } = plan.options.budget ?? { moves: null, bytes: null };
  const limits = [...(moves === null ? [] : [`${moves} moves`]), ...(bytes === null ? [] : [formatBytes(bytes)])].join(" and ");
  const facts: readonly (readonly [string, string])[] = [
    [
      "on-node traffic",
      `${paint("bold", percent(report.onNode))} of what it can save; ${percent(report.onNodeMessages)} of messages, ${percent(report.onNodeBytes)} of bytes`,
    ],
    [
      "messages cost",
      `${significant(report.messageCores)} cores; all on their nodes ${significant(report.messageCoresLocal)}, all between nodes ${significant(report.messageCoresRemote)}`,
    ],
    ["imbalance", `${percent(report.imbalance)} mean deviation from the cluster's utilisation`],
    ["objective", `${report.objective.toFixed(4)} at weight ${plan.options.weight}; ${proofText(report)}`],
    ["moves", `${report.moves} of ${replicas} replicas, ${formatBytes(report.moveBytes)}${limits && `; at most ${limits}`}`],
  ];
  const head = `${paint("bold", printable(plan.problem.name))}: ${replicas} replicas on ${report.nodes.length} nodes, by ${plan.strategy} in ${significant(plan.seconds, 2)} s`;
  const sections = [
    [head, ...facts.map(([name, text]) => `  ${paint("dim", name.padEnd(15))}  ${text}`)].join("\n"),
    nodesText(report.nodes, out, paint).trimEnd(),
    report.checks.map((check) => checkText(check, paint)).join("\n"),
    ...(plan.curve?.length ? [curveText(plan.curve, out).trimEnd()] : []),
    ...(plan.front?.length ? [frontText(plan.front, plan.options.weight, out).trimEnd()] : []),
    notesText(plan, paint),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

/** What is known of how near to the best a placement is: `the optimum, proven by highs`. */
function proofText({ proof, bound, gap, boundBy }: PlanReport): string {
  if (proof === "none" || bound === null || gap === null) return "no bound known";
  if (proof === "optimal") return `the optimum, proven by ${boundBy}`;
  return `no placement is below ${bound.toFixed(4)} (by ${boundBy}), gap ${percent(gap)}`;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A bar of `width` cells: full blocks, one in eighths, and dots for what is free. */
function bar(share: number, width: number): string {
  const steps = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const drawn = "█".repeat(Math.floor(steps / 8)) + eighths[steps % 8]!;
  return drawn + "·".repeat(width - drawn.length);
}

function nodesText(nodes: readonly NodeUse[], out: OutputStream, paint: Paint): string {
  const fullness = ({ utilisation }: NodeUse): number => Object.values(utilisation).reduce((one, other) => Math.max(one, other), 0);
  const sorted = nodes.length > most.nodes ? nodes.toSorted((a, b) => fullness(b) - fullness(a)) : nodes;
  const half = most.nodes / 2;
  const shown = nodes.length > most.nodes ? [...sorted.slice(0, half), ...sorted.slice(-half)] : sorted;
  const resources = Object.keys(nodes[0]?.utilisation ?? {});
  const names = shown.reduce((width, { node }) => Math.max(width, node.length), 4);
  const room = Math.floor((out.columns - names - 32) / Math.max(1, resources.length)) - 9;
  const width = Math.min(16, Math.max(4, room));
  const text = table(
    shown,
    [
      { header: "NODE", value: ({ node }) => node },
      { header: "REPLICAS", value: ({ replicas }) => replicas },
      ...resources.map((resource) => ({
        header: resource.toUpperCase(),
        value: ({ utilisation }: NodeUse) => `${bar(utilisation[resource] ?? 0, width)} ${percent(utilisation[resource] ?? 0).padStart(6)}`,
      })),
      { header: "MESSAGES [cores]", value: ({ messageCores }) => significant(messageCores, 3), align: "right" as const },
    ],
    out,
  );
  const lines = text
    .split("\n")
    .map((line) => line.replace(/[█▏▎▍▌▋▊▉]+·*/g, (drawn) => paint(drawn.includes("·") ? "green" : "yellow", drawn)));
  if (nodes.length > shown.length)
    lines.splice(half + 1, 0, paint("dim", `… ${nodes.length - shown.length} nodes between the fullest and the emptiest`));
  return lines.join("\n");
}

function checkText({ name, checked, broken }: Check, paint: Paint): string {
  const label = name.padEnd(14);
  if (broken.length === 0)
    return `${paint("green", "✓")} ${label}${checked === 0 ? paint("dim", "nothing asked") : `${checked} of ${checked}`}`;
  const wish = name === "wishes";
  const kept = wish ? `${Math.max(0, checked - broken.length)} of ${checked} kept` : `${broken.length} broken`;
  const shown = broken.slice(0, most.broken).map((text) => `    ${printable(text)}`);
  const rest = broken.length > shown.length ? [`    … and ${broken.length - shown.length} more`] : [];
  return [`${wish ? paint("yellow", "~") : paint("red", "✗")} ${label}${kept}`, ...shown, ...rest].join("\n");
}

/** At most so many of a row, evenly, with the first and the last. */
function thinned<T>(of: readonly T[]): readonly T[] {
  if (of.length <= most.points) return of;
  return Array.from({ length: most.points }, (_, at) => of[Math.round((at * (of.length - 1)) / (most.points - 1))]!);
}

function curveText(curve: NonNullable<Plan["curve"]>, out: OutputStream): string {
  return table(
    thinned(curve),
    [
      { header: "MOVES, AT MOST", value: ({ moves }) => moves },
      { header: "CARRYING", value: ({ bytes }) => formatBytes(bytes), align: "right" },
      { header: "ON-NODE TRAFFIC", value: ({ onNode }) => percent(onNode), align: "right" },
      { header: "OBJECTIVE", value: ({ objective }) => objective.toFixed(4), align: "right" },
    ],
    out,
  );
}

function frontText(front: NonNullable<Plan["front"]>, weight: number, out: OutputStream): string {
  return table(
    thinned(front),
    [
      { header: "WEIGHT", value: (point) => significant(point.weight, 3), align: "right" },
      { header: "ON-NODE TRAFFIC", value: ({ onNode }) => percent(onNode), align: "right" },
      { header: "IMBALANCE", value: ({ imbalance }) => percent(imbalance), align: "right" },
      { header: "OBJECTIVE", value: ({ objective }) => objective.toFixed(4), align: "right" },
      { header: "", value: (point) => (point.weight === weight ? "← this plan" : "") },
    ],
    out,
  );
}

function notesText({ cut, notes }: Plan, paint: Paint): string {
  const all = [...(cut ? ["the deadline cut the search short: another run may answer otherwise"] : []), ...notes];
  return all.map((note) => `${paint("dim", "note:")} ${printable(note)}`).join("\n");
}
