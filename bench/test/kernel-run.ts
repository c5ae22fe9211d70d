/** A run of filters.sh's phase kernel, made up. @module */
import type { Block, KernelRun, Kind, Pair, ProgramRun } from "../report/filters-kernel-run.ts";

/** How a made-up run differs from one in which rules cost nothing. */
export interface Made {
  /** Factor on the CPU time with rules. */
  readonly cost?: number;
  /** How far ratios of pairs lie from it, at most. */
  readonly noise?: number;
  /** Factor by which the second side is slower, rules or not. */
  readonly side?: number;
  /** Share of the pairs in which others took half of the CPU, and the factor on what is then measured with rules. */
  readonly disturbed?: readonly [share: number, factor: number];
  readonly rounds?: number;
  readonly pairs?: number;
  readonly rows?: number;
  readonly redirected?: number;
  readonly controlNs?: number;
}

const usual: Readonly<
  Record<Kind, { readonly requests: number; readonly ns: number; readonly program: string; readonly programNs: number }>
> = {
  kept: { requests: 3000, ns: 8000, program: "redirect", programNs: 150 },
  new: { requests: 600, ns: 45_000, program: "connect4", programNs: 1000 },
};

/** With rules in the second side in odd rounds, as lib/filters-kernel.ts does it. */
export function kernelRun(made: Made = {}): KernelRun {
  const {
    cost = 1,
    noise = 0.02,
    side = 1,
    disturbed = [0, 1],
    rounds = 4,
    pairs: count = 24,
    rows = 10_000,
    redirected = 1,
    controlNs = 0,
  } = made;
  const pairs: Pair[] = [];
  const runs: ProgramRun[] = [];
  for (const kind of ["kept", "new"] as const) {
    const { requests, ns, program, programNs } = usual[kind];
    for (let round = 1; round <= rounds; round++) {
      for (let at = 0; at < count; at++) {
        const foreign = at < disturbed[0] * count;
        const block = (factor: number): Block => {
          const cpu = requests * ns * factor;
          return { requests, wallNs: cpu * (foreign ? 2 : 1.01), clientNs: cpu / 2, serverNs: cpu / 2, daemonNs: 0 };
        };
        const spread = 1 + noise * Math.sin(at + round); // no random numbers: the same every time
        const [first, second] = [1, side];
        const [none, ruled] = round % 2 === 1 ? [first, second] : [second, first];
        pairs.push({ kind, round, none: block(none), rules: block(ruled * cost * spread * (foreign ? disturbed[1] : 1)) });
      }
      for (const state of ["none", "rules"] as const)
        runs.push({
          kind,
          round,
          with: state,
          program,
          ns: requests * (programNs + (state === "rules" ? 20 : 0)),
          runs: requests,
          requests,
        });
    }
  }
  const couplings = (["none", "rules"] as const).flatMap((state, at) =>
    [1, 2, 3].map((round) => ({ round, with: state, ms: 50 + 200 * at + round })),
  );
  return { rows, controlNs, redirected: Array.from({ length: 2 * rounds }, () => redirected), couplings, pairs, runs };
}
