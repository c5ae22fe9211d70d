/** A plan as one HTML file: the picture, a search, and figures under the pointer. It loads nothing and sends nothing. @module */
import { createHash } from "node:crypto";
import type { Plan } from "../plan/plan.ts";
import { formatQuantity, percent } from "../plan/quantity.ts";
import { type Reserve, reserved } from "../plan/reserved.ts";
import type { Problem } from "../problem/problem.ts";
import { rateText } from "./box-svg.ts";
import { pageScript } from "./page-script.ts";
import { drawScene } from "./plan-svg.ts";
import { type Scene, sceneOf } from "./scene.ts";
import { counted, escaped } from "./svg-text.ts";

const css = `
  :root { color-scheme: light dark; } body { margin: 0; font: 14px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; background: #fff; color: #1f2328; }
  header { position: sticky; top: 0; z-index: 1; display: flex; gap: 12px; align-items: center; flex-wrap: wrap; padding: 10px 28px; background: #f6f8fa; border-bottom: 1px solid #c3cad1; }
  label { font-weight: 600; } input { font: inherit; padding: 4px 8px; width: min(300px, 60vw); border: 1px solid #8b949e; border-radius: 6px; background: #fff; color: inherit; }
  #found { color: #59636e; } main { overflow-x: auto; } main svg { display: block; }
  .dimmed { opacity: 0.13; } .flow.lit { stroke-opacity: 1; } .service, .tile, .pair, .node { cursor: default; outline-offset: 2px; } .lit > .chip, .lit > .box { stroke: #0860c4; stroke-width: 2; }
  #card { position: fixed; z-index: 2; max-width: 380px; padding: 10px 12px; border: 1px solid #c3cad1; border-radius: 8px; background: #fff; box-shadow: 0 4px 16px #0003; pointer-events: none; }
  #card h2 { margin: 0 0 4px; font-size: 14px; overflow-wrap: anywhere; } #card p { margin: 0 0 4px; } #card table { border-collapse: collapse; width: 100%; font-size: 12px; } #card td { padding: 1px 0; overflow-wrap: anywhere; } #card td + td { padding-left: 12px; text-align: right; white-space: nowrap; }
  #card[hidden] { display: none; }
  @media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } header { background: #161b22; border-color: #3d444d; } input, #card { background: #0d1117; border-color: #3d444d; } #found { color: #9aa4af; } .lit > .chip, .lit > .box { stroke: #58a6ff; } }
`;

/**
 * Draws a plan as a page of its own: pointing at a service, a node or a pair shows its figures and what belongs to it, the search finds by name.
 *
 * @example
 * ```ts
 * await writeOutput("plan.html", drawPlanPage(problem, plan), env);
 * ```
 */
export function drawPlanPage(problem: Problem, plan: Plan): string {
  const scene = sceneOf(problem, plan);
  // A script element ends at the first "</script", wherever it stands. [HTML, script data state]
  const data = JSON.stringify(dataOf(scene)).replace(
    /[<>&\u2028\u2029]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const hash = createHash("sha256").update(pageScript).digest("base64");
  const title = escaped(`${problem.name || "plan"}: placement`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<title>${title}</title>
<style>${css}</style>
</head>
<body>
<header><label for="search">Find a service or a node</label><input id="search" type="search" autocomplete="off" spellcheck="false"><output id="found" for="search">Point at a service, a node or a pair for its figures.</output></header>
<main>
${withoutTitles(drawScene(scene))}</main>
<div id="card" role="status" hidden></div>
<script type="application/json" id="data">${data}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

/** The browser's own tooltips would cover the card: inner titles become labels for screen readers. */
function withoutTitles(svg: string): string {
  const at = svg.indexOf("</style>");
  const inner = svg.slice(at).replace(/<(g|path)([^>]*)><title>([^<]*)<\/title>/g, '<$1$2 aria-label="$3">');
  return svg.slice(0, at) + inner;
}

/** What the page's script knows of services and nodes, all of it text that is ready to be shown. */
function dataOf(scene: Scene) {
  const { problem, plan, panels, pairs, unit } = scene;
  const reserve = plan.options.reserve as Reserve;
  const partners: { name: string; amount: string; kept: string }[][] = problem.services.map(() => []);
  for (const { a, b, amount, onNode } of pairs) {
    const kept = onNode.map(percent).join(" → ");
    partners[a]!.push({ name: problem.services[b]!.name, amount: rateText(amount, unit), kept });
    partners[b]!.push({ name: problem.services[a]!.name, amount: rateText(amount, unit), kept });
  }
  return {
    panels: panels.map(({ kind }) => kind),
    services: problem.services.map((service, at) => ({
      name: service.name,
      facts: `${counted(service.replicas.length, "replica")}, each ${problem.resources.map(({ name, unit: of }) => `${formatQuantity(reserved(service, name, reserve), of)}${of === "bytes" || of === "cores" ? "" : ` ${name}`}`).join(", ")}`,
      partners: partners[at]!,
      nodes: panels.map(({ placement }) => [...placement.counts[at]!]),
    })),
    nodes: problem.nodes.map(({ name }, at) => ({
      name,
      facts: panels.map(({ nodes }) => {
        const { use, onNode } = nodes[at]!;
        const shares = Object.entries(use.utilisation).map(([resource, share]) => `${resource} ${percent(share)}`);
        return `${counted(use.replicas, "replica")}, ${shares.join(", ")}${onNode === null ? "" : `, ${percent(onNode)} of its traffic stays`}`;
      }),
    })),
  };
}
