/**
 * What rules in the kernel cost: two sockhijacks side by side, one with ten thousand rules and one without, given the same fixed numbers of requests in
 * turn, and the CPU time of each. Prints one JSON object (bench/report/filters-kernel.ts).
 *
 *     node bench/lib/filters-kernel.ts --rules FOLDER --rows N --rounds N --pairs N --seconds N [--control NS] --load PROGRAM… --side JSON --side JSON
 *
 * After every round the two exchange their rules, so that what one of them is faster by (where its memory lies, say) is not taken for a cost of rules.
 * Blocks follow one another as without, with, with, without; the next four the other way round.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Coupling, Kind, Pair, ProgramRun } from "../report/filters-kernel-run.ts";
import { type Place, Side } from "./filters-kernel-side.ts";

/** Requests in a block: some 15 ms of each kind: neighbours in time see the same machine. */
const kinds: Readonly<Record<Kind, number>> = { kept: 3000, new: 600 };
/** The mean of what a request on a kept connection sends: itself and its answer. */
const messages = 2;
const coupledWithinMs = 30_000;
/** Requests by which that is seen. */
const probe = 320;

const { values } = parseArgs({
  options: {
    rules: { type: "string" },
    rows: { type: "string" },
    rounds: { type: "string", default: "6" },
    pairs: { type: "string", default: "40" },
    seconds: { type: "string", default: "8" },
    control: { type: "string", default: "0" },
    load: { type: "string", multiple: true, default: [] },
    side: { type: "string", multiple: true, default: [] },
  },
});
const { rules, rows } = values;
const controlNs = Number(values.control);
if (rules === undefined || rows === undefined || values.side.length !== 2) throw new RangeError("wants --rules, --rows and two --side");
const [first, second] = values.side.map((text) => new Side(JSON.parse(text) as Place, values.load)) as [Side, Side];

const pairs: Pair[] = [];
const runs: ProgramRun[] = [];
const couplings: Coupling[] = [];
const redirected: number[] = [];

/** Pairs as without, with, with, without, then the other way round; until there are enough, or time is up. */
async function measure(kind: Kind, round: number, none: Side, ruled: Side): Promise<void> {
  const command = `${kind} ${kinds[kind]}`;
  const end = performance.now() + 1000 * Number(values.seconds);
  for (let at = 0; at < Number(values.pairs) && performance.now() < end; at++) {
    const noneFirst = at % 4 === 0 || at % 4 === 3;
    const one = await (noneFirst ? none : ruled).ask(command);
    const other = await (noneFirst ? ruled : none).ask(command);
    pairs.push({ kind, round, ...(noneFirst ? { none: one, rules: other } : { none: other, rules: one }) });
  }
}

/** Waits until the kernel carries the kept connections past TCP, or those opened in place of them; tells how long it took. */
async function coupled(side: Side, first: "kept" | "again"): Promise<number> {
  const begin = performance.now();
  for (let command: string = first; ; command = "kept") {
    const before = side.redirected();
    await side.ask(`${command} ${probe}`);
    const tookMs = performance.now() - begin;
    if (side.redirected() - before > 0.95 * messages * probe) return tookMs;
    if (tookMs > coupledWithinMs) throw new Error(`sockhijack has not coupled the kept connections in ${coupledWithinMs / 1000} s`);
    await wait(5);
  }
}

/** As `measure`, and which share of the messages went past TCP. */
async function measureKept(round: number, none: Side, ruled: Side): Promise<void> {
  const before = [none.redirected(), ruled.redirected()];
  const from = pairs.length;
  await measure("kept", round, none, ruled);
  const sent = messages * kinds.kept * (pairs.length - from);
  for (const [at, side] of [none, ruled].entries()) redirected.push((side.redirected() - before[at]!) / sent);
}

/** What each program takes, by the kernel's own account, which costs time itself: apart from the pairs. */
async function account(kind: Kind, round: number, none: Side, ruled: Side): Promise<void> {
  await first.ask("stats 1");
  for (const [side, state] of [
    [none, "none"],
    [ruled, "rules"],
    [ruled, "rules"],
    [none, "none"],
  ] as const) {
    const from = side.programTimes();
    await side.ask(`${kind} ${kinds[kind]}`);
    const to = side.programTimes();
    for (const [program, { ns, runs: count }] of Object.entries(to)) {
      const before = from[program] ?? { ns: 0, runs: 0 };
      if (count > before.runs)
        runs.push({ kind, round, with: state, program, ns: ns - before.ns, runs: count - before.runs, requests: kinds[kind] });
    }
  }
  await first.ask("stats 0");
}

try {
  // Both are programs of their daemon before it has rules to take in, which is when it answers nobody.
  await Promise.all([first.ask("spin 0"), second.ask("spin 0")]);
  for (let round = 1; round <= Number(values.rounds); round++) {
    const [none, ruled] = round % 2 === 1 ? [first, second] : [second, first];
    await Promise.all([
      none.takeRules(join(rules, "none.policies.yaml"), 0),
      ruled.takeRules(join(rules, "rules.policies.yaml"), Number(rows)),
    ]);
    for (const side of [none, ruled]) await coupled(side, "kept");
    if (round === 1) for (const side of [none, ruled]) side.findPrograms();
    await none.ask("spin 0");
    await ruled.ask(`spin ${controlNs}`);
    await measureKept(round, none, ruled);
    await measure("new", round, none, ruled);
    for (const kind of ["kept", "new"] as const) await account(kind, round, none, ruled);
    // Last, as the daemon has by now done with the other rules.
    for (const [side, state] of [
      [none, "none"],
      [ruled, "rules"],
    ] as const)
      couplings.push({ round, with: state, ms: await coupled(side, "again") });
    process.stderr.write(`  round ${round} of ${values.rounds}\n`);
  }
  process.stdout.write(`${JSON.stringify({ rows: Number(rows), controlNs, redirected, couplings, pairs, runs })}\n`);
} finally {
  await Promise.all([first.stop(), second.stop()]);
}
