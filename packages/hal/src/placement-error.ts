/** What a placement says when no device takes a piece of work. @module */
import { MitsuError } from "@mitsu/cli/error";
import { capabilityLabel } from "./capability.ts";
import type { Placed } from "./placed-work.ts";
import type { Refusal } from "./placement-report.ts";

/** `ERR_HAL_NO_DEVICE`, with each device's reason. */
export function noDevice(placed: Placed, what: string): MitsuError {
  return new MitsuError(`${describe(placed)} ${what}: ${refusals(placed.refused)}`, {
    code: "ERR_HAL_NO_DEVICE",
    hint: `add a device${placed.policy === "auto" ? "" : `, let the policy be auto instead of ${placed.policy},`} or ask for less`,
  });
}

/** `routes (match-action)`. */
export function describe({ name, work }: Placed): string {
  return `${name} (${capabilityLabel(work.capability)})`;
}

/** Each device and its reason, in a line. */
export function refusals(refused: readonly Refusal[]): string {
  return refused.map(({ device, reason }) => `${device}: ${reason}`).join("; ") || "there is no other device";
}
