/** The Pareto front as a picture: balance against traffic. @module */
import type { FrontPoint } from "../plan/plan.ts";
import { percent, significant } from "../plan/quantity.ts";
import { chart, dot, inner, labels, line } from "./chart.ts";
import { linearScale } from "./scale.ts";

/**
 * Draws the front of `--sweep` as SVG: imbalance on x, the share of traffic between nodes on y; towards the corner at the origin both are better.
 *
 * @param chosenWeight The weight whose plan was taken; its point is larger.
 * @example
 * ```ts
 * await writeOutput("front.svg", drawFront(plan.front ?? [], plan.options.weight, problem.name), env);
 * ```
 */
export function drawFront(points: readonly FrontPoint[], chosenWeight: number, name = ""): string {
  const sorted = points.toSorted((a, b) => a.imbalance - b.imbalance || b.onNode - a.onNode);
  const x = linearScale(0, Math.max(0.01, ...sorted.map(({ imbalance }) => imbalance)), inner.x1, inner.x2, 8);
  const y = linearScale(0, Math.max(0.05, ...sorted.map(({ onNode }) => 1 - onNode)), inner.y2, inner.y1, 5);
  const at = ({ imbalance, onNode }: FrontPoint): readonly [number, number] => [x.at(imbalance), y.at(1 - onNode)];
  const chosen = sorted.filter(({ weight }) => weight === chosenWeight);
  const first = [...chosen, ...sorted.filter((point) => !chosen.includes(point))];
  const format = (tick: number): string => `${significant(tick * 100)} %`;
  return chart(
    {
      title: `${name ? `${name}: ` : ""}balance against traffic`,
      note:
        sorted.length > 0 ? "Lower and further left is better. Each point is a plan, labelled with its weight." : "There are no points.",
      x: { scale: x, title: "imbalance: mean deviation of nodes from the cluster's utilisation [%]", format },
      y: { scale: y, title: "traffic between nodes [%]", format },
      legend: [
        {
          name: "the front",
          sign: (left, top) =>
            `${line("local", [
              [left, top],
              [left + 24, top],
            ])}${dot("dot local", [left + 12, top], 4, "")}`,
        },
        ...(chosen.length > 0
          ? [
              {
                name: `this plan, weight ${significant(chosenWeight, 3)}`,
                sign: (left: number, top: number) => dot("dot remote", [left + 14, top], 7, ""),
              },
            ]
          : []),
      ],
    },
    [
      line("local", sorted.map(at)),
      ...first
        .toReversed()
        .map((point) =>
          dot(
            chosen.includes(point) ? "dot remote" : "dot local",
            at(point),
            chosen.includes(point) ? 7 : 4,
            `weight ${significant(point.weight, 3)}: ${percent(1 - point.onNode)} of traffic between nodes, imbalance ${percent(point.imbalance)}, objective ${significant(point.objective)}`,
          ),
        ),
      ...labels(
        first.map((point) => ({ at: at(point), text: `weight ${significant(point.weight, 3)}` })),
        sorted.map(at),
      ),
    ],
  );
}
