/** The placement report for people. @module */
import { type OutputStream, table } from "@mitsu/cli";
import type { PlacedRule } from "./place-rules.ts";

/** Longer reports are cut; `--json` has all of it. */
const mostShown = 100;

/**
 * A line for each rule, then one for each device.
 *
 * @example
 * ```ts
 * env.stdout.write(placementText(report.rules, env.stdout));
 * ```
 */
export function placementText(rules: readonly PlacedRule[], out: OutputStream): string {
  const shown = rules.slice(0, mostShown);
  const rows = table(
    shown,
    [
      { header: "rule", value: ({ rule }) => rule },
      { header: "device", value: ({ device }) => device ?? "-" },
      { header: "cost [ns]", value: ({ cost }) => cost?.ns ?? "-", align: "right" },
      { header: "rows", value: ({ rows: count }) => count, align: "right" },
      { header: "passes", value: ({ passes }) => passes.join(", ") || "-" },
      { header: "why", value: ({ reason }) => reason },
    ],
    out,
  );
  return shown.length < rules.length ? `${rows}and ${rules.length - shown.length} more; --json has all\n` : rows;
}
