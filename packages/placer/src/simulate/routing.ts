/** Which replica of a service a call goes to: one on the caller's node as far as all replicas still get the same. @module */

/**
 * Shares of the calls of a replica on `node` that go to each node. Calls stay on the node as far as the callee's replicas there take no more than
 * their even share; the rest goes to where replicas have less than theirs. What stays is Σ min(x(m)/n), the same gained affinity as a plan's `onNode`.
 *
 * @param callers Replicas of the caller on each node.
 * @param callees Replicas of the callee on each node; at least one in all.
 * @returns `Float64Array[nodes]`, sums to 1.
 * @example
 * ```ts
 * routeShares([1, 1], [1, 0], 0); // [1, 0]
 * routeShares([1, 0], [1, 1], 0); // [0.5, 0.5]
 * ```
 */
export function routeShares(callers: ArrayLike<number>, callees: ArrayLike<number>, node: number): Float64Array {
  const nodes = callees.length;
  const [fromAll, toAll] = [total(callers), total(callees)];
  const shares = new Float64Array(nodes);
  const sent = fromAll === 0 ? 0 : callers[node]! / fromAll;
  if (sent === 0) return shares.map((_, m) => callees[m]! / toAll);
  const local = Math.min(sent, callees[node]! / toAll);
  shares[node] = local / sent;
  if (local >= sent) return shares;
  const room = Float64Array.from({ length: nodes }, (_, m) => Math.max(0, callees[m]! / toAll - callers[m]! / fromAll));
  const all = total(room);
  for (let m = 0; m < nodes; m++) if (m !== node) shares[m] = (room[m]! / all) * (1 - shares[node]!);
  return shares;
}

function total(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i]!;
  return sum;
}
