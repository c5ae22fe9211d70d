/** A folder for tables. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { ReportRow } from "../src/mod.ts";

/** A path that is removed with its folder when the test is over. */
export function tablePath(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "replica-table-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "table");
}

/** A report, and something to read one into. */
export const report = (changed: Partial<ReportRow> = {}): ReportRow => ({
  atMs: 0,
  inFlight: 0,
  serviceMs: 0,
  latencyMs: 0,
  failures: 0,
  workers: 0,
  weight: Number.NaN,
  flags: 0,
  ...changed,
});
