/** What a plugin that scores nodes is, and the one way of normalising that several share. @module */
import type { Cluster } from "./cluster.ts";

/** The highest score of a plugin, before its weight. [framework.MaxNodeScore] */
export const maxNodeScore = 100;

/** One pod's turn: which nodes it may go to. */
export interface Cycle {
  readonly cluster: Cluster;
  readonly service: number;
  /** Nodes that passed the filters, `count` of them. */
  readonly feasible: Int32Array;
  readonly count: number;
}

/** A plugin that scores nodes: writes a whole number, 0 to 100, for each feasible node. False when it has nothing to say, which counts 0 everywhere. */
export type ScorePlugin = (cycle: Cycle, scores: Float64Array) => boolean;

/**
 * Scales scores to 0 to 100 by the largest; `reverse` turns them over, and gives 100 to all when all are 0.
 * [Kubernetes, pkg/scheduler/framework/plugins/helper/normalize_score.go]
 */
export function defaultNormalizeScore(scores: Float64Array, count: number, reverse: boolean): void {
  let most = 0;
  for (let i = 0; i < count; i++) most = Math.max(most, scores[i]!);
  for (let i = 0; i < count; i++) {
    const scaled = most === 0 ? 0 : Math.floor((maxNodeScore * scores[i]!) / most);
    scores[i] = reverse ? maxNodeScore - scaled : scaled;
  }
}
