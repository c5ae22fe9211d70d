/** The service graph as a picture: Graphviz, compiled to WebAssembly, lays out what `dot.ts` says. @module */
import { graphDot } from "./dot.ts";
import type { Edge } from "./edges.ts";
import { darkStyle } from "./palette.ts";

/**
 * Draws the graph, for light and dark surroundings. Graphviz is loaded only here: it takes some 100 ms.
 *
 * @returns an SVG document.
 * @example
 * ```ts
 * writeFileSync("mesh.svg", await graphSvg(edges));
 * ```
 */
export async function graphSvg(edges: readonly Edge[]): Promise<string> {
  const { instance } = await import("@viz-js/viz");
  const svg = (await instance()).renderString(graphDot(edges), { format: "svg" });
  return svg.replace(/<svg\b[^>]*>/, (begin) => `${begin}\n<style>${darkStyle()}</style>`);
}
