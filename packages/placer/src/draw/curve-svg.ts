/** The gain curve as a picture: what each further move keeps on its node. @module */
import { formatBytes } from "@mitsu/cli";
import type { GainPoint } from "../plan/plan.ts";
import { percent, significant } from "../plan/quantity.ts";
import { chart, dot, inner, labels, line } from "./chart.ts";
import { linearScale } from "./scale.ts";

/**
 * Draws a gain curve as SVG: moves on x, the on-node share on y.
 *
 * @param chosenMoves The point that the plan takes, drawn larger; none unless told.
 * @example
 * ```ts
 * await writeOutput("curve.svg", drawCurve(plan.curve ?? [], { name: problem.name, chosenMoves: plan.report.moves }), env);
 * ```
 */
export function drawCurve(
  points: readonly GainPoint[],
  { name = "", chosenMoves }: { readonly name?: string; readonly chosenMoves?: number } = {},
): string {
  const sorted = points.toSorted((a, b) => a.moves - b.moves);
  const x = linearScale(0, Math.max(1, ...sorted.map(({ moves }) => moves)), inner.x1, inner.x2, 8);
  const shares = sorted.map(({ onNode }) => onNode);
  const y = linearScale(Math.min(1, ...shares) > 0.6 ? 0.5 : 0, 1, inner.y2, inner.y1, 5);
  const at = ({ moves, onNode }: GainPoint): readonly [number, number] => [x.at(moves), y.at(onNode)];
  const chosen = sorted.find(({ moves }) => moves === chosenMoves);
  const ends = [...(chosen ? [chosen] : []), ...sorted.slice(0, 1), ...sorted.slice(-1)];
  const note = `Each point is the best plan found with at most so many moves; hover for what they carry.`;
  return chart(
    {
      title: `${name ? `${name}: ` : ""}what moves gain`,
      note: sorted.length > 0 ? note : "There are no points.",
      x: { scale: x, title: "moves: replicas that run elsewhere now", format: (tick) => (Number.isInteger(tick) ? String(tick) : "") },
      y: { scale: y, title: "traffic kept on its node [%]", format: percent },
      legend: [],
    },
    [
      line("local", sorted.map(at)),
      ...sorted.map((point) =>
        dot(
          "dot local",
          at(point),
          point === chosen ? 7 : 4,
          `${point.moves} moves (${formatBytes(point.bytes)}): ${percent(point.onNode)} on node, objective ${significant(point.objective)}`,
        ),
      ),
      ...labels(
        [...new Set(ends)].map((point) => ({ at: at(point), text: `${percent(point.onNode)}, ${point.moves} moves` })),
        sorted.map(at),
      ),
    ],
  );
}
