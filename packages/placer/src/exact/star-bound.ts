/** The most of a service's traffic with several neighbours that can stay on nodes when they have the cluster to themselves. @module */
import type { Room } from "./room.ts";

/** A neighbour of the hub. */
export interface Ray {
  readonly other: number;
  readonly saving: number;
  /** Share of it that can stay at most, from the pair alone. */
  readonly keeps: number;
}

/**
 * Bounds Σ over neighbours of saving · kept share from above. A node with i replicas of the hub keeps at most i/n of each neighbour's traffic, and only what
 * of them fits beside: a knapsack in fractions, the tightest of the resources. Then the hub's replicas are shared out over the best such nodes.
 */
export function starBound(room: Room, hub: number, rays: readonly Ray[]): number {
  const { kinds, replicas, most } = room;
  const n = replicas(hub);
  const all = rays.reduce((sum, { saving, keeps }) => sum + saving * keeps, 0);
  let largest = 0;
  for (let k = 0; k < kinds.length; k++) largest = Math.max(largest, most(hub, k));
  const gain = new Float64Array(largest + 1);
  for (let i = 1; i <= largest; i++) {
    for (let k = 0; k < kinds.length; k++) if (most(hub, k) >= i) gain[i] = Math.max(gain[i]!, knapsack(room, hub, rays, k, i));
    // More of the hub on a node gains at most as much more; when all of it fits there with everything, nothing is lost.
    if (i === n && gain[i]! >= all) return all;
  }
  const best = new Float64Array(n + 1);
  for (let placed = 1; placed <= n; placed++) {
    let value = 0;
    for (let i = 1; i <= Math.min(placed, largest); i++) value = Math.max(value, gain[i]! + best[placed - i]!);
    best[placed] = Math.max(value, best[placed - 1]!);
  }
  return Math.min(all, best[n]!);
}

function knapsack({ instance, kinds, replicas, most, apart }: Room, hub: number, rays: readonly Ray[], k: number, i: number): number {
  const { nodes, resources, capacity, demand, allowed } = instance;
  const { node, nodes: alike } = kinds[k]!;
  const free = Array.from({ length: resources }, (_, r) => capacity[node * resources + r]! - i * demand[hub * resources + r]!);
  const items: { readonly value: number; readonly other: number; readonly count: number }[] = [];
  for (const { other, saving, keeps } of rays) {
    if (apart(hub, other) || !alike.some((m) => allowed[hub * nodes + m] === 1 && allowed[other * nodes + m] === 1)) continue;
    let fit = most(other, k);
    for (let r = 0; r < resources; r++) {
      const need = demand[other * resources + r]!;
      if (need > 0) fit = Math.min(fit, Math.floor((free[r]! / need) * (1 + 1e-12) + 1e-12));
    }
    const n = replicas(other);
    const share = Math.min(keeps, i / replicas(hub), Math.max(0, fit) / n);
    // Whole replicas keep one n-th each; one more, which fills the share up, keeps less and takes as much room.
    const whole = Math.floor(share * n + 1e-9);
    const rest = share - whole / n;
    if (whole > 0) items.push({ value: (saving * whole) / n, other, count: whole });
    if (rest > 1e-9) items.push({ value: saving * rest, other, count: 1 });
  }
  const all = items.reduce((sum, { value }) => sum + value, 0);
  let least = all;
  for (let r = 0; r < resources; r++) {
    const size = (item: { other: number; count: number }): number => demand[item.other * resources + r]! * item.count;
    if (items.reduce((sum, item) => sum + size(item), 0) <= free[r]!) continue;
    let left = Math.max(0, free[r]!);
    let value = 0;
    for (const item of [...items].sort((one, other) => other.value * size(one) - one.value * size(other))) {
      const taken = size(item) === 0 ? 1 : Math.min(1, left / size(item));
      value += item.value * taken;
      left -= taken * size(item);
    }
    least = Math.min(least, value);
  }
  return least;
}
