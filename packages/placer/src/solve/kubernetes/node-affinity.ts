/** NodeAffinity: preferred terms; the required ones are in `Instance.allowed`. [Kubernetes, nodeaffinity/node_affinity.go] @module */
import { matches } from "../node-match.ts";
import { defaultNormalizeScore, type ScorePlugin } from "./score-plugin.ts";

/** Score plugin: the sum of the weights of the preferred terms that match, scaled by the largest. */
export const nodeAffinity: ScorePlugin = ({ cluster: { instance }, service, feasible, count }, scores) => {
  const { preferredNodes } = instance.problem.services[service]!;
  if (preferredNodes.length === 0) return false;
  for (let i = 0; i < count; i++) {
    const node = instance.problem.nodes[feasible[i]!]!;
    let sum = 0;
    for (const { weight, match } of preferredNodes) if (match.every((term) => matches(node, term))) sum += weight;
    scores[i] = sum;
  }
  defaultNormalizeScore(scores, count, false);
  return true;
};
