/** A callback that ended badly. @module */
import { MitsuError } from "@mitsu/cli";
import type { TrapReport } from "./plugin.ts";
import { webAssembly } from "./web-assembly.ts";

/**
 * What a plugin's methods throw when the guest traps, runs out of fuel, or has trapped before.
 *
 * Its code is `ERR_FILTER_TRAP`; what happened is in {@link report}.
 */
export class FilterTrap extends MitsuError {
  override readonly name = "FilterTrap";
  readonly report: TrapReport;

  constructor(filter: string, report: TrapReport, cause?: unknown) {
    super(`filter ${filter} stopped in ${report.callback}: ${report.detail}`, {
      code: "ERR_FILTER_TRAP",
      hint:
        report.reason === "fuel"
          ? "raise limits.fuel of the filter, or mend its loop"
          : "mend the filter; its virtual machine is unusable now",
      cause,
    });
    this.report = report;
  }
}

/** Thrown through the guest when it called `proc_exit`. */
export class GuestExit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the guest called proc_exit(${code})`);
    this.code = code;
  }
}

/** Thrown through the guest when host functions have done more for one callback than its fuel pays. */
export class HostWorkSpent extends Error {
  constructor() {
    super("out of fuel by calls of host functions");
  }
}

/** Names of the guest's functions in an error's stack, the innermost first; those without a name as `wasm-function[3]`. */
export function guestFrames(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    const frame = /^\s*at (?:(.+) \()?wasm:\/\/.*?(wasm-function\[\d+\])/.exec(line);
    if (frame === null) continue;
    frames.push((frame[1] ?? frame[2] ?? "").replace(/^[\w.-]+\.wasm\./, ""));
    if (frames.length === 8) break;
  }
  return frames;
}

/**
 * Says what an error out of the guest means.
 *
 * @param fuelSpent The counter is below zero.
 * @param memoryFull Linear memory cannot grow any more.
 */
export function describeTrap(error: unknown, callback: string, fuelSpent: boolean, memoryFull: boolean): TrapReport {
  const message = error instanceof Error ? error.message : String(error);
  const frames = guestFrames(error);
  const where = frames.length === 0 ? "" : ` (in ${frames.join(" < ")})`;
  const report = (reason: TrapReport["reason"], what: string): TrapReport => ({ reason, callback, detail: `${what}${where}` });
  if (error instanceof HostWorkSpent) return report("fuel", message);
  if (error instanceof GuestExit) return report("trap", message);
  if (error instanceof webAssembly.RuntimeError) {
    if (fuelSpent) return report("fuel", "out of fuel");
    return report(
      memoryFull || message.includes("memory access out of bounds") ? "memory" : "trap",
      memoryFull ? `${message}; memory is at its limit` : message,
    );
  }
  // The guest's recursion ends at V8's stack limit, as a RangeError.
  if (error instanceof RangeError && message.includes("call stack")) return report("trap", "stack overflow");
  return report("host", message);
}
