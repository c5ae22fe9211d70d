/** Where everything stands in a picture of few nodes: boxes below each other, one row a service, gutters on both sides for traffic. @module */
import type { Box } from "./chart.ts";
import type { Chip, Panel, Scene } from "./scene.ts";

/** Measures, in pixels. */
export const boxes = {
  width: 470,
  local: 66,
  chip: 236,
  inset: 10,
  gap: 18,
  header: 30,
  bar: 16,
  row: 22,
  rowGap: 3,
  foot: 9,
  maxResources: 4,
} as const;

/** A service's row in a node's box. */
export interface PlacedChip extends Chip {
  readonly node: number;
  readonly box: Box;
}

/** A node's box with its rows. */
export interface PlacedNode {
  readonly node: number;
  readonly box: Box;
  readonly chips: readonly PlacedChip[];
}

/** Rows that a picture of boxes would have in its taller panel, with headers counted as three. */
export function rowsOf({ panels }: Pick<Scene, "panels">): number {
  return Math.max(...panels.map(({ nodes }) => nodes.reduce((rows, { chips }) => rows + 3 + Math.max(1, chips.length), 0)));
}

/**
 * Places the boxes of every panel, its left upper corner at 0, 0. A node has the same place in each panel, and room for the fuller one; services that talk
 * most stand next to each other.
 */
export function placeBoxes(scene: Scene): readonly { readonly nodes: readonly PlacedNode[]; readonly height: number }[] {
  const resources = Math.min(boxes.maxResources, scene.problem.resources.length);
  const rows = scene.problem.nodes.map((_, node) => Math.max(1, ...scene.panels.map(({ nodes }) => nodes[node]!.chips.length)));
  const head = boxes.header + resources * boxes.bar;
  const heights = rows.map((count) => head + count * (boxes.row + boxes.rowGap) + boxes.foot);
  const width = boxes.local + boxes.chip + boxes.inset;
  return scene.panels.map((panel) => {
    let y = 0;
    const nodes = heights.map((height, node): PlacedNode => {
      const box = { x: 0, y, width, height };
      const chips = ordered(scene, panel, node).map((chip, row) => ({
        ...chip,
        node,
        box: { x: boxes.local, y: box.y + head + row * (boxes.row + boxes.rowGap), width: boxes.chip, height: boxes.row },
      }));
      y += height + boxes.gap;
      return { node, box, chips };
    });
    return { nodes, height: Math.max(0, y - boxes.gap) };
  });
}

/** The chips of a node in a row: the one with the most traffic first, then always the one that says most to those already there. */
function ordered({ pairs }: Scene, { nodes }: Panel, node: number): readonly Chip[] {
  const rest = new Map(nodes[node]!.chips.map((chip) => [chip.service, chip]));
  const here = pairs.filter(({ a, b }) => rest.has(a) && rest.has(b));
  const pull = new Map([...rest.keys()].map((service) => [service, 0]));
  for (const { a, b, amount } of pairs) for (const end of [a, b]) if (rest.has(end)) pull.set(end, pull.get(end)! + amount * 1e-6);
  const row: Chip[] = [];
  while (rest.size > 0) {
    const next = [...rest.keys()].reduce((best, service) => (pull.get(service)! > pull.get(best)! ? service : best));
    row.push(rest.get(next)!);
    rest.delete(next);
    // Later partners pull more strongly, so that the one just placed is followed by its own.
    for (const { a, b, amount } of here) {
      const partner = a === next ? b : b === next ? a : undefined;
      if (partner !== undefined) pull.set(partner, pull.get(partner)! + amount);
    }
  }
  return row;
}
