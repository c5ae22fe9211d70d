/** Which devices take a piece of work, the cheapest first, and why the others do not. @module */
import type { AnyWork } from "./capability.ts";
import type { Cost, Device } from "./device.ts";
import { nanoseconds, type Policy, policyAllows, type Refusal } from "./placement-report.ts";

/** A device that takes it. */
export interface Candidate {
  readonly device: Device;
  readonly cost: Cost;
}

/** The answers of all that were asked. */
export interface Search {
  /** The cheapest first; of equals hardware, then who came first. */
  readonly candidates: readonly Candidate[];
  readonly refused: readonly Refusal[];
}

/**
 * Asks devices for a piece of work with its state.
 *
 * @param without A device that is not asked, and has not refused.
 * @param beyond Devices whose limits the work is known to exceed, with what they said.
 */
export function searchDevices(
  devices: Iterable<Device>,
  policy: Policy,
  work: AnyWork,
  state: unknown,
  without?: Device,
  beyond?: ReadonlyMap<Device, string>,
): Search {
  const candidates: Candidate[] = [];
  const refused: Refusal[] = [];
  for (const device of devices) {
    const { name, kind } = device.identity;
    const limit = beyond?.get(device);
    if (limit !== undefined) refused.push({ device: name, code: "limit", reason: limit });
    if (device === without || limit !== undefined) continue;
    if (!policyAllows(policy, kind)) {
      refused.push({ device: name, code: "policy", reason: `is ${kind}` });
      continue;
    }
    try {
      const verdict = device.validate(work, state);
      if (verdict.ok) candidates.push({ device, cost: verdict.cost });
      else refused.push({ device: name, code: verdict.code, reason: verdict.reason });
    } catch (error) {
      refused.push({ device: name, code: "gone", reason: messageOf(error) });
    }
  }
  const rank = ({ device }: Candidate): number => (device.identity.kind === "hardware" ? 0 : 1);
  candidates.sort((one, other) => one.cost.ns - other.cost.ns || rank(one) - rank(other));
  return { candidates, refused };
}

/** Why a device was taken, seen beside the next one. */
export function reasonOf(cost: Cost, next: Candidate | undefined): string {
  if (next === undefined) return "the only one that takes it";
  const other = `${next.device.identity.name} ${nanoseconds(next.cost)} ns`;
  return cost.ns < next.cost.ns ? `the cheapest; next ${other}` : `as cheap as ${other}`;
}

/** What anything that was thrown says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
