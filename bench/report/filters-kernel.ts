/** What rules in the kernel cost, judged by an interval: a difference that the run cannot tell from none is no verdict. @module */
import { bootstrap, type Interval } from "./bootstrap.ts";
import { type Block, cpuNs, foreignShare, type KernelRun, type Kind, type Pair, type ProgramRun } from "./filters-kernel-run.ts";
import { noData, type Target } from "./judge.ts";
import { spread } from "./points.ts";

/** A run with fewer rows is not judged. */
const wantedRows = 10_000;
const mostOver = 1.02;
/** Of the messages on kept connections; with fewer it was not the fast path. */
const leastRedirected = 0.95;

const kinds: Readonly<Record<Kind, { readonly name: string; readonly target: string }>> = {
  kept: { name: "a request on a kept connection", target: "CPU of a request on sockhijack's fast path, 10 000 rules over none" },
  new: { name: "a new connection and its request", target: "CPU of a new connection through sockhijack, 10 000 rules over none" },
};

const median = (values: readonly number[]): number => spread(values).median;

/** By the side that had the rules: in the odd rounds one of them, in the even ones the other. */
const bySide = (pairs: readonly Pair[], kind: Kind): readonly (readonly Pair[])[] =>
  [1, 0].map((parity) => pairs.filter((pair) => pair.kind === kind && pair.round % 2 === parity));

/** CPU time of a request without rules, ns. */
const requestNs = (pairs: readonly Pair[], kind: Kind): number =>
  median(pairs.filter((pair) => pair.kind === kind).map(({ none }) => cpuNs(none) / none.requests));

/**
 * With rules over without: the median of the ratios within pairs. It is taken for each side that had the rules; the geometric mean of both is what
 * remains when one side is faster than the other. Rounds are drawn first, then pairs of them: those of one round are more alike than others.
 *
 * @returns undefined unless both sides had the rules in turn.
 */
export function ratioOf(pairs: readonly Pair[], kind: Kind, figure: (block: Block) => number): Interval | undefined {
  const sides = bySide(pairs, kind).map((side) =>
    [...Map.groupBy(side, ({ round }) => round).values()].map((round) => round.map(({ none, rules }) => figure(rules) / figure(none))),
  );
  if (sides.some(({ length }) => length === 0)) return undefined;
  return bootstrap((pick) =>
    Math.sqrt(sides.reduce((product, rounds) => product * median(pick(rounds).flatMap((round) => pick(round))), 1)),
  );
}

const within = ({ value, low, high }: Interval): string => `${value.toFixed(3)} × (${low.toFixed(3)} to ${high.toFixed(3)})`;

/** Met when the whole interval is within the bound, missed when the whole of it is beyond. */
export function judgeKernel(run: KernelRun | undefined): readonly Target[] {
  const want = `≤ ${mostOver.toFixed(2)} ×`;
  return (["kept", "new"] as const).map((kind): Target => {
    const { target: name } = kinds[kind];
    const none = noData(name, want);
    if (run === undefined) return none;
    if (run.rows < wantedRows) return { ...none, measured: `only ${run.rows} rows` };
    const least = Math.min(...run.redirected);
    if (kind === "kept" && least < leastRedirected)
      return { ...none, measured: `only ${(least * 100).toFixed(0)} % of the messages took the fast path`, state: "missed" };
    const ratio = ratioOf(run.pairs, kind, cpuNs);
    if (ratio === undefined) return none;
    if (run.controlNs > 0) return { ...none, measured: `not judged: ${run.controlNs} ns of each request were added` };
    if (ratio.high > mostOver && ratio.low <= mostOver) return { ...none, measured: `not decided: ${within(ratio)}` };
    return { name, want, measured: within(ratio), state: ratio.high <= mostOver ? "met" : "missed" };
  });
}

function saysKind({ pairs }: KernelRun, kind: Kind): readonly string[] {
  const own = pairs.filter((pair) => pair.kind === kind);
  if (own.length === 0) return [];
  const us = (state: "none" | "rules", figure: (block: Block) => number): string =>
    (median(own.map((pair) => figure(pair[state]) / pair[state].requests)) / 1000).toFixed(2);
  const ratio = (figure: (block: Block) => number): string => {
    const found = ratioOf(pairs, kind, figure);
    return found === undefined ? "" : `, ${within(found)}`;
  };
  const wall = ({ wallNs }: Block): number => wallNs;
  const daemon = ({ daemonNs }: Block): number => daemonNs;
  const sides = bySide(pairs, kind)
    .filter(({ length }) => length > 0)
    .map((side) => median(side.map(({ none, rules }) => cpuNs(rules) / cpuNs(none))).toFixed(3));
  const foreign = median(own.flatMap(({ none, rules }) => [foreignShare(none), foreignShare(rules)]));
  return [
    `${kinds[kind].name}: ${us("none", cpuNs)} µs of CPU without rules, ${us("rules", cpuNs)} with${ratio(cpuNs)} by ${own.length} pairs`,
    `  wall clock ${us("none", wall)} and ${us("rules", wall)} µs${ratio(wall)}; the daemon's CPU ${us("none", daemon)} and ${us("rules", daemon)} µs`,
    `  by the side that had the rules ${sides.join(" and ")} ×; others had ${(foreign * 100).toFixed(0)} % of that CPU`,
  ];
}

/** The two programs that are on the way of every message and of every new connection. */
const programs: readonly (readonly [Kind, string])[] = [
  ["kept", "redirect"],
  ["new", "connect4"],
];

function saysProgram({ runs, pairs }: KernelRun, kind: Kind, program: string): readonly string[] {
  const own = runs.filter((run) => run.kind === kind && run.program === program);
  const nsACall = (some: readonly ProgramRun[], state: "none" | "rules"): number =>
    median(some.filter((run) => run.with === state).map(({ ns, runs: count }) => ns / count));
  const rounds = [...Map.groupBy(own, ({ round }) => round).values()].filter((some) =>
    (["none", "rules"] as const).every((state) => some.some((run) => run.with === state)),
  );
  if (rounds.length === 0) return [];
  // Within rounds, as the machine's own speed changes from one to the next by more than this.
  const more = spread(rounds.map((some) => nsACall(some, "rules") - nsACall(some, "none")));
  const request = requestNs(pairs, kind);
  const sign = more.median < 0 ? "" : "+";
  return [
    `BPF program ${program}: ${nsACall(own, "none").toFixed(0)} ns a call without rules; with them ${sign}${more.median.toFixed(0)} ns (${more.min.toFixed(0)} to ${more.max.toFixed(0)} by round), ${sign}${((more.median / request) * 100).toFixed(2)} % of ${kinds[kind].name}`,
  ];
}

/** A known cost, and what it came out as: whether the method finds so little. */
function saysControl({ pairs, controlNs }: KernelRun): readonly string[] {
  if (controlNs === 0) return [];
  return (["kept", "new"] as const).flatMap((kind) => {
    const found = ratioOf(pairs, kind, cpuNs);
    if (found === undefined) return [];
    return [
      `control: ${controlNs} ns more are ${(1 + controlNs / requestNs(pairs, kind)).toFixed(3)} × ${kinds[kind].name}; found ${within(found)}`,
    ];
  });
}

function saysCouplings({ couplings }: KernelRun): readonly string[] {
  const of = (state: "none" | "rules"): string => {
    const { median, min, max } = spread(couplings.filter((one) => one.with === state).map(({ ms }) => ms));
    return `${median.toFixed(0)} ms (${min.toFixed(0)} to ${max.toFixed(0)})`;
  };
  return couplings.length === 0 ? [] : [`new connections were coupled after ${of("none")} without rules, ${of("rules")} with`];
}

/** The phase as lines of text. */
export function kernelLines(run: KernelRun): readonly string[] {
  return [
    `${run.rows} rows in the kernel's table; ${(Math.min(...run.redirected) * 100).toFixed(0)} % or more of the messages on kept connections took the fast path`,
    ...(["kept", "new"] as const).flatMap((kind) => saysKind(run, kind)),
    ...saysControl(run),
    ...saysCouplings(run),
    ...programs.flatMap(([kind, program]) => saysProgram(run, kind, program)),
  ];
}
