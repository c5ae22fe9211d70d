/** The picture of few nodes: boxes with their services, and traffic as curves beside them. @module */
import { formatBytes, formatRate } from "@mitsu/cli";
import { percent } from "../plan/quantity.ts";
import { boxes, type PlacedChip, type PlacedNode, placeBoxes } from "./box-layout.ts";
import { type Flow, flowsOf } from "./flows.ts";
import { namedBars } from "./node-bars.ts";
import type { Panel, Scene } from "./scene.ts";
import { counted, escaped, fittedName, fixed, textWidth } from "./svg-text.ts";

/** Curves a panel; the rest is left out, and said. */
const mostFlows = 80;
const thickest = 11;

/** A rate in the scene's unit: `900 msg/s`, `1.89 kmsg/s`, `1.50 MiB/s`. */
export function rateText(amount: number, unit: Scene["unit"]): string {
  return unit === "messages" ? formatRate(amount, "msg") : `${formatBytes(Math.round(amount))}/s`;
}

/** The drawn panels, their size, the thickest curve's amount, and what was left out of each. */
export interface DrawnBoxes {
  readonly panels: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly strongest: number;
  readonly leftOut: readonly string[];
}

/** Draws every panel, with its left upper corner at 0, 0. */
export function drawBoxes(scene: Scene): DrawnBoxes {
  const placed = placeBoxes(scene);
  const flows = scene.panels.map((panel) => flowsOf(scene, panel));
  const strongest = flows.flatMap((of) => of.slice(0, 1)).reduce((most, { amount }) => Math.max(most, amount), 0);
  const leftOut = scene.panels.flatMap(({ kind }, at) => {
    const rest = flows[at]!.slice(mostFlows);
    if (rest.length === 0) return [];
    const sum = (of: readonly Flow[]): number => of.reduce((all, { amount }) => all + amount, 0);
    return [
      `${kind}: the ${counted(rest.length, "weakest flow")} (${percent(sum(rest) / sum(flows[at]!))} of the traffic) of ${flows[at]!.length} are not drawn`,
    ];
  });
  return {
    panels: scene.panels.map((panel, at) => drawPanel(scene, panel, placed[at]!.nodes, flows[at]!.slice(0, mostFlows), strongest)),
    width: widthOf(scene),
    height: Math.max(...placed.map(({ height }) => height)),
    strongest,
    leftOut,
  };
}

/** A panel that is alone has the room of two's gutters. */
const widthOf = ({ panels }: Scene): number => (panels.length > 1 ? boxes.width : 1.4 * boxes.width);

function drawPanel(scene: Scene, panel: Panel, placed: readonly PlacedNode[], flows: readonly Flow[], strongest: number): string {
  const chips = new Map(placed.flatMap(({ node, chips: of }) => of.map((chip) => [`${chip.service} ${node}`, chip])));
  // The thinnest first, so that they are not hidden.
  const curves = flows.map((flow) => curve(scene, flow, chips, strongest, placed));
  return [
    ...placed.map((node) => drawNode(scene, panel, node)),
    ...curves,
    ...[...chips.values()].map((chip) => drawChip(scene, panel, chip)),
  ].join("\n");
}

function drawNode({ problem }: Scene, { nodes }: Panel, { node, box, chips }: PlacedNode): string {
  const { use } = nodes[node]!;
  const { name } = problem.nodes[node]!;
  const resources = problem.resources.slice(0, boxes.maxResources).map((resource) => resource.name);
  const count = counted(use.replicas, "replica");
  const room = box.width - 2 * boxes.inset - textWidth(count, 11) - 12;
  const bars = { x: box.x + boxes.inset, y: box.y + boxes.header - 3, width: box.width - 2 * boxes.inset, height: 0 };
  return [
    `<g class="node" data-n="${node}"><title>${escaped(`${name}: ${count}, ${use.messageCores.toPrecision(3)} cores for messages`)}</title>`,
    `<rect class="box" x="${box.x}" y="${fixed(box.y)}" width="${box.width}" height="${box.height}" rx="7"/>`,
    `<text class="head" x="${box.x + boxes.inset}" y="${fixed(box.y + 20)}">${escaped(fittedName(name, room, 14))}</text>`,
    `<text class="soft" x="${box.x + box.width - boxes.inset}" y="${fixed(box.y + 19)}" text-anchor="end">${count}</text>`,
    namedBars(use, resources, bars, boxes.bar),
    chips.length === 0
      ? `<text class="soft" x="${boxes.local}" y="${fixed(box.y + box.height - boxes.foot - 9)}">nothing runs here</text>`
      : "",
    "</g>",
  ].join("");
}

function drawChip({ problem, panels }: Scene, { kind, placement }: Panel, { service, node, count, moved, share, box }: PlacedChip): string {
  const { name, replicas } = problem.services[service]!;
  const moves = moved > 0 && panels.length > 1 ? `${kind === "plan" ? "+" : "−"}${moved}` : "";
  const times = `×${count}`;
  const right = box.x + box.width - 7;
  const room = box.width - 14 - 6 - textWidth(times, 11) - (moves ? textWidth(moves, 11) + 6 : 0);
  const here = replicas.filter((_, at) => placement.nodesOf[service]![at] === node);
  const names = here.length > 12 ? `${here.slice(0, 12).join(", ")}, …` : here.join(", ");
  const resource = problem.resources[0]?.name ?? "cpu";
  return [
    `<g class="service" data-s="${service}"><title>${escaped(`${name}: ${count} of ${replicas.length} here, ${percent(share)} of the node's ${resource}: ${names}`)}</title>`,
    `<rect class="chip" x="${box.x}" y="${fixed(box.y)}" width="${box.width}" height="${box.height}" rx="4"/>`,
    `<rect class="fill" x="${box.x + 0.5}" y="${fixed(box.y + 0.5)}" width="${fixed(Math.min(1, share) * (box.width - 1))}" height="${box.height - 1}" rx="4"/>`,
    `<text x="${box.x + 7}" y="${fixed(box.y + 15.5)}">${escaped(fittedName(name, room, 12))}</text>`,
    moves
      ? `<text class="strong small ${kind === "plan" ? "came" : "went"}" x="${fixed(right - textWidth(times, 11) - 6)}" y="${fixed(box.y + 15)}" text-anchor="end">${moves}</text>`
      : "",
    `<text class="soft" x="${right}" y="${fixed(box.y + 15)}" text-anchor="end">${times}</text>`,
    "</g>",
  ].join("");
}

/** A curve from row to row: within a node on the left of its rows, between nodes on the right of the boxes. */
function curve(scene: Scene, flow: Flow, chips: ReadonlyMap<string, PlacedChip>, strongest: number, placed: readonly PlacedNode[]): string {
  const from = chips.get(`${flow.a} ${flow.nodeA}`)!.box;
  const to = chips.get(`${flow.b} ${flow.nodeB}`)!.box;
  const local = flow.nodeA === flow.nodeB;
  const width = Math.max(0.8, (flow.amount / strongest) * thickest);
  const [y1, y2] = [from.y + from.height / 2, to.y + to.height / 2];
  const last = placed.at(-1)!.box;
  const reach = local ? placed[flow.nodeA]!.box.height - boxes.header : last.y + last.height;
  const room = (local ? boxes.local - 8 : widthOf(scene) - boxes.local - boxes.chip - 8) - width / 2;
  // A curve comes three quarters as far out as its control points.
  const depth = (Math.min(1, 0.22 + (0.78 * Math.abs(y2 - y1)) / reach) * room) / 0.75;
  const x = local ? from.x : from.x + from.width;
  const bend = fixed(local ? x - depth : x + depth);
  const [a, b] = [scene.problem.services[flow.a]!.name, scene.problem.services[flow.b]!.name];
  const [nodeA, nodeB] = [scene.problem.nodes[flow.nodeA]!.name, scene.problem.nodes[flow.nodeB]!.name];
  const title = local
    ? `${a} and ${b}: ${rateText(flow.amount, scene.unit)} stays on ${nodeA}`
    : `${a} on ${nodeA} and ${b} on ${nodeB}: ${rateText(flow.amount, scene.unit)} between nodes`;
  return `<path class="flow ${local ? "local" : "remote"}" data-a="${flow.a}" data-b="${flow.b}" stroke-width="${fixed(width)}" d="M${fixed(x)} ${fixed(y1)}C${bend} ${fixed(y1)} ${bend} ${fixed(y2)} ${fixed(x)} ${fixed(y2)}"><title>${escaped(title)}</title></path>`;
}
