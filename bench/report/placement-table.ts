/** A run of placement.sh as text. @module */
import type { Planned } from "../lib/placement-bench.ts";
import { byProblem, type PlacementRun } from "./placement-samples.ts";
import { type Spread, spread } from "./points.ts";

const titles: Readonly<Record<string, string>> = {
  small: "Generated, at most 30 services on at most 4 nodes",
  real: "Real graphs",
  industrial: "Industrial size, medians over instances (least to most)",
  instance: "The published instance, medians over seeds (least to most)",
  social: "Social network, traffic between nodes",
  huge: "Huge",
};

const range = ({ median, min, max }: Spread, digits: number): string =>
  `${median.toFixed(digits)}${min === max ? "" : ` (${min.toFixed(digits)} to ${max.toFixed(digits)})`}`;
const of = (plans: readonly Planned[], value: (plan: Planned) => number): Spread => spread(plans.map(value));

/** Columns padded to the widest of each, numbers to the right. */
function grid(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ")}`.trimEnd(),
  );
}

function proofs(plans: readonly Planned[], phase: string): string[] {
  const rows = [...byProblem(plans, phase)].map(([problem, { mitsu, exact }]) => [
    problem,
    mitsu?.objective.toFixed(6) ?? "failed",
    exact?.objective.toFixed(6) ?? "failed",
    exact?.proof ?? "",
    mitsu && exact ? (mitsu.objective - exact.objective).toExponential(1) : "",
    mitsu?.onNode.toFixed(3) ?? "",
    mitsu?.seconds.toFixed(2) ?? "",
    exact?.seconds.toFixed(2) ?? "",
  ]);
  return rows.length === 0 ? [] : grid([["problem", "objective", "exact's", "proof", "above", "on-node", "s", "exact's s"], ...rows]);
}

function strategies(plans: readonly Planned[], phase: string): string[] {
  const groups = Map.groupBy(
    plans.filter((plan) => plan.phase === phase),
    ({ strategy }) => strategy,
  );
  if (groups.size === 0) return [];
  const rows = [...groups].map(([strategy, all]) => [
    strategy,
    range(
      of(all, ({ onNode }) => onNode),
      3,
    ),
    range(
      of(all, ({ seconds }) => seconds),
      1,
    ),
    range(
      of(all, ({ peakMb }) => peakMb),
      0,
    ),
    range(
      of(all, ({ moves, replicas }) => (100 * moves) / replicas),
      1,
    ),
    String(Math.max(...all.map(({ unplaced }) => unplaced))),
  ]);
  return grid([["strategy", "on-node", "s", "MB", "% moved", "not placed"], ...rows]);
}

function social(plans: readonly Planned[]): string[] {
  const wanted = plans.filter(({ phase }) => phase === "social");
  const groups = Map.groupBy(wanted, ({ problem, strategy }) => `${problem.split(",")[0]} ${strategy}`);
  const rows = [...groups].map(([name, all]) => {
    const ratios = all.map(
      (plan) =>
        (1 - plan.onNode) /
        (1 - (wanted.find((one) => one.problem === plan.problem && one.strategy === "kubernetes")?.onNode ?? Number.NaN)),
    );
    return [
      name,
      range(
        of(all, ({ onNode }) => 1 - onNode),
        3,
      ),
      `${range(spread(ratios), 3)} ×`,
      range(
        of(all, ({ seconds }) => seconds),
        2,
      ),
    ];
  });
  return rows.length === 0 ? [] : grid([["requests/s, strategy", "between nodes", "over Kubernetes'", "s"], ...rows]);
}

/** Every phase's table, those without measurements left out, and what failed. */
export function renderPlacementTable({ plans, failed, fuzz }: PlacementRun): string {
  const sections: [string, string[]][] = [
    ["small", proofs(plans, "small")],
    ["real", proofs(plans, "real")],
    ["industrial", strategies(plans, "industrial")],
    ["instance", strategies(plans, "instance")],
    ["social", social(plans)],
    ["huge", strategies(plans, "huge")],
  ];
  const lines = sections.filter(([, rows]) => rows.length > 0).flatMap(([phase, rows]) => [titles[phase]!, ...rows, ""]);
  for (const { problems, seconds, broken } of fuzz)
    lines.push(
      `Random problems with rules: ${problems} planned in ${seconds.toFixed(0)} s, ${broken.length} broken`,
      ...broken.slice(0, 5).map((one) => `  ${one}`),
      "",
    );
  for (const { phase, problem, strategy, why } of failed)
    lines.push(`FAILED: ${[phase, problem, strategy].filter(Boolean).join(", ")}: ${why}`);
  if (failed.length > 0) lines.push("");
  return lines.map((line) => `${line}\n`).join("");
}
