/** The verdict: what the daemon may do on this kernel, from the self-test or from what an earlier start found. @module */
import type { Log } from "@mitsu/cli";
import { asset } from "../assets.ts";
import type { CheckResult } from "./check.ts";
import type { Report } from "./run-checks.ts";
import { cacheKey, readVerdict, saveVerdict } from "./verdict-cache.ts";

/** What may be done. */
export interface Verdict {
  /** Redirect at all. */
  readonly usable: boolean;
  /** Redirect again after a message went by TCP. */
  readonly promote: boolean;
  /** Take along what a socket has not read yet when it enters the map. */
  readonly unread: boolean;
  /** A sentence for each thing that is broken and for what is refused because of it. */
  readonly broken: readonly string[];
}

/** What the results of the checks lead to; what is known to be broken and always kept out does not count. */
export function verdictOf(results: readonly CheckResult[]): Verdict {
  const broken = results.filter(({ outcome }) => outcome === "broken");
  return {
    usable: broken.every(({ consequence }) => consequence !== "redirect"),
    promote: broken.every(({ consequence }) => consequence !== "promotion"),
    unread: broken.every(({ consequence }) => consequence !== "unread"),
    broken: broken.map(({ name, seen, refused }) => `self-test ${name}: ${seen}; refused: ${refused}`),
  };
}

/** How to judge. */
export interface JudgeOptions {
  /** The daemon's state folder, where the verdict is kept for its next start. */
  readonly state: string;
  /** `off` trusts the kernel unseen. */
  readonly mode?: "auto" | "off";
  /** Runs the checks, on the running kernel unless a test gives results of its own. */
  readonly run?: (object: Uint8Array) => Promise<Report>;
}

/**
 * Judges the running kernel. A self-test takes some 200 ms; its verdict is kept by kernel, layout and object, and the next start costs
 * nothing. When it cannot run, nothing is redirected, traffic flows by TCP, and `status` says why.
 *
 * @example
 * ```ts
 * const { usable, promote, broken } = await judgeKernel(log, { state: "/var/lib/mitsu/sockhijack" });
 * ```
 */
export async function judgeKernel(log: Log, { state, mode = "auto", run = runHere }: JudgeOptions): Promise<Verdict> {
  if (mode === "off") {
    log.warn("self-test is off: this kernel is trusted unseen");
    return { usable: true, promote: true, unread: true, broken: [] };
  }
  const object = asset("sockhijack.bpf.o");
  const key = cacheKey(object);
  const known = readVerdict(state, key);
  if (known) return known;
  let report: Report;
  try {
    report = await run(object);
  } catch (error) {
    log.error("self-test could not run: nothing is redirected", { error });
    const why = error instanceof Error ? error.message : String(error);
    return { usable: false, promote: false, unread: false, broken: [`self-test could not run: ${why}; refused: redirect`] };
  }
  const verdict = verdictOf(report.results);
  for (const broken of verdict.broken) log.error(broken, { hint: "see `sockhijack selftest`; after it, start the daemon again" });
  const { usable, promote, unread } = verdict;
  log.info("self-test", { usable, promote, unread, checks: report.results.length, tookMs: Math.round(report.tookMs) });
  saveVerdict(state, key, verdict, log);
  return verdict;
}

/** Loaded only when it is needed: a start that knows its verdict goes without. */
async function runHere(object: Uint8Array): Promise<Report> {
  const { runChecks } = await import("./run-checks.ts");
  return runChecks({ object });
}
