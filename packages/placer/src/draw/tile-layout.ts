/** Where everything stands in a picture of many nodes: a grid of tiles, the smaller the more there are. @module */
import type { Box } from "./chart.ts";

/** How large tiles are and what fits on one. */
export interface TileSize {
  readonly width: number;
  readonly height: number;
  readonly gap: number;
  /** Height of the coloured band. */
  readonly band: number;
  /** Whether the node's name fits on it. */
  readonly named: boolean;
  /** Height of a bar, 0 for none. */
  readonly bar: number;
}

/** Width of a panel of tiles, in pixels. */
export const tilesWidth = 640;

const sizes: readonly (TileSize & { readonly upTo: number })[] = [
  { upTo: 48, width: 100, height: 52, gap: 8, band: 20, named: true, bar: 6 },
  { upTo: 160, width: 73, height: 42, gap: 8, band: 17, named: true, bar: 5 },
  { upTo: 700, width: 28, height: 24, gap: 4, band: 11, named: false, bar: 3 },
  { upTo: 3000, width: 12, height: 12, gap: 2, band: 12, named: false, bar: 0 },
  { upTo: Number.POSITIVE_INFINITY, width: 6, height: 6, gap: 1, band: 6, named: false, bar: 0 },
];

/** Tiles for so many nodes, row by row, the left upper corner of the first at 0, 0. */
export function placeTiles(count: number): { readonly size: TileSize; readonly tiles: readonly Box[]; readonly height: number } {
  const size = sizes.find(({ upTo }) => count <= upTo)!;
  const columns = Math.floor((tilesWidth + size.gap) / (size.width + size.gap));
  const tiles = Array.from({ length: count }, (_, at) => ({
    x: (at % columns) * (size.width + size.gap),
    y: Math.floor(at / columns) * (size.height + size.gap),
    width: size.width,
    height: size.height,
  }));
  return { size, tiles, height: Math.max(0, Math.ceil(count / columns) * (size.height + size.gap) - size.gap) };
}
