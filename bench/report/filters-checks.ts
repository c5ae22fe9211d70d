/** What the checks of filters.sh found: rules in the kernel, loops, memory, reloads, examples, rules. @module */
import { judgeKernel, kernelLines } from "./filters-kernel.ts";
import type { KernelRun } from "./filters-kernel-run.ts";
import { type Bound, judge, noData, type Target } from "./judge.ts";
import { spread } from "./points.ts";
import type { Check } from "./samples.ts";

/** What `lib/filters-safety.ts` prints. */
interface Spun {
  readonly spinMs: number;
  readonly statuses: readonly number[];
  readonly nextStatuses: readonly number[];
  readonly backMs: readonly (number | null)[];
}

/** A run with fewer is not judged. */
const wantedReloads = 2000;
const wantedRules = 10_000;

type Figures = Check["check"];
const spun = (check: Figures, which: "closed" | "open"): Spun => check[which] as Spun;
const number = (value: unknown): number => Number(value);
const list = (values: readonly unknown[]): string => [...new Set(values)].join(", ");

const says: Readonly<Record<string, (check: Figures) => readonly string[]>> = {
  kernel: (check) => kernelLines(check as unknown as KernelRun),
  safety: (check) => [
    ...(["closed", "open"] as const).map((which) => {
      const { spinMs, statuses, nextStatuses, backMs } = spun(check, which);
      return `a loop without end, ${which}: answered ${list(statuses)} in ${spinMs.toFixed(1)} ms, the next request ${list(nextStatuses)}, the filter back in ${list(backMs.map((ms) => `${ms} ms`))}`;
    }),
    `a request without: ${number(check.usualMs).toFixed(1)} ms; 64 MiB more: ${check.grow}`,
  ],
  reloads: (check) => [
    `${check.shown} of ${check.reloads} changed configurations took effect, ${number(check.perReloadMs).toFixed(0)} ms each; ${check.failed} requests failed`,
    `resident ${number(check.firstMb).toFixed(0)} MB at first, ${number(check.lastMb).toFixed(0)} MB in the end; ${number(check.slopeKb).toFixed(1)} kB a reload over the second half`,
  ],
  examples: (check) => [
    `${check.right} of ${check.filters} AssemblyScript filters do what they say`,
    ...(check.failures as readonly string[]).map((failure) => `  not ${failure}`),
  ],
  rules: (check) =>
    (check.sets as readonly Readonly<Record<string, number>>[]).map(
      ({ rules, compileMs, compileCpuMs, requestUs, bytes }) =>
        `${rules} rules: compiled in ${compileMs!.toFixed(0)} ms (${compileCpuMs!.toFixed(0)} ms of CPU) to ${(bytes! / 1024).toFixed(0)} KiB, ${requestUs!.toFixed(2)} µs a request`,
    ),
};

const titles: Readonly<Record<string, string>> = {
  kernel: "Rules in the kernel, by sockhijack",
  safety: "Filters that misbehave, on nicd",
  reloads: "Reloads of a filter",
  examples: "Examples",
  rules: "Rules as a module",
};

/** The checks as text. */
export function renderFilterChecks(checks: readonly Check[]): string {
  const lines = Object.entries(titles).flatMap(([phase, title]) => {
    const here = checks.filter((check) => check.phase === phase);
    return here.length === 0 ? [] : [title, ...here.flatMap(({ check }) => says[phase]!(check).map((line) => `  ${line}`)), ""];
  });
  return lines.map((line) => `${line}\n`).join("");
}

const all = (values: readonly number[], wanted: number): boolean => values.length > 0 && values.every((value) => value === wanted);

/** Judges them by the worst repetition. */
export function judgeFilterChecks(checks: readonly Check[]): readonly Target[] {
  const of = (phase: string): Figures | undefined => checks.findLast((check) => check.phase === phase)?.check;
  const [safety, reload, examples, rules] = [of("safety"), of("reloads"), of("examples"), of("rules")];
  const one = (name: string, bound: Bound, value: number | undefined, unit: string, failure?: string): Target =>
    judge(name, bound, value === undefined ? undefined : spread([value]), unit, failure);
  return [
    ...judgeKernel(of("kernel") as unknown as KernelRun | undefined),
    ...(safety === undefined
      ? [
          ...["closed", "open"].map((which) => noData(`a loop without end, fail-${which}`, "≤ 10.0 ms")),
          noData("the request behind a first loop", "200"),
          noData("64 MiB more", "refused"),
        ]
      : [...judgeSpin(safety), judgeNext(safety), judgeGrow(safety)]),
    reload !== undefined && number(reload.reloads) < wantedReloads
      ? { ...noData("a thousand reloads, resident", "≤ 4.0 kB each"), measured: `only ${reload.reloads} of them` }
      : one(
          "a thousand reloads, resident",
          ["≤", 4, 1],
          reload && number(reload.slopeKb),
          " kB each",
          reload && (number(reload.shown) < number(reload.reloads) || number(reload.failed) > 0) ? says.reloads!(reload)[0] : undefined,
        ),
    one(
      "AssemblyScript examples that do what they say",
      ["≥", examples ? number(examples.filters) : 17, 0],
      examples && number(examples.right),
      "",
      undefined,
    ),
    ...judgeRules(rules),
  ];
}

function judgeSpin(safety: Figures): readonly Target[] {
  return (["closed", "open"] as const).map((which) => {
    const { spinMs, statuses, nextStatuses, backMs } = spun(safety, which);
    const wanted = which === "closed" ? 500 : 200;
    const wrong = !all(statuses, wanted) || backMs.some((ms) => ms === null) || (which === "open" && !all(nextStatuses, 200));
    return judge(
      `a loop without end, fail-${which}`,
      ["≤", 10, 1],
      spread([spinMs]),
      " ms",
      wrong ? says.safety!(safety)[which === "closed" ? 0 : 1] : undefined,
    );
  });
}

/** After the first of several: later ones are waited for longer and longer. */
function judgeNext(safety: Figures): Target {
  const next = spun(safety, "closed").nextStatuses[0];
  return { name: "the request behind a first loop", want: "200", measured: String(next), state: next === 200 ? "met" : "missed" };
}

function judgeGrow(safety: Figures): Target {
  const grow = String(safety.grow).trim();
  const met = grow === "granted=0" || /failed$/.test(grow);
  const how = grow === "granted=0" ? "refused" : `refused, by ending the callback (${grow})`;
  return { name: "64 MiB more", want: "refused", measured: met ? how : grow, state: met ? "met" : "missed" };
}

function judgeRules(rules: Figures | undefined): readonly Target[] {
  const sets = (rules?.sets ?? []) as readonly Readonly<Record<string, number>>[];
  const most = sets.at(-1);
  const enough = most?.rules === wantedRules;
  const few = sets[0];
  const name = "10 000 rules";
  if (!enough || few === undefined)
    return [noData(`${name} compiled`, "≤ 2.00 s of CPU"), noData(`a request with ${name} over one with ten`, "≤ 2.00 ×")];
  return [
    judge(`${name} compiled`, ["≤", 2], spread([most!.compileCpuMs! / 1000]), " s of CPU"),
    judge(`a request with ${name} over one with ten`, ["≤", 2], spread([most!.requestUs! / few.requestUs!]), " ×"),
  ];
}
