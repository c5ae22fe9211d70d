/**
 * replica-simulation.sh: every selector in the settings of replicad's targets, by simulation. Each selector meets the same requests; a ratio is taken within a seed, and
 * the table has the median of the ratios. Only mitsu hears broadcasts, so the others are run once, not for each age; with answers c3 alone has the servers' state. prequal
 * and c3 are run as published, and as nicd has them, by the table of reports.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemEnv, table } from "../packages/cli/src/mod.ts";
import type { Outcome, ResponseTimes } from "../packages/replicad/src/simulate/outcome.ts";
import { medianOutcome } from "../packages/replicad/src/simulate/outcome.ts";
import { type Setting, usualSetting } from "../packages/replicad/src/simulate/setting.ts";
import { simulate } from "../packages/replicad/src/simulate/simulate.ts";

const usage = `replica-simulation.sh: response times of every selector in the settings of replicad's targets, by simulation

usage: bench/replica-simulation.sh [options]

  --quick       one seed of 20 s each; indicative only
  --seeds N     runs of each (default 5)
  --seconds N   simulated time of a run (default 100)
  --out DIR     where replica-simulation-<date>.json goes (default bench/out)
  --json        the report as JSON on stdout instead of text
  --strict      exit 1 when a target is missed
  --help

examples:
  bench/replica-simulation.sh           everything, about 2 minutes
  bench/replica-simulation.sh --quick
`;

/** What is run, besides the selector. */
const settings: Readonly<Record<string, Setting>> = {
  "varying, 20 servers": usualSetting,
  "equal, 4 servers": { ...usualSetting, servers: 4, speed: { kind: "equal" } },
  "equal, 4 servers, log-normal": {
    ...usualSetting,
    servers: 4,
    speed: { kind: "equal" },
    service: { kind: "lognormal", mean: 10, cv: 2 },
  },
  "varying, 20 servers × 4 workers, network 0.5 ms": {
    ...usualSetting,
    workers: 4,
    network: { kind: "deterministic", mean: 0.5 },
    feedback: { ...usualSetting.feedback, delayMs: 0.5 },
  },
};

const others = ["round-robin", "random", "p2c", "least-request", "peak-ewma", "c3", "prequal", "jsq"] as const;
const never = Number.POSITIVE_INFINITY;
/** How old reports are; without a broker nothing is heard from the end of the warm-up on. */
const ages: Readonly<Record<string, (setting: Setting) => Partial<Setting>>> = {
  "1 ms": ({ feedback }) => ({ feedback: { ...feedback, intervalMs: 1 } }),
  "1 ms, quiet 100 ms": ({ feedback }) => ({ feedback: { ...feedback, intervalMs: 1, quietMs: 100 } }),
  "10 ms": ({ feedback }) => ({ feedback: { ...feedback, intervalMs: 10 } }),
  "100 ms": ({ feedback }) => ({ feedback: { ...feedback, intervalMs: 100 } }),
  "broker lost": ({ feedback, warmUpMs }) => ({ feedback: { ...feedback, intervalMs: 1, lostAtMs: warmUpMs } }),
};

/** One row of the table. */
interface Row {
  readonly setting: string;
  readonly policy: string;
  readonly middle: Outcome;
  readonly runs: readonly Outcome[];
}

interface Target {
  readonly target: string;
  readonly measured: number;
  readonly limit: number;
  readonly met: boolean;
}

function rowsOf(name: string, setting: Setting, seeds: number): readonly Row[] {
  const row = (policy: string, over: Partial<Setting>): Row => {
    const runs = Array.from({ length: seeds }, (_, at) => simulate({ ...setting, ...over, seed: at + 1 }));
    return { setting: name, policy, middle: medianOutcome(runs), runs };
  };
  return [
    ...others.map((selector) =>
      row(selector, { selector, piggyback: selector === "c3", feedback: { ...setting.feedback, intervalMs: never } }),
    ),
    ...(["prequal", "c3"] as const).map((selector) =>
      row(`${selector}, by the table`, {
        selector,
        piggyback: selector === "c3",
        probe: { ...setting.probe, answers: "table" },
        ...ages["1 ms, quiet 100 ms"]!(setting),
      }),
    ),
    ...Object.entries(ages).map(([age, over]) => row(`mitsu, ${age}`, { selector: "mitsu", ...over(setting) })),
    row("mitsu, broker lost, state with answers", { selector: "mitsu", ...ages["broker lost"]!(setting), piggyback: true }),
  ];
}

/** Median over the seeds of a ratio of two selectors' figures. */
function ratio(rows: readonly Row[], setting: string, policy: string, of: string, figure: (run: Outcome) => number): number {
  const find = (name: string): readonly Outcome[] => rows.find((row) => row.setting === setting && row.policy === name)!.runs;
  const ratios = find(policy).map((run, seed) => figure(run) / figure(find(of)[seed]!));
  return ratios.toSorted((one, other) => one - other)[ratios.length >> 1]!;
}

const time =
  (name: keyof ResponseTimes) =>
  ({ responseMs }: Outcome): number =>
    responseMs?.[name] ?? Number.NaN;

function judge(rows: readonly Row[]): readonly Target[] {
  const targets: Target[] = [];
  const most = (setting: string, policy: string, of: string, limit: number): void => {
    const measured = ratio(rows, setting, policy, of, time("p99"));
    targets.push({ target: `${setting}: p99 of ${policy} over ${of}, at most ${limit}`, measured, limit, met: measured <= limit });
  };
  const [varying, equal] = Object.keys(settings) as [string, string];
  most(varying, "mitsu, 1 ms", "round-robin", 0.1);
  most(varying, "mitsu, 1 ms", "p2c", 0.4);
  most(varying, "mitsu, 1 ms", "prequal", 1);
  most(equal, "mitsu, 1 ms", "round-robin", 0.85);
  const throughput = ratio(rows, equal, "mitsu, 1 ms", "round-robin", (run) => run.throughputPerSecond);
  targets.push({
    target: `${equal}: throughput of mitsu, 1 ms over round-robin, at least 0.98`,
    measured: throughput,
    limit: 0.98,
    met: throughput >= 0.98,
  });
  for (const setting of Object.keys(settings)) for (const age of Object.keys(ages)) most(setting, `mitsu, ${age}`, "round-robin", 1.05);
  return targets;
}

function text(rows: readonly Row[], targets: readonly Target[]): string {
  const ms = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  const figures = table(
    rows,
    [
      { header: "setting", value: ({ setting }) => setting },
      { header: "policy", value: ({ policy }) => policy },
      ...(["mean", "p50", "p99", "p999"] as const).map((name) => ({
        header: `${name === "p999" ? "p99.9" : name} [ms]`,
        value: ({ middle }: Row) => ms(time(name)(middle)),
        align: "right" as const,
      })),
      ...(["round-robin", "p2c", "prequal", "jsq"] as const).map((of) => ({
        header: `p99/${of}`,
        value: ({ setting, policy }: Row) => ratio(rows, setting, policy, of, time("p99")).toFixed(3),
        align: "right" as const,
      })),
      { header: "answered [1/s]", value: ({ middle }) => middle.throughputPerSecond.toFixed(0), align: "right" },
      { header: "herd", value: ({ middle }) => middle.herd.toFixed(2), align: "right" },
    ],
    systemEnv.stdout,
  );
  const judged = targets.map(({ target, measured, met }) => `${met ? "met   " : "MISSED"} ${target}: ${measured.toFixed(3)}`);
  return `${figures}\n${judged.join("\n")}\n`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      seeds: { type: "string" },
      seconds: { type: "string" },
      out: { type: "string", default: join(import.meta.dirname, "out") },
      json: { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const seeds = Number(values.seeds ?? (values.quick ? 1 : 5));
  const seconds = Number(values.seconds ?? (values.quick ? 20 : 100));
  if (!(Number.isInteger(seeds) && seeds > 0 && seconds > 5))
    throw new Error("--seeds wants a whole number above 0, --seconds a number above 5");
  const rows = Object.entries(settings).flatMap(([name, setting]) => {
    process.stderr.write(`${name}\n`);
    return rowsOf(name, { ...setting, durationMs: seconds * 1000, warmUpMs: 5000 }, seeds);
  });
  const targets = judge(rows);
  const report = {
    date: new Date().toISOString(),
    seeds,
    seconds,
    targets,
    rows: rows.map(({ runs, middle, ...row }) => ({
      ...row,
      ...middle,
      runs: runs.map(({ responseMs, throughputPerSecond, herd }) => ({ responseMs, throughputPerSecond, herd })),
    })),
  };
  const whole = `${JSON.stringify(report, null, 2)}\n`;
  await mkdir(values.out, { recursive: true });
  await writeFile(join(values.out, `replica-simulation-${report.date.replace(/[:.]/g, "-")}.json`), whole);
  process.stdout.write(values.json ? whole : text(rows, targets));
  return values.strict && targets.some(({ met }) => !met) ? 1 : 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`replica-simulation: ${(error as Error).message}; see --help\n`);
    process.exitCode = 64;
  }
}
