/** Options of commands that run a filter. @module */

import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { defaultLimits, type Limits } from "@mitsu/proxy-wasm";

/** What they have in common. */
export interface LimitArguments {
  readonly fuel: number;
  readonly memory: string;
}

const units: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, kB: 1e3, MB: 1e6, GB: 1e9 };
const pageBytes = 2 ** 16;

/** @throws {MitsuError} `ERR_USAGE`. */
export function limitsOf({ fuel, memory }: LimitArguments): Limits {
  const refuse = (what: string, hint: string): MitsuError => new MitsuError(what, { code: "ERR_USAGE", hint, exit: exitStatus.usage });
  // The counter is a 32-bit number.
  if (!Number.isInteger(fuel) || fuel < 1 || fuel > 2 ** 31 - 1)
    throw refuse(`--fuel ${fuel}: no whole number from 1 to ${2 ** 31 - 1}`, "5000000 is usual");
  const [, count, unit = "B"] = /^(\d+(?:\.\d+)?)([KMG]iB|[kMG]B|B)?$/.exec(memory) ?? [];
  const bytes = Math.round(Number(count) * units[unit]!);
  if (count === undefined || bytes < pageBytes || bytes > 4 * 2 ** 30)
    throw refuse(`--memory ${memory}: no size from 64KiB to 4GiB`, "32MiB is usual");
  return { ...defaultLimits, fuel, memoryBytes: bytes };
}
