/** A plan as one picture: before beside after. @module */
import { formatBytes } from "@mitsu/cli";
import { keepsRules } from "../plan/check-plan.ts";
import { costScale } from "../plan/message-cost.ts";
import type { Plan } from "../plan/plan.ts";
import { percent } from "../plan/quantity.ts";
import type { Problem } from "../problem/problem.ts";
import { rowsOf } from "./box-layout.ts";
import { drawBoxes, rateText } from "./box-svg.ts";
import { shareBar } from "./node-bars.ts";
import { css, stepCount } from "./palette.ts";
import { type Panel, type Scene, sceneOf } from "./scene.ts";
import { counted, escaped, fitted, fixed, textWidth } from "./svg-text.ts";
import { drawPairs, drawTiles } from "./tile-svg.ts";

const page = { margin: 28, gap: 36, top: 128, head: 46 } as const;
/** Above so many rows or nodes a picture of boxes is no longer looked at; tiles take its place. */
const boxesUpTo = { rows: 130, nodes: 24 } as const;

/**
 * Draws a plan as SVG on a ground of its own, light or dark as the viewer's setting is. Up to some dozen nodes are boxes with their services and the traffic
 * between them; more are tiles.
 *
 * @example
 * ```ts
 * await writeOutput("plan.svg", drawPlan(problem, plan), env);
 * ```
 */
export function drawPlan(problem: Problem, plan: Plan): string {
  return drawScene(sceneOf(problem, plan));
}

/** Draws what {@link sceneOf} put together. */
export function drawScene(scene: Scene): string {
  const few = scene.problem.nodes.length <= boxesUpTo.nodes && rowsOf(scene) <= boxesUpTo.rows;
  const boxed = few ? drawBoxes(scene) : undefined;
  const drawn = boxed ?? drawTiles(scene);
  const width = Math.max(760, 2 * page.margin + scene.panels.length * drawn.width + (scene.panels.length - 1) * page.gap);
  const top = page.top + page.head;
  const pairs = few ? { svg: "", height: 0 } : drawPairs(scene, width - 2 * page.margin);
  const notes = notesOf(scene, boxed?.leftOut ?? []);
  const below = top + drawn.height + 26;
  const height = below + pairs.height + (pairs.height > 0 ? 16 : 0) + notes.length * 16 + 12;
  const title = titleOf(scene);
  const facts = factsOf(scene);
  const line = (text: string, y: number): string =>
    `<text class="soft" x="${page.margin}" y="${fixed(y)}">${escaped(fitted(text, width - 2 * page.margin, 11))}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(title)}</title>
<desc id="desc">${escaped(`${facts}. ${notes.join(". ")}`)}</desc>
<style>${css}</style>
<rect class="ground" width="${width}" height="${height}"/>
<text class="title" x="${page.margin}" y="38">${escaped(fitted(title, width - 2 * page.margin, 19))}</text>
${line(facts, 60)}
<g transform="translate(${page.margin} 84)">${boxed ? boxLegend(scene, boxed.strongest) : tileLegend(scene, "bars" in drawn && drawn.bars)}</g>
${scene.panels
  .map((panel, at) => {
    const x = page.margin + at * (drawn.width + page.gap);
    return `<g class="panel" data-p="${at}">${panelHead(panel, scene.problem, x, drawn.width)}<g transform="translate(${x} ${top})">\n${drawn.panels[at]}\n</g></g>`;
  })
  .join("\n")}
<g transform="translate(${page.margin} ${fixed(below)})">${pairs.svg}</g>
${notes.map((note, at) => line(note, below + pairs.height + (pairs.height > 0 ? 16 : 0) + at * 16)).join("\n")}
</svg>
`;
}

function titleOf({ problem, panels }: Scene): string {
  const [before, after] = panels.length > 1 ? [panels[0], panels[1]!] : [undefined, panels[0]!];
  const was = before ? `, ${percent(before.report.onNode)} now` : "";
  return `${problem.name || "Plan"}: ${percent(after.report.onNode)} of traffic stays on its node${was}`;
}

function factsOf({ problem, plan, panels }: Scene): string {
  const { report } = panels.at(-1)!;
  const replicas = problem.services.reduce((sum, service) => sum + service.replicas.length, 0);
  const carried = report.moveBytes > 0 ? ` (${formatBytes(report.moveBytes)})` : "";
  const moves = panels.length > 1 ? `, ${counted(report.moves, "move")}${carried}` : "";
  return `${counted(replicas, "replica")} of ${counted(problem.services.length, "service")} on ${counted(problem.nodes.length, "node")}${moves}; strategy ${plan.strategy}, objective ${report.objective.toFixed(4)} at weight ${plan.options.weight}`;
}

function panelHead({ kind, report, nowhere }: Panel, problem: Problem, x: number, width: number): string {
  const fullest = report.nodes.flatMap(({ node, utilisation }) =>
    Object.entries(utilisation).map(([resource, share]) => ({ node, resource, share })),
  );
  const most = fullest.reduce((one, other) => (other.share > one.share ? other : one), { node: "", resource: "", share: -1 });
  const lost = nowhere > 0 ? `${counted(nowhere, "replica")} nowhere, ` : "";
  const { unit, text: cost } = costScale(problem, { largest: report.messageCores, remote: report.messageCoresRemote });
  const messages = `${cost(report.messageCores)}${unit === "%" ? " of their cost between nodes" : ""}`;
  const text = `${lost}imbalance ${percent(report.imbalance)}, messages ${messages}, fullest ${most.node} ${most.resource} ${percent(most.share)}`;
  const title = `${kind === "now" ? "Now" : "Plan"}: ${percent(report.onNode)} stays`;
  return `<text class="head" x="${x}" y="${page.top + 14}">${title}</text><text class="soft" x="${x}" y="${page.top + 31}">${escaped(fitted(text, width, 11))}</text>`;
}

/** Entries of a legend in a row, each a sign of some width and words. */
function legendRow(entries: readonly { readonly width: number; readonly sign: (x: number) => string; readonly text: string }[]): string {
  let x = 0;
  return entries
    .map(({ width, sign, text }) => {
      const entry = `${sign(x)}<text class="soft" x="${fixed(x + width + 6)}" y="12">${escaped(text)}</text>`;
      x += width + 6 + textWidth(text, 11) + 18;
      return entry;
    })
    .join("");
}

const curveSign = (className: string, width: number) => (x: number) =>
  `<path class="flow ${className}" stroke-width="${fixed(width)}" d="M${fixed(x + 3)} 8h22"/>`;

function boxLegend({ panels, unit }: Scene, strongest: number): string {
  const chip = (x: number): string =>
    `<rect class="chip" x="${fixed(x)}" y="1" width="34" height="14" rx="4"/><rect class="fill" x="${fixed(x + 0.5)}" y="1.5" width="14" height="13" rx="4"/>`;
  const bar = (share: number, x: number): string => shareBar({ x, y: 4, width: 28, height: 7 }, share);
  const first = legendRow([
    { width: 28, sign: curveSign("local", 5), text: "stays on its node" },
    { width: 28, sign: curveSign("remote", 5), text: "between nodes" },
    ...(strongest > 0 ? [{ width: 28, sign: curveSign("sixth", 11), text: `widest: ${rateText(strongest, unit)}` }] : []),
    ...(panels.length > 1 ? [{ width: 0, sign: () => "", text: "+1 −1: replicas that move" }] : []),
  ]);
  const second = legendRow([
    { width: 34, sign: chip, text: "a service; filled: its share of the node's CPU" },
    { width: 28, sign: (x) => bar(0.6, x), text: "reserved" },
    { width: 28, sign: (x) => bar(0.93, x), text: "from 90 %" },
    { width: 28, sign: (x) => bar(1.1, x), text: "more than there is" },
  ]);
  return `${first}<g transform="translate(0 18)">${second}</g>`;
}

function tileLegend({ problem }: Scene, bars: boolean): string {
  const steps = Array.from({ length: stepCount }, (_, at) => `<rect class="q${at}" x="${at * 22}" y="2" width="22" height="12"/>`).join("");
  const resources = problem.resources.slice(0, 3).map(({ name }) => name);
  const bar = (share: number) => (x: number) => shareBar({ x, y: 4, width: 28, height: 7 }, share);
  const first = legendRow([{ width: stepCount * 22, sign: () => steps, text: "share of a node's traffic that stays on it, 0 to 100 %" }]);
  if (!bars) return first;
  const second = legendRow([
    { width: 28, sign: bar(0.6), text: `reserved, bars from above: ${resources.join(", ")}` },
    { width: 28, sign: bar(0.93), text: "from 90 %" },
    { width: 28, sign: bar(1.1), text: "more than there is" },
  ]);
  return `${first}<g transform="translate(0 18)">${second}</g>`;
}

function notesOf({ problem, panels, plan }: Scene, leftOut: readonly string[]): readonly string[] {
  const { checks } = panels.at(-1)!.report;
  const broken = checks.filter(({ name, broken: of }) => name !== "wishes" && of.length > 0);
  const rules = keepsRules(checks)
    ? "Every rule is kept"
    : `Broken: ${broken.map(({ name, broken: of }) => `${name} ${of.length}`).join(", ")}`;
  const resources = problem.resources.length > 4 ? [`${problem.resources.length - 4} further resources are not drawn`] : [];
  return [
    `${rules}. Made by placer draw of a plan by ${plan.strategy}; reserved is what replicas reserve (${plan.options.reserve}).`,
    ...leftOut.map((text) => `Of ${text}.`),
    ...resources,
  ];
}
