/** `sockhijack selftest`: runs the checks now and says what they mean. @module */
import { existsSync } from "node:fs";
import { type Context, onSignals, print, table } from "@mitsu/cli";
import { exitStatus } from "@mitsu/cli/error";
import { defaultBpffs, ensureBpffs, requireFeatures } from "@mitsu/ebpf-ts";
import { asset } from "../assets.ts";
import { placesOf } from "../places.ts";
import type { CheckResult, Outcome } from "./check.ts";
import { type Report, type RunOptions, runChecks } from "./run-checks.ts";
import { type Verdict, verdictOf } from "./verdict.ts";
import { cacheKey, saveVerdict } from "./verdict-cache.ts";

const words: Readonly<Record<Outcome, string>> = { holds: "ok", broken: "BROKEN", known: "kept out", unchecked: "not checked" };

function meaning({ outcome, proves, seen, refused }: CheckResult): string {
  if (outcome === "holds") return `${proves} (${seen})`;
  return refused === "" ? `${seen}; ${proves}: unknown` : `${seen}; refused: ${refused}`;
}

/** One line: what the daemon will do here. */
function summary({ kernel, results, tookMs }: Report, { usable, promote, unread }: Verdict): string {
  const tail = `on Linux ${kernel} (${results.length} checks, ${Math.round(tookMs)} ms)`;
  if (!usable) return `redirect is unusable ${tail}: the daemon leaves every connection to TCP`;
  const but = [
    ...(promote ? [] : ["a connection that goes over to TCP stays there"]),
    ...(unread ? [] : ["a busy connection waits until all that came is read"]),
  ];
  return but.length === 0 ? `redirect is faithful ${tail}` : `redirect is faithful ${tail}, but ${but.join(", and ")}`;
}

/**
 * Runs every check afresh; exit status 95 when redirect is unusable. A daemon's next start goes by this verdict.
 *
 * @param doubles What a test puts in the kernel's place.
 */
export async function run(_args: unknown, context: Context, doubles: Partial<RunOptions> = {}): Promise<number> {
  requireFeatures(["btf", "sockhash", "iterTcp", "capBpf", "capNetAdmin", "capSysAdmin"]);
  ensureBpffs(defaultBpffs, { mount: true });
  const object = asset("sockhijack.bpf.o");
  // Without a listener an interrupt would end the process at once, and leave the pins; with one it waits for the end, a moment away.
  using _interrupts = onSignals(context.env);
  const report = runChecks({ object, ...doubles });
  const verdict = verdictOf(report.results);
  const { state } = placesOf(context.socket);
  if (existsSync(state)) saveVerdict(state, cacheKey(object), verdict, context.log);
  print(context, { ...verdict, ...report }, (_value, out) => {
    const rows = table(
      report.results,
      [
        { header: "CHECK", value: ({ name }) => name },
        { header: "RESULT", value: ({ outcome }) => words[outcome] },
        { header: "MEANING", value: meaning },
      ],
      out,
    );
    return `${rows}\n${summary(report, verdict)}\n`;
  });
  return verdict.usable ? exitStatus.ok : exitStatus.unsupported;
}
