/** The service graph in Graphviz's DOT language, from which the SVG is drawn too. @module */

import { serviceLabel } from "@mitsu/telemetry";
import { carriageOf } from "./carriage.ts";
import type { Edge } from "./edges.ts";
import { edgeLabel } from "./label.ts";
import { palette } from "./palette.ts";

/** A string of DOT: quotes and backslashes are escaped (https://graphviz.org/doc/info/lang.html). */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** Text inside a label of markup (https://graphviz.org/doc/info/shapes.html#html). */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Lines one below the other, with room around them: a plain label would touch its edge. */
function label(lines: readonly string[]): string {
  return `<<table border="0" cellborder="0" cellspacing="0" cellpadding="6"><tr><td>${lines.map(escaped).join("<br/>")}</td></tr></table>>`;
}

/** Lines grow with the logarithm of the rate, from 1 point at 1 KB/s to 4 at 1 GB/s. */
function widthOf({ bytesPerSecond }: Edge): string {
  return (1 + Math.min(3, Math.log10(1 + bytesPerSecond / 1000) / 2)).toFixed(1);
}

const font = 'fontname="Helvetica,Arial,sans-serif"';
/** One entry of the legend; its room also makes up for fonts that are wider than Graphviz believes. */
const entry = (light: string, text: string): string => `<td cellpadding="12"><font color="${light}">${text}</font></td>`;
/** What the colours mean, below the graph. */
const legend = [
  '<table border="0" cellborder="0" cellspacing="0"><tr>',
  entry(palette.redirected.light, "━ redirected past TCP"),
  entry(palette.tcp.light, "━ by TCP"),
  entry(palette.denied.light, "╍ denied"),
  "</tr></table>",
].join("");

/**
 * The graph as DOT, from left to right.
 *
 * @example
 * ```ts
 * writeFileSync("mesh.dot", graphDot(edges)); // dot -Tpdf mesh.dot
 * ```
 */
export function graphDot(edges: readonly Edge[]): string {
  const services = [...new Set(edges.flatMap(({ from, to }) => [from, to]))].toSorted();
  const nodes = services.map((service) => `  ${quoted(serviceLabel(service))}${service === "" ? ' [style="rounded,dashed"]' : ""};`);
  const lines = edges.map((edge) => {
    const carriage = carriageOf(edge);
    const { light } = palette[carriage];
    const style = carriage === "denied" ? ", style=dashed" : "";
    const look = `color="${light}", fontcolor="${light}", penwidth=${widthOf(edge)}${style}`;
    return `  ${quoted(serviceLabel(edge.from))} -> ${quoted(serviceLabel(edge.to))} [label=${label(edgeLabel(edge))}, ${look}];`;
  });
  const { ground, box, frame, text, tcp } = palette;
  return [
    "digraph mesh {",
    `  rankdir=LR; nodesep=0.4; ranksep=0.9; pad=0.25; bgcolor="${ground.light}";`,
    `  ${font}; fontsize=10; labelloc=b; fontcolor="${tcp.light}"; label=<${edges.length === 0 ? "no traffic between services yet" : legend}>;`,
    `  node [shape=box, style="rounded,filled", fillcolor="${box.light}", color="${frame.light}", fontcolor="${text.light}", ${font}, fontsize=13, margin="0.25,0.1"];`,
    `  edge [arrowsize=0.7, ${font}, fontsize=10];`,
    ...nodes,
    ...lines,
    "}",
    "",
  ].join("\n");
}
