/** How congested a node's CPUs are, as one number. @module */
import { figure, type NodeState } from "../bus/node-state.ts";

/**
 * Share of the time that tasks of this node wait for a CPU, 0 to 1: whichever is worse, the CPUs are taken (PSI), or the node's cgroup may not use them
 * (throttling). What is not known counts as 0.
 *
 * @example
 * ```ts
 * nodeStall(state); // 0.5: work takes twice as long as it would alone
 * ```
 */
export function nodeStall({ figures }: NodeState): number {
  return Math.max(figures[figure.cpuSome]! || 0, figures[figure.throttled]! || 0);
}
