/** The table of placement-response.sh and its targets. @module */
import type { PlanFacts } from "../lib/response-system.ts";
import type { MeasuredPoint, Predicted, PredictionError } from "./placement-response-points.ts";

/** A claim and whether it holds. */
export interface ResponseTarget {
  readonly name: string;
  readonly state: "met" | "missed" | "no data";
  readonly value: string;
}

const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;

/** Who is to answer faster than whom, in means. */
const races = [
  { mode: "mitsu", than: "kubernetes", name: "mitsu's mean over kubernetes'" },
  { mode: "mitsu-redirect", than: "kubernetes-redirect", name: "mitsu's mean over kubernetes', both with redirect" },
  { mode: "mitsu-redirect", than: "kubernetes", name: "mitsu's mean with redirect over kubernetes' without" },
] as const;

/** Judges: mitsu's placement answers faster than kubernetes' at every rate, and predictions are near what is measured. */
export function judgeResponse(measured: readonly MeasuredPoint[], errors: readonly PredictionError[]): readonly ResponseTarget[] {
  const faster = races.map(({ mode, than, name }): ResponseTarget => {
    const of = (plan: string) => measured.filter((point) => point.plan === plan && !point.spoiled);
    const pairs = of(mode).map((point) => ({ point, other: of(than).find(({ share }) => share === point.share) }));
    const both = pairs.flatMap(({ point, other }) =>
      point.response && other?.response ? [point.response.mean / other.response.mean] : [],
    );
    // What only the other bears is lost, and not left out.
    const lost = pairs.filter(({ point, other }) => point.response === null && other?.response);
    if (both.length + lost.length === 0) return { name: `${name}, at every rate ≤ 1`, state: "no data", value: "–" };
    const value = both.length === 0 ? "" : `${Math.min(...both).toFixed(2)} to ${Math.max(...both).toFixed(2)}`;
    return {
      name: `${name}, at every rate ≤ 1`,
      state: lost.length === 0 && Math.max(...both) <= 1 ? "met" : "missed",
      value: `${value}${lost.map(({ point }) => `; saturated at ${point.share} %`).join("")}`,
    };
  });
  const near = (
    [
      ["mean", 0.15],
      ["p99", 0.3],
    ] as const
  ).flatMap(([figure, bound]) =>
    errors.map(({ plan, by, compared }): ResponseTarget => {
      const { median } = by[figure];
      const name = `${plan}: median error of the predicted ${figure} ≤ ${percent(bound)}`;
      if (compared === 0) return { name, state: "no data", value: "–" };
      return { name, state: median <= bound ? "met" : "missed", value: percent(median) };
    }),
  );
  return [...faster, ...near];
}

/** What is printed. */
export interface ResponseReport {
  /** By name: what it keeps on a node, what is where, how it was made. */
  readonly plans: Readonly<Record<string, PlanFacts>>;
  readonly measured: readonly MeasuredPoint[];
  readonly predictions: ReadonlyMap<string, readonly Predicted[]>;
  readonly errors: readonly PredictionError[];
  readonly targets: readonly ResponseTarget[];
  readonly fit: readonly string[];
}

/** As text: a row for each placement and rate, measured and predicted side by side; then how far off they are, then the targets. */
export function renderResponse({ plans, measured, predictions, errors, targets, fit }: ResponseReport): string {
  const ms = (seconds: number): string => (seconds * 1e3).toPrecision(3);
  const rows = measured.map((point) => {
    const told = predictions.get(point.plan)?.find(({ rate }) => rate === point.rate);
    const pair = (figure: "mean" | "p50" | "p95" | "p99"): string => {
      const seen = point.response === null ? "saturated" : ms(point.response[figure]);
      const said = told === undefined ? "–" : told.responseMs === null ? "saturated" : ms(told.responseMs[figure] / 1e3);
      const off =
        point.response && told?.responseMs
          ? ` ${told.responseMs[figure] / 1e3 >= point.response[figure] ? "+" : "−"}${percent(Math.abs(told.responseMs[figure] / 1e3 / point.response[figure] - 1))}`
          : "";
      return `${seen} | ${said}${off}`;
    };
    const cpus = point.busy.map(percent).join(", ");
    return [
      `${point.plan}${point.spoiled ? " !" : ""}`,
      `${point.share} %`,
      String(point.rate),
      pair("mean"),
      pair("p50"),
      pair("p95"),
      pair("p99"),
      cpus,
    ];
  });
  const header = ["placement", "load", "req/s", "mean [ms] seen | told", "p50 [ms]", "p95 [ms]", "p99 [ms]", "CPUs busy"];
  const widths = header.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => cell.padEnd(widths[c]!))
      .join("  ")
      .trimEnd();
  const off = errors.map(({ plan, by, compared, disagreed }) => {
    const each = (["mean", "p50", "p95", "p99"] as const).map(
      (figure) => `${figure} ${percent(by[figure].median)} (at most ${percent(by[figure].most)})`,
    );
    const seen = fit.includes(plan) ? "calibrated on at 30 and 60 %" : "never seen by the model";
    const about = disagreed.length > 0 ? `; only one of the two is saturated at ${disagreed.join(", ")} req/s` : "";
    return compared === 0
      ? `${plan}: nothing to compare${about}`
      : `${plan}, ${seen}: predictions are off by ${each.join(", ")}, median of ${compared} rates${about}`;
  });
  const judged = targets.map(({ name, state, value }) => `${state === "met" ? "✓" : state === "missed" ? "✗" : "?"} ${name}: ${value}`);
  const placed = Object.entries(plans).map(([name, { kept, on, requested, made }]) => {
    const nodes = Object.entries(on).map(
      ([node, services]) => `${node} (${percent(requested[node]!)} of its CPU requested): ${services.join(", ")}`,
    );
    return `${name} keeps ${percent(kept)} of the messages on a node; ${made}\n  ${nodes.join("\n  ")}`;
  });
  return `${[...placed, "", line(header), ...rows.map(line), "", ...off, "", ...judged].join("\n")}\n`;
}
