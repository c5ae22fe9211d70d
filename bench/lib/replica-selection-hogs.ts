/** What replicads saw of antagonists in `hog`: their figures of congestion while one burned on their node, and while none did. @module */
import type { ReplicadStatus } from "../../packages/ipc/src/mod.ts";

/** What `replica-hog` prints. */
export interface HogLine {
  readonly cpuSeconds: number;
  /** When it burned, milliseconds from the beginning. */
  readonly onMs: readonly (readonly [from: number, to: number])[];
}

/** Means of a node's figures of itself, 0 to 1; NaN when there was no look. */
export interface Congestion {
  readonly looks: number;
  readonly cpuSome: number;
  readonly throttled: number;
}

/** Of all nodes together. */
export interface Hogs {
  /** Share of the time that an antagonist burned on a node. */
  readonly onShare: number;
  readonly cpuSeconds: number;
  readonly on: Congestion;
  readonly off: Congestion;
}

/** A look this soon after an antagonist began or ended tells of both. */
const settleMs = 500;

/** Takes figures as they come, and sorts them once it is known who burned when. */
export class HogWatch {
  readonly #beginNs: bigint;
  readonly #looks: { readonly atMs: number; readonly node: number; readonly cpuSome: number; readonly throttled: number }[] = [];

  constructor(beginNs: bigint) {
    this.#beginNs = beginNs;
  }

  /** Every node's status, in the order of nodes. */
  take(statuses: readonly ReplicadStatus[], atMs: number = Number(process.hrtime.bigint() - this.#beginNs) / 1e6): void {
    for (const [node, { nodes }] of statuses.entries()) {
      const { cpuSome, throttled } = nodes.find(({ here }) => here)?.figures ?? {};
      this.#looks.push({ atMs, node, cpuSome: cpuSome ?? Number.NaN, throttled: throttled ?? Number.NaN });
    }
  }

  over(lines: readonly HogLine[], seconds: number): Hogs {
    const spans = lines.flatMap(({ onMs }) => onMs);
    const burning = (node: number, atMs: number): boolean => lines[node]?.onMs.some(([from, to]) => atMs >= from && atMs < to) ?? false;
    const counted = this.#looks.filter(({ atMs }) => atMs >= settleMs && atMs < seconds * 1000);
    const settled = counted.filter(({ node, atMs }) => burning(node, atMs) === burning(node, atMs - settleMs));
    const of = (on: boolean): Congestion => {
      const looks = settled.filter(({ node, atMs }) => burning(node, atMs) === on);
      const mean = (figure: "cpuSome" | "throttled"): number => looks.reduce((sum, one) => sum + one[figure], 0) / looks.length;
      return { looks: looks.length, cpuSome: mean("cpuSome"), throttled: mean("throttled") };
    };
    return {
      onShare: spans.reduce((sum, [from, to]) => sum + to - from, 0) / (seconds * 1000 * lines.length),
      cpuSeconds: lines.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      on: of(true),
      off: of(false),
    };
  }
}
