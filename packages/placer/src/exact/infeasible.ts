/** stub. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { Instance } from "../solve/instance.ts";
export async function infeasibility(
  _instance: Instance,
  _options: { deadlineMs: number; highs?: unknown },
): Promise<{ status: "feasible" | "infeasible" | "unknown"; clash: readonly string[] }> {
  return { status: "unknown", clash: [] };
}
export function infeasibleError(clash: readonly string[]): MitsuError {
  return new MitsuError(`no placement keeps all constraints: ${clash.join("; ")}`, { code: "ERR_PLACER_INFEASIBLE", hint: "x" });
}
