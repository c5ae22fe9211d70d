/** What the checks of nic-path.sh found: memory, large bodies, slow readers, killed workers, reloads. @module */
import { type Bound, judge, noData, type Target } from "./judge.ts";
import { relayNames } from "./nic-names.ts";
import { spread } from "./points.ts";
import type { Check } from "./samples.ts";

/** What the targets want; a run with less of it (`--quick`) is not judged. */
const wanted = { idle: 10_000, requests: 1_000_000 } as const;

const count = (value: unknown): string => Number(value).toLocaleString("en-US");
const mb = (value: unknown): string => `${Number(value).toFixed(0)} MB`;

/** The resident set's rise while a body was carried, the greater of both ways, in MB. */
const bodyRise = ({ check }: Check): number => Math.max(Number(check.downPeakMb), Number(check.upPeakMb)) - Number(check.baseMb);
const bodyRight = ({ check }: Check): boolean => check.downRight === true && check.upRight === true;

interface Kind {
  readonly title: string;
  /** One measurement as text. */
  readonly say: (check: Check) => string;
}

const kinds: Readonly<Record<string, Kind>> = {
  idle: {
    title: "Idle connections: the relay's resident set",
    say: ({ check: c }) =>
      `${mb(c.heldMb)} with ${count(c.connections)} (${mb(c.baseMb)} before)${c.dead ? `, ${count(c.dead)} DEAD` : ""}`,
  },
  body: {
    title: "Large bodies: the relay's peak while 100 MB go down and up",
    say: (c) =>
      `${mb(c.check.downPeakMb)} down, ${mb(c.check.upPeakMb)} up (${mb(c.check.baseMb)} before), ${bodyRight(c) ? "every byte right" : "NOT the right bytes"}` +
      [c.check.downProblem, c.check.upProblem].flatMap((problem) => (problem ? [`; ${problem}`] : [])).join(""),
  },
  slow: {
    title: "Slow reader, 24 MB/s",
    say: ({ check: c }) =>
      `grew by ${Number(c.growthMb).toFixed(1)} MB (peak ${mb(c.peakMb)}), server ${Number(c.aheadMb).toFixed(1)} MB ahead, at ${Number(c.rateMb).toFixed(1)} MB/s`,
  },
  kill: {
    title: "kill -9 of one of two workers under load",
    say: ({ check: c }) =>
      `${count(c.elsewhere)} failures on other workers' connections; ${count(c.lost)} on the ${count(c.killedHeld)} of ${count(c.connections)} that the killed one held, ${count(c.later)} on connections opened after it`,
  },
  reload: {
    title: "Reloads under load",
    say: ({ check: c }) =>
      `${count(Number(c.failed) + Number(c.unanswered))} of ${count(c.requests)} failed over ${count(c.reloads)} reloads, ${count(c.closed)} connections closed in order` +
      (String(c.reloads) === c.seen ? "" : `; the last one did NOT take effect (${c.seen || "no tag"})`),
  },
};

/**
 * The checks as text, each repetition of each relay on a line.
 *
 * @example
 * ```ts
 * process.stdout.write(renderChecks(parseMeasurements(text).checks));
 * ```
 */
export function renderChecks(checks: readonly Check[]): string {
  const lines: string[] = [];
  for (const [phase, { title, say }] of Object.entries(kinds)) {
    const here = checks.filter((c) => c.phase === phase);
    if (here.length === 0) continue;
    lines.push(title);
    for (const mode of Object.keys(relayNames))
      for (const check of here.filter((c) => c.mode === mode)) lines.push(`  ${relayNames[mode]!.padEnd(9)} ${say(check)}`);
    lines.push("");
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** Judged by the worst repetition: one bad one is enough. */
function worst(
  name: string,
  bound: Bound,
  unit: string,
  own: readonly Check[],
  figure: (check: Check) => number,
  failure?: string,
): Target {
  return judge(name, bound, own.length > 0 ? spread([Math.max(...own.map(figure))]) : undefined, unit, failure);
}

/** As it is, unless the run asked for less than the target: then met is not yet met. */
function unlessLess(target: Target, own: readonly Check[], size: (check: Check) => number, least: number): Target {
  const most = Math.max(0, ...own.map(size));
  if (own.length === 0 || most >= least) return target;
  return {
    ...target,
    measured: `${target.measured} with ${count(most)}, not ${count(least)}`,
    state: target.state === "missed" ? "missed" : "no data",
  };
}

/** Judges nicd's checks; what was not measured says so and is never taken for met. */
export function judgeChecks(checks: readonly Check[]): readonly Target[] {
  const of = (phase: string): readonly Check[] => checks.filter((c) => c.phase === phase && c.mode === "nicd");
  const [idle, body, slow, kill, reload] = [of("idle"), of("body"), of("slow"), of("kill"), of("reload")];
  const dead = idle.find(({ check }) => Number(check.dead) > 0);
  const held = idle.length > 0 ? spread(idle.map(({ check }) => Number(check.heldMb))) : undefined;
  const wrong = body.find((check) => !bodyRight(check));
  const unseen = reload.find(({ check }) => String(check.reloads) !== check.seen);
  const noReload = reload.find(({ check }) => !(Number(check.reloads) > 0));
  return [
    unlessLess(
      judge("10 000 idle connections, resident", ["≤", 300, 0], held, " MB", dead && kinds.idle!.say(dead)),
      idle,
      ({ check }) => Number(check.wanted),
      wanted.idle,
    ),
    worst("100 MB down and up, peak over base", ["≤", 32, 0], " MB", body, bodyRise, wrong && kinds.body!.say(wrong)),
    worst("slow reader, growth", ["≤", 8, 1], " MB", slow, ({ check }) => Number(check.growthMb)),
    worst("slow reader, the server's lead", ["≤", 32, 0], " MB", slow, ({ check }) => Number(check.aheadMb)),
    worst("kill -9 of a worker, failures on others' connections", ["≤", 0, 0], "", kill, ({ check }) => Number(check.elsewhere)),
    noReload
      ? noData("reload, failed of a million requests", "≤ 0")
      : unlessLess(
          worst(
            "reload, failed of a million requests",
            ["≤", 0, 0],
            "",
            reload,
            ({ check }) => Number(check.failed) + Number(check.unanswered),
            unseen && kinds.reload!.say(unseen),
          ),
          reload,
          ({ check }) => Number(check.requests) + Number(check.failed) + Number(check.unanswered),
          wanted.requests,
        ),
  ];
}
