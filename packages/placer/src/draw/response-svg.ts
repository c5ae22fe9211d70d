/** Response times against the request rate as a picture, a colour a plan. @module */
import { formatDuration } from "@mitsu/cli";
import { significant } from "../plan/quantity.ts";
import { chart, dot, inner, type LegendEntry, line } from "./chart.ts";
import { seriesClasses } from "./palette.ts";
import { linearScale, logScale } from "./scale.ts";

/** Response times at a rate (requests a second), in seconds; what is not known, or not finite, is not drawn. */
export interface ResponsePoint {
  readonly rate: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** One plan: what is predicted for it, and what was measured. */
export interface ResponseSeries {
  readonly name: string;
  readonly points: readonly ResponsePoint[];
  readonly measured?: readonly Partial<ResponsePoint>[];
}

/** Of each figure its dashes. */
const figures = { mean: "none", p50: "2 4", p95: "8 4", p99: "14 4 2 4" } as const;
type Figure = keyof typeof figures;
const names = Object.keys(figures) as readonly Figure[];

/**
 * Draws response times as SVG: the rate on x, times on a logarithmic y. A colour is a series, dashes are a figure, hollow marks are measured.
 *
 * @example
 * ```ts
 * drawResponse([{ name: "plan.json", points: [{ rate: 100, mean: 0.004, p50: 0.003, p95: 0.01, p99: 0.02 }] }]);
 * ```
 */
export function drawResponse(
  series: readonly ResponseSeries[],
  { title = "Response time against request rate" }: { readonly title?: string } = {},
): string {
  const drawable = (value: number | undefined): value is number => value !== undefined && Number.isFinite(value) && value > 0;
  const points = series.flatMap((one) => [...one.points, ...(one.measured ?? [])]);
  const times = points.flatMap((point) => names.map((name) => point[name]).filter(drawable));
  const rates = points.map(({ rate }) => rate).filter(drawable);
  const x = linearScale(
    0,
    rates.reduce((one, other) => Math.max(one, other), 1),
    inner.x1,
    inner.x2,
    8,
  );
  const least = times.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
  const y = logScale(
    Number.isFinite(least) ? least : 0.001,
    times.reduce((one, other) => Math.max(one, other), 0),
    inner.y2,
    inner.y1,
  );
  const body: string[] = [];
  const legend: LegendEntry[] = [];
  for (const [at, { name, points: predicted, measured = [] }] of series.entries()) {
    const colour = seriesClasses[at % seriesClasses.length]!;
    legend.push({
      name,
      sign: (left, top) =>
        line(colour, [
          [left, top],
          [left + 24, top],
        ]),
    });
    const sorted = predicted.toSorted((a, b) => a.rate - b.rate);
    for (const figure of names) {
      const drawn = sorted.filter((point) => drawable(point[figure]));
      if (drawn.length > 1)
        body.push(
          dashed(
            line(
              colour,
              drawn.map((point) => [x.at(point.rate), y.at(point[figure])]),
            ),
            figures[figure],
          ),
        );
      for (const point of drawn) {
        body.push(dot(`dot ${colour}`, [x.at(point.rate), y.at(point[figure])], 2.5, said(name, figure, point.rate, point[figure])));
      }
      for (const { rate, [figure]: value } of measured) {
        if (rate !== undefined && drawable(value))
          body.push(dot(`hollow ${colour}`, [x.at(rate), y.at(value)], 5, `measured: ${said(name, figure, rate, value)}`));
      }
    }
  }
  for (const figure of names) {
    legend.push({
      name: figure,
      sign: (left, top) =>
        dashed(
          line("sixth", [
            [left, top],
            [left + 26, top],
          ]),
          figures[figure],
        ),
    });
  }
  if (series.some(({ measured = [] }) => measured.length > 0)) {
    legend.push({ name: "measured", sign: (left, top) => dot("hollow sixth", [left + 14, top], 5, "") });
  }
  return chart(
    {
      title,
      note: times.length > 0 ? "Lower is better; the time axis is logarithmic." : "There are no points.",
      x: { scale: x, title: "requests a second [1/s]", format: (tick) => significant(tick) },
      y: { scale: y, title: "response time, log scale", format: (tick) => formatDuration(tick * 1e9).replace(/\.0+ /, " ") },
      legend,
    },
    body,
  );
}

const dashed = (path: string, dashes: string): string =>
  dashes === "none" ? path : path.replace("<path ", `<path stroke-dasharray="${dashes}" `);

function said(name: string, figure: Figure, rate: number, value: number): string {
  return `${name}, ${figure} at ${significant(rate)} requests a second: ${formatDuration(value * 1e9)}`;
}
