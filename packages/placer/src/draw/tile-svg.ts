/** The picture of many nodes: tiles coloured by how much of a node's traffic stays on it, and the pairs of services that say most. @module */
import { percent } from "../plan/quantity.ts";
import { rateText } from "./box-svg.ts";
import type { Box } from "./chart.ts";
import { shareBar } from "./node-bars.ts";
import { stepClass } from "./palette.ts";
import type { Panel, Scene, SceneNode } from "./scene.ts";
import { counted, distinctParts, escaped, fittedName, fixed, textWidth } from "./svg-text.ts";
import { placeTiles, type TileSize, tilesWidth } from "./tile-layout.ts";

const mostPairs = 16;
const pairRow = 20;

/** The drawn panels, their size, and whether tiles carry bars. */
export interface DrawnTiles {
  readonly panels: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly bars: boolean;
}

/** Draws every panel, with its left upper corner at 0, 0. */
export function drawTiles(scene: Scene): DrawnTiles {
  const { size, tiles, height } = placeTiles(scene.problem.nodes.length);
  const whole = scene.problem.nodes.map(({ name }) => name);
  const room = size.width - 8;
  // Figures stand beside names where every name leaves them room; colours tell the same.
  const besides = (name: string): boolean => textWidth(name, 10) + textWidth("100 %", 10) + 5 <= room;
  const names = whole.every(besides) ? whole : distinctParts(whole);
  const figures = names.every(besides);
  const panels = scene.panels.map((panel) =>
    tiles.map((box, node) => drawTile(scene, panel, node, box, size, names[node]!, figures)).join("\n"),
  );
  return { panels, width: tilesWidth, height, bars: size.bar > 0 };
}

function drawTile({ problem }: Scene, { nodes }: Panel, node: number, box: Box, size: TileSize, name: string, figures: boolean): string {
  const { use, chips, onNode } = nodes[node]!;
  const resources = problem.resources.slice(0, 3).map((resource) => resource.name);
  const step = stepClass(onNode ?? 0);
  const figure = onNode === null || !figures ? "" : percent(onNode);
  const room = box.width - 8 - (size.named && figure ? textWidth(figure, 10) + 5 : 0);
  return [
    `<g class="tile" data-n="${node}"><title>${escaped(tileTitle(problem.nodes[node]!.name, use.replicas, chips.length, nodes[node]!))}</title>`,
    size.bar > 0 ? `<rect class="box" x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}"/>` : "",
    `<rect class="${step}" x="${box.x}" y="${box.y}" width="${box.width}" height="${size.band}"/>`,
    size.named
      ? `<text class="small ${step}" x="${box.x + 4}" y="${box.y + size.band / 2 + 3.5}">${escaped(fittedName(name, room, 10))}</text>`
      : "",
    size.named && figure
      ? `<text class="small ${step}" x="${box.x + box.width - 4}" y="${box.y + size.band / 2 + 3.5}" text-anchor="end">${figure}</text>`
      : "",
    ...(size.bar > 0 ? resources.map((resource, at) => bar(resource, at)) : []),
    "</g>",
  ].join("");

  function bar(resource: string, at: number): string {
    const free = box.height - size.band;
    const step = free / resources.length;
    const height = Math.min(size.bar, Math.floor(step - 1));
    const y = box.y + size.band + at * step + (step - height) / 2;
    return shareBar({ x: box.x + 3, y, width: box.width - 6, height }, use.utilisation[resource] ?? 0);
  }
}

function tileTitle(name: string, replicas: number, services: number, { use, onNode }: SceneNode): string {
  const shares = Object.entries(use.utilisation).map(([resource, share]) => `${resource} ${percent(share)}`);
  const kept = onNode === null ? "no traffic" : `${percent(onNode)} of its traffic stays`;
  return `${name}: ${counted(replicas, "replica")} of ${counted(services, "service")}, ${shares.join(", ")}, ${kept}`;
}

/** The pairs that say most, with how much of it stays on a node in each panel; the left upper corner at 0, 0. */
export function drawPairs(scene: Scene, width: number): { readonly svg: string; readonly height: number } {
  const shown = scene.pairs.slice(0, mostPairs);
  if (shown.length === 0) return { svg: "", height: 0 };
  const sum = (of: Scene["pairs"]): number => of.reduce((all, { amount }) => all + amount, 0);
  const share = percent(sum(shown) / sum(scene.pairs));
  const names = Math.round(width * 0.4);
  const bars = (width - names - 110) / scene.panels.length;
  const parts = [
    `<text class="head" x="0" y="14">Pairs of services that say most</text>`,
    `<text class="soft" x="0" y="31">${shown.length} of ${counted(scene.pairs.length, "pair")}, ${share} of all ${scene.unit}; bars: how much of it stays on a node. No curves are drawn for so many nodes.</text>`,
    ...scene.panels.map(({ kind }, at) => `<text class="soft" x="${fixed(names + 110 + at * bars)}" y="50">${kind}</text>`),
  ];
  for (const [row, { a, b, amount, onNode }] of shown.entries()) {
    const y = 58 + row * pairRow;
    const [one, other] = [scene.problem.services[a]!.name, scene.problem.services[b]!.name];
    const half = (names - 50) / 2;
    parts.push(
      `<g class="pair" data-a="${a}" data-b="${b}"><title>${escaped(`${one} and ${other}`)}</title><text x="0" y="${y + 11}">${escaped(`${fittedName(one, half, 12)} and ${fittedName(other, half, 12)}`)}</text><text class="soft" x="${names + 92}" y="${y + 11}" text-anchor="end">${escaped(rateText(amount, scene.unit))}</text>`,
      ...onNode.map((kept, at) => {
        const x = names + 110 + at * bars;
        return `${shareBar({ x, y: y + 2, width: bars - 70, height: 9 }, kept, "bar local")}<text class="soft" x="${fixed(x + bars - 30)}" y="${y + 11}" text-anchor="end">${percent(kept)}</text>`;
      }),
      "</g>",
    );
  }
  return { svg: parts.join("\n"), height: 58 + shown.length * pairRow };
}
