/** The placement report as a daemon's `status` shows it: with the entries in use, which only the daemon knows. @module */
import { type OutputStream, table } from "@mitsu/cli";

/** One piece of work, as it came over a control socket; see `ReportRow`. */
export interface PlacementStatusRow {
  readonly work: string;
  readonly capability: string;
  readonly device?: string | undefined;
  readonly why: string;
  readonly cost?: { readonly ns: number } | undefined;
  readonly entries: number;
  /** Of the entries, those in use. */
  readonly used?: number | undefined;
  readonly refused: readonly { readonly device: string; readonly reason: string }[];
}

/**
 * Where each piece of work runs, what an operation costs there, entries in use of those reserved, and why; then a line for each device that refused.
 *
 * @example
 * ```ts
 * env.stdout.write(formatPlacement(status.placement, env.stdout));
 * ```
 */
export function formatPlacement(
  { work, notices }: { readonly work: readonly PlacementStatusRow[]; readonly notices: readonly string[] },
  out: OutputStream,
): string {
  const rows = table(
    work,
    [
      { header: "WORK", value: (row) => row.work },
      { header: "CAPABILITY", value: (row) => row.capability },
      { header: "DEVICE", value: (row) => row.device ?? "-" },
      { header: "COST [ns]", value: (row) => row.cost?.ns ?? "-", align: "right" },
      { header: "USED", value: (row) => row.used ?? "-", align: "right" },
      { header: "ENTRIES", value: (row) => row.entries, align: "right" },
      { header: "WHY", value: (row) => row.why },
    ],
    out,
  );
  const refusals = work.flatMap(({ work: name, refused }) =>
    refused.map(({ device, reason }) => `REFUSED ${name}: ${device}: ${reason}\n`),
  );
  return [rows, ...refusals, ...notices.map((notice) => `notice: ${notice}\n`)].join("");
}
