/** The service graph as a tree in text: each service below those that call it. @module */
import type { OutputStream, Paint } from "@mitsu/cli";
import { serviceLabel } from "@mitsu/telemetry";
import { type Carriage, carriageOf } from "./carriage.ts";
import type { Edge } from "./edges.ts";
import { edgeLabel } from "./label.ts";

const styles = { redirected: "green", tcp: "dim", denied: "red" } as const satisfies Record<Carriage, Parameters<Paint>[0]>;

/**
 * Draws the graph. A tree begins at each service that nobody calls, and at one of a ring; what was drawn already is only named again.
 *
 * @param out Lines are cut to its width when it is a terminal.
 * @example
 * ```ts
 * env.stdout.write(graphText(edges, env.stdout, painter(env.stdout, env.vars)));
 * ```
 */
export function graphText(edges: readonly Edge[], out: Pick<OutputStream, "isTTY" | "columns">, paint: Paint): string {
  const called = new Set(edges.filter(({ from, to }) => from !== to).map(({ to }) => to));
  const callers = new Set(edges.map(({ from }) => from));
  const drawn = new Set<string>();
  const lines: string[] = [];
  const width = out.isTTY ? out.columns : Number.POSITIVE_INFINITY;
  const add = (tree: string, label: string, carriage: Carriage): void => {
    const room = width - tree.length;
    lines.push(room > 0 ? tree + paint(styles[carriage], cut(label, room)) : cut(tree, width));
  };
  const below = (service: string, indent: string): void => {
    drawn.add(service);
    const calls = edges.filter(({ from }) => from === service);
    for (const [index, edge] of calls.entries()) {
      const last = index === calls.length - 1;
      const again = drawn.has(edge.to);
      const above = again && callers.has(edge.to) ? "  (above)" : "";
      add(`${indent}${last ? "└─" : "├─"} ${serviceLabel(edge.to)}  `, `${edgeLabel(edge).join(", ")}${above}`, carriageOf(edge));
      if (!again) below(edge.to, `${indent}${last ? "   " : "│  "}`);
    }
  };
  const root = (service: string): void => {
    lines.push(cut(serviceLabel(service), width));
    below(service, "");
  };
  for (const service of callers) if (!called.has(service)) root(service);
  for (const service of callers) if (!drawn.has(service)) root(service);
  return lines.length === 0 ? "no traffic between services yet\n" : `${lines.join("\n")}\n`;
}

const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
