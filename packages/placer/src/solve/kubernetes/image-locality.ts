/** ImageLocality: likes nodes that have the pod's images. [Kubernetes, imagelocality/image_locality.go] @module */
import { maxNodeScore, type ScorePlugin } from "./score-plugin.ts";

const MiB = 2 ** 20;
const minThreshold = 23 * MiB;
const maxContainerThreshold = 1000 * MiB;

/** Score plugin: Σ size · (nodes that have it / nodes) of the images there, clamped to 23 MiB and 1000 MiB a container, scaled to 0 to 100. */
export const imageLocality: ScorePlugin = ({ cluster: { instance }, service, feasible, count }, scores) => {
  const { images } = instance.problem.services[service]!;
  const all = instance.problem.nodes;
  if (images.length === 0) return false;
  const spread = images.map(({ name, bytes }) => {
    const having = all.reduce((sum, node) => sum + (node.images.includes(name) ? 1 : 0), 0);
    return { name, score: Math.floor(bytes * (having / all.length)) };
  });
  const most = maxContainerThreshold * images.length;
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (const { name, score } of spread) if (all[feasible[i]!]!.images.includes(name)) sum += score;
    scores[i] = Math.floor((maxNodeScore * (Math.min(most, Math.max(minThreshold, sum)) - minThreshold)) / (most - minThreshold));
  }
  return true;
};
