/** The placement report for `status`. @module */
import { type OutputStream, table } from "@mitsu/cli";
import type { PlacementRow, PlacementStatus } from "@mitsu/ipc";

/** Where each piece of work runs, what an operation costs there, entries in use of those reserved, and why; a line for each device that refused. */
export function placementText({ work, notices }: PlacementStatus, out: OutputStream): string {
  const rows = table<PlacementRow>(
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
