/** TaintToleration: PreferNoSchedule taints; the others are in `Instance.allowed`. [Kubernetes, tainttoleration/taint_toleration.go] @module */
import { tolerates } from "../node-match.ts";
import { defaultNormalizeScore, type ScorePlugin } from "./score-plugin.ts";

/** Score plugin: the number of PreferNoSchedule taints that the pod does not bear, scaled by the largest and turned over; 100 for all without any. */
export const taintToleration: ScorePlugin = ({ cluster: { instance }, service, feasible, count }, scores) => {
  const { tolerations } = instance.problem.services[service]!;
  for (let i = 0; i < count; i++) {
    let unborne = 0;
    for (const taint of instance.problem.nodes[feasible[i]!]!.taints)
      if (taint.effect === "PreferNoSchedule" && !tolerations.some((one) => tolerates(one, taint))) unborne++;
    scores[i] = unborne;
  }
  defaultNormalizeScore(scores, count, true);
  return true;
};
