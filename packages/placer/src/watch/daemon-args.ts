/** What `placer daemon` is told, checked. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { defaultWeight } from "../solve/objective.ts";
import { parseBudget } from "../solve/parse-budget.ts";
import type { WatchOptions } from "./watch.ts";

/** Flags of `placer daemon`. */
export interface DaemonArgs {
  readonly problem: string;
  readonly sockhijackSocket: readonly string[];
  /** Seconds. */
  readonly interval: number;
  /** Seconds. */
  readonly halfLife: number;
  readonly threshold: number;
  /** Seconds. */
  readonly hold: number;
  readonly state: string;
  readonly metrics: string | undefined;
  readonly maxUtilisation: number;
  readonly reserve: string;
  readonly weight: number | undefined;
  readonly budget: string | undefined;
}

/** Where a node's sockhijack listens unless told. */
const sockhijackSocket = "/run/mitsu/sockhijack.sock";

/** @throws {MitsuError} `ERR_USAGE`, which names the flag and what is allowed. */
export function checkArgs(
  args: DaemonArgs,
): Omit<WatchOptions, "planner" | "version" | "env" | "log"> & { readonly budget: string | undefined } {
  const { problem, interval, halfLife, threshold, hold, maxUtilisation, reserve, budget, state } = args;
  const weight = args.weight ?? defaultWeight;
  const share = (value: number): boolean => value >= 0 && value <= 1;
  const faults = [
    [problem !== "-", "--problem -", "a file, which can be read again"],
    [interval >= 0.05 && interval <= 3600, `--interval ${interval}`, "0.05 to 3600 s"],
    [halfLife >= interval && halfLife <= 1e7, `--half-life ${halfLife}`, "at least --interval"],
    [threshold > 0 && threshold <= 1, `--threshold ${threshold}`, "above 0, to 1"],
    [hold >= 0 && hold <= 1e7, `--hold ${hold}`, "0 or more seconds"],
    [maxUtilisation > 0 && maxUtilisation <= 1, `--max-utilisation ${maxUtilisation}`, "above 0, to 1"],
    [share(weight), `--weight ${weight}`, "0 to 1"],
  ] as const;
  for (const [right, what, allowed] of faults) {
    if (!right)
      throw new MitsuError(`${what}: ${allowed} is needed`, {
        code: "ERR_USAGE",
        exit: exitStatus.usage,
        hint: "see placer daemon --help",
      });
  }
  parseBudget(budget); // placer plan takes it as it was given; a wrong one is said at once
  return {
    sockets: [...new Set(args.sockhijackSocket.length > 0 ? args.sockhijackSocket : [sockhijackSocket])],
    intervalMs: interval * 1000,
    halfLifeMs: halfLife * 1000,
    holdMs: hold * 1000,
    threshold,
    state,
    maxUtilisation,
    reserve: reserve as WatchOptions["reserve"], // one of the choices: the frame has looked
    weight,
    budget,
  };
}
