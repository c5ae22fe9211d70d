/** Runs the self-test. @module */
import { release as kernelRelease } from "node:os";
import { Bench, type BenchOptions } from "./bench.ts";
import { type Check, type CheckResult, resultOf } from "./check.ts";
import { closing, halfClose } from "./checks/ending.ts";
import { memory } from "./checks/memory.ts";
import { across, loopbacks } from "./checks/namespaces.ts";
import { order, promotion, unread } from "./checks/order.ts";
import { edges, fionread, peeking } from "./checks/reading.ts";
import { release } from "./checks/release.ts";
import { splicing } from "./checks/splicing.ts";
import { systemSockets } from "./sockets.ts";

/** Every check, in the order in which they run. */
export const checks: readonly Check[] = [
  order,
  promotion,
  unread,
  fionread,
  peeking,
  edges,
  halfClose,
  closing,
  memory,
  release,
  across,
  loopbacks,
  splicing,
];

/** What the self-test found. */
export interface Report {
  /** Release of the kernel, `6.18.44`. */
  readonly kernel: string;
  readonly results: readonly CheckResult[];
  /** Loading, namespaces and all checks. */
  readonly tookMs: number;
}

/** How to run: a test puts doubles in. */
export interface RunOptions extends Partial<Omit<BenchOptions, "object">> {
  readonly object: Uint8Array;
  /** Names of the checks to run, all unless given. */
  readonly only?: readonly string[];
}

/**
 * Runs the checks on the running kernel, in namespaces and with kernel state of their own; everything is removed again.
 *
 * @throws {MitsuError} when it cannot run at all: no rights, a verifier refusal.
 * @example
 * ```ts
 * const { results } = runChecks({ object: asset("sockhijack.bpf.o") });
 * ```
 */
export function runChecks({ only, ...options }: RunOptions): Report {
  const begin = performance.now();
  const results = ((): CheckResult[] => {
    using bench = new Bench({
      pins: `/sys/fs/bpf/mitsu/selftest-${process.pid}`,
      promote: true,
      unread: "any",
      sockets: systemSockets(),
      ...options,
    });
    return checks.filter(({ name }) => only?.includes(name) ?? true).map((check) => resultOf(check, bench));
  })();
  return { kernel: kernelRelease(), results, tookMs: performance.now() - begin };
}
