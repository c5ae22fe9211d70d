/** What `placer plan` says on a terminal: what a plan is worth, how full nodes get, and each check. @module */
import { displayWidth, formatBytes, type OutputStream, type Paint, table } from "@mitsu/cli";
import type { Problem } from "../problem/problem.ts";
import { costScale } from "./message-cost.ts";
import type { Check, FrontPoint, GainPoint, NodeUse, Plan, PlanReport } from "./plan.ts";
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
 * env.stdout.write(formatPlan(plan, problem, env.stdout, painter(env.stdout, env.vars)));
 * ```
 */
export function formatPlan(plan: Plan, problem: Problem, out: OutputStream, paint: Paint = plain): string {
  const { report } = plan;
  const replicas = Object.keys(plan.assignment).length;
  const facts: readonly (readonly [string, string])[] = [
    [
      "on-node traffic",
      `${paint("bold", percent(report.onNode))} of what it can save; ${percent(report.onNodeMessages)} of messages, ${percent(report.onNodeBytes)} of bytes`,
    ],
    ["messages cost", costText(report, problem)],
    ["imbalance", `${percent(report.imbalance)} mean deviation from the cluster's utilisation`],
    ["objective", `${report.objective.toFixed(4)} at weight ${plan.options.weight}`],
    ["best possible", boundText(plan, problem)],
    ["moves", movesText(plan, problem)],
  ];
  const head = `${paint("bold", printable(plan.problem.name || "plan"))}: ${replicas} replicas on ${report.nodes.length} nodes, by ${plan.strategy} in ${significant(plan.seconds, 2)} s`;
  const sections = [
    [head, ...facts.map(([name, text]) => `  ${paint("dim", name.padEnd(15))}  ${text}`)].join("\n"),
    nodesText(plan, problem, out, paint).trimEnd(),
    report.checks.map((check) => checkText(check, paint)).join("\n"),
    ...(plan.curve?.length ? [curveText(plan.curve, problem, out).trimEnd()] : []),
    ...(plan.front?.length ? [frontText(plan.front, plan, out).trimEnd()] : []),
    plan.notes.map((note) => `${paint("dim", "note:")} ${printable(note)}`).join("\n"),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

function costText({ messageCores, messageCoresLocal, messageCoresRemote }: PlanReport, problem: Problem): string {
  if (messageCoresRemote === 0) return "nothing: there is no traffic between services";
  const { unit, value, text } = costScale(problem, { largest: messageCoresRemote, remote: messageCoresRemote });
  if (unit === "%") return `${text(messageCores)} of what they would if all crossed nodes, ${text(messageCoresLocal)} if none did`;
  return `${text(messageCores)}; ${value(messageCoresLocal)} if all stayed on nodes, ${value(messageCoresRemote)} if none did`;
}

/** So small (services × nodes) that `exact` has a proof in seconds. */
const provable = 150;
/** A bound below this share of the objective says nothing: the gap is the bound's fault, not the plan's. */
const usefulBound = 0.1;

/** What is known of how near to the best a placement is. */
function boundText({ report: { objective, proof, bound, gap, boundBy } }: Plan, { services, nodes }: Problem): string {
  const by = boundBy === "highs" ? "HiGHS" : boundBy;
  if (proof === "optimal") return `this is the optimum, proven by ${by}`;
  const hint = boundBy !== "highs" && services.length * nodes.length <= provable ? "; --strategy exact finds it out" : "";
  if (proof === "none" || bound === null || gap === null || bound < usefulBound * objective) return `not known${hint}`;
  if (boundBy === "highs") return `${bound.toFixed(4)} or more, by ${by}: a gap of ${percent(gap)}`;
  return `${bound.toFixed(4)} or more, a rough bound${hint}`;
}

function movesText({ report, assignment, options }: Plan, { services, assignment: present }: Problem): string {
  const replicas = Object.keys(assignment).length;
  const running = Object.keys(present).length;
  if (running === 0) return `none: nothing runs yet, all ${replicas} start`;
  const starting = Object.keys(assignment).filter((replica) => !Object.hasOwn(present, replica)).length;
  const sized = services.some(({ moveBytes }) => moveBytes > 0);
  const { moves, bytes } = options.budget ?? { moves: null, bytes: null };
  const limits = [...(moves === null ? [] : [String(moves)]), ...(bytes === null ? [] : [formatBytes(bytes)])].join(" and ");
  return [
    `${report.moves} of ${running} replicas${starting > 0 ? " that run" : ""}`,
    sized ? `, ${formatBytes(report.moveBytes)}` : "",
    limits && `; at most ${limits}`,
    starting > 0 ? `; ${starting} ${starting === 1 ? "starts" : "start"}` : "",
  ].join("");
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A bar of `width` cells: full blocks, one in eighths, and dots for what is free. */
function bar(share: number, width: number): string {
  const steps = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const drawn = "█".repeat(Math.floor(steps / 8)) + eighths[steps % 8]!;
  return drawn + "·".repeat(width - drawn.length);
}

function nodesText({ report: { nodes, messageCoresRemote: remote } }: Plan, problem: Problem, out: OutputStream, paint: Paint): string {
  const fullness = ({ utilisation }: NodeUse): number => Object.values(utilisation).reduce((one, other) => Math.max(one, other), 0);
  const sorted = nodes.length > most.nodes ? nodes.toSorted((a, b) => fullness(b) - fullness(a)) : nodes;
  const half = most.nodes / 2;
  const shown = nodes.length > most.nodes ? [...sorted.slice(0, half), ...sorted.slice(-half)] : sorted;
  const resources = Object.keys(nodes[0]?.utilisation ?? {});
  const names = shown.reduce((width, { node }) => Math.max(width, displayWidth(node)), 4);
  const scale = costScale(problem, { largest: shown.reduce((all, { messageCores }) => Math.max(all, messageCores), 0), remote });
  const cost = `MESSAGES [${scale.unit}]`;
  const room = Math.floor((out.columns - names - cost.length - 12) / Math.max(1, resources.length)) - 9;
  // Where bars do not fit, figures do.
  const width = room < 4 ? 0 : Math.min(16, room);
  const used = (share: number): string => `${width > 0 ? `${bar(share, width)} ` : ""}${percent(share).padStart(6)}`;
  const text = table(
    shown,
    [
      { header: "NODE", value: ({ node }) => node },
      { header: "REPLICAS", value: ({ replicas }) => replicas },
      ...resources.map((resource) => ({
        header: resource.toUpperCase(),
        value: ({ utilisation }: NodeUse) => used(utilisation[resource] ?? 0),
        align: width > 0 ? ("left" as const) : ("right" as const),
      })),
      ...(remote === 0 ? [] : [{ header: cost, value: ({ messageCores }: NodeUse) => scale.value(messageCores), align: "right" as const }]),
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

function curveText(curve: NonNullable<Plan["curve"]>, { services }: Problem, out: OutputStream): string {
  const sized = services.some(({ moveBytes }) => moveBytes > 0);
  return table(
    thinned(curve),
    [
      { header: "MOVES, AT MOST", value: ({ moves }) => moves },
      ...(sized ? [{ header: "CARRYING", value: ({ bytes }: GainPoint) => formatBytes(bytes), align: "right" as const }] : []),
      { header: "ON-NODE TRAFFIC", value: ({ onNode }) => percent(onNode), align: "right" },
      { header: "OBJECTIVE", value: ({ objective }) => objective.toFixed(4), align: "right" },
    ],
    out,
  );
}

function frontText(front: NonNullable<Plan["front"]>, { options: { weight }, report }: Plan, out: OutputStream): string {
  const near = (one: number, other: number): boolean => Math.abs(one - other) < 1e-9;
  // A weight between two of the front's often has the plan of one of them.
  const isThis = (point: FrontPoint): boolean =>
    point.weight === weight || (near(point.onNode, report.onNode) && near(point.imbalance, report.imbalance));
  return table(
    thinned(front),
    [
      { header: "WEIGHT", value: (point) => significant(point.weight, 3), align: "right" },
      { header: "ON-NODE TRAFFIC", value: ({ onNode }) => percent(onNode), align: "right" },
      { header: "IMBALANCE", value: ({ imbalance }) => percent(imbalance), align: "right" },
      { header: "OBJECTIVE", value: ({ objective }) => objective.toFixed(4), align: "right" },
      { header: "", value: (point) => (isThis(point) ? "← this plan" : "") },
    ],
    out,
  );
}
