/** The most of a pair's traffic that can stay on nodes when both services have the cluster to themselves. @module */
import type { Room } from "./room.ts";

/** Above so many steps, whole replicas of only one side are counted. */
const mostSteps = 200_000;

/** Bounds Σ over nodes of min(x_a/n_a, x_b/n_b) from above, 0 to 1; exact but for how many nodes of a kind there are. */
export function pairBound(room: Room, a: number, b: number): number {
  const { kinds, replicas, most } = room;
  if (room.apart(a, b)) return 0;
  const [nA, nB] = [replicas(a), replicas(b)];
  if (nA === 0 || nB === 0) return 0;
  // beside[i]: the most of b that can stand beside i of a, on the node that is best for that; −1 where i of a fit nowhere.
  const beside = new Int32Array(nA + 1).fill(-1);
  for (let k = 0; k < kinds.length; k++) {
    if (most(b, k) === 0) continue;
    for (let i = 1; i <= most(a, k); i++) beside[i] = Math.max(beside[i]!, besideAt(room, a, b, k, i));
  }
  if (beside[nA] === nB) return 1;
  // Ways to fill a node that are worth something: for i of a, as many of b as match them, or one less.
  const ways: { i: number; j: number; share: number }[] = [];
  for (let i = 1; i <= nA; i++) {
    const matching = Math.ceil((i * nB) / nA - 1e-9);
    for (const j of new Set([Math.min(matching, beside[i]!), Math.min(matching - 1, beside[i]!)]))
      if (j > 0) ways.push({ i, j, share: Math.min(i / nA, j / nB) });
  }
  if (ways.length === 0) return 0;
  if (ways.length * nA * nB > mostSteps) {
    // Every replica of a side at the best rate that a replica of it can have.
    const rateA = Math.max(...ways.map(({ i, share }) => share / i));
    const rateB = Math.max(...ways.map(({ j, share }) => share / j));
    return Math.min(1, rateA * nA, rateB * nB);
  }
  const best = new Float64Array((nA + 1) * (nB + 1));
  for (let i = 1; i <= nA; i++)
    for (let j = 1; j <= nB; j++) {
      let value = Math.max(best[(i - 1) * (nB + 1) + j]!, best[i * (nB + 1) + j - 1]!);
      for (const way of ways) if (way.i <= i && way.j <= j) value = Math.max(value, way.share + best[(i - way.i) * (nB + 1) + j - way.j]!);
      best[i * (nB + 1) + j] = value;
    }
  return Math.min(1, best.at(-1)!);
}

/** The most of b beside i of a on a node of a kind. */
function besideAt({ instance, kinds, most }: Room, a: number, b: number, k: number, i: number): number {
  const { nodes, resources, capacity, demand, allowed } = instance;
  const { node, nodes: alike } = kinds[k]!;
  if (!alike.some((m) => allowed[a * nodes + m] === 1 && allowed[b * nodes + m] === 1)) return 0;
  let fit = most(b, k);
  for (let r = 0; r < resources; r++) {
    const need = demand[b * resources + r]!;
    if (need > 0)
      fit = Math.min(fit, Math.floor(((capacity[node * resources + r]! - i * demand[a * resources + r]!) / need) * (1 + 1e-12) + 1e-12));
  }
  return Math.max(0, fit);
}
