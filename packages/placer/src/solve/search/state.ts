/**
 * A placement during a search: what one move changes, in the time of the moved service's edges. It is long because the counts, the sums kept of them and the
 * two ways to look at a move (ask, do) belong together.
 * @module
 */
import type { Figures, NodeOf } from "../instance.ts";
import { clusterUtilisation, countsOf, evaluate } from "../objective.ts";
import { Int32List } from "./int32-list.ts";
import { RuleState } from "./rule-state.ts";

/**
 * A placement that changes. Replicas of a service are alike, so everything is counted by service and node; which replica is which is settled at the end.
 * All replicas are placed at all times. `cost` is the objective of objective.ts, kept up to date move by move.
 */
export class PlacementState {
  readonly instance: Figures;
  /** `Int32Array[replicas]`. */
  readonly nodeOf: NodeOf;
  /** `Int16Array[services × nodes]`: replicas. */
  readonly counts: Int16Array;
  /** `Float64Array[nodes × resources]`: reserved. */
  readonly load: Float64Array;
  /** The objective. */
  cost = 0;
  /** Replicas for which a must is broken. */
  brokenMusts = 0;
  /** Replicas that would have to move, and what that carries. */
  moved = 0;
  movedBytes = 0;
  /** Replicas on each node, in no order: `onNode[m][k]`; `#at[replica]` is k. */
  readonly onNode: readonly Int32List[];

  /** Neighbours of a service `s`: `neighbours[k]` for k from `firstNeighbour[s]`, with the share of all traffic that the pair has. */
  readonly firstNeighbour: Int32Array;
  readonly neighbours: Int32Array;
  readonly shares: Float64Array;

  readonly #at: Int32Array;
  readonly #trafficWeight: number;
  readonly #inverse: Float64Array;
  readonly #inverseWhole: Float64Array;
  readonly #mean: Float64Array;
  readonly #balanceWeight: number;
  readonly #unwantedWeight: number;
  readonly #rulesOf: readonly (readonly RuleState[])[];
  /** Rules that must hold. */
  readonly musts: readonly RuleState[];
  readonly #before: Int16Array;

  constructor(instance: Figures, nodeOf: NodeOf, weight: number) {
    const { nodes, services, resources, replicas, serviceOf, firstReplica, demand, wholeCapacity, edges, rules } = instance;
    this.instance = instance;
    this.nodeOf = nodeOf;
    this.counts = countsOf(instance, nodeOf);
    this.load = new Float64Array(nodes * resources);
    this.#at = new Int32Array(replicas);
    this.onNode = Array.from({ length: nodes }, () => new Int32List());
    for (let replica = 0; replica < replicas; replica++) {
      const m = nodeOf[replica]!;
      this.#at[replica] = this.onNode[m]!.push(replica);
      for (let r = 0; r < resources; r++) this.load[m * resources + r]! += demand[serviceOf[replica]! * resources + r]!;
    }
    this.#trafficWeight = 1 - weight;
    this.#inverse = Float64Array.from({ length: services }, (_, s) => 1 / (firstReplica[s + 1]! - firstReplica[s]!));
    this.#inverseWhole = wholeCapacity.map((whole) => (whole === 0 ? 0 : 1 / whole));
    this.#mean = clusterUtilisation(instance);
    const counted = countResources(wholeCapacity, resources);
    this.#balanceWeight = counted === 0 ? 0 : weight / nodes / counted;
    this.#unwantedWeight = instance.unwanted ? 1 / replicas : 0;
    ({ first: this.firstNeighbour, neighbours: this.neighbours, shares: this.shares } = adjacency(services, edges));
    const musts: RuleState[] = [];
    this.musts = musts;
    const rulesOf: RuleState[][] = Array.from({ length: services }, () => []);
    this.#rulesOf = rulesOf;
    for (const rule of rules) {
      const state = new RuleState(instance, rule, this.counts);
      rulesOf[rule.service]!.push(state);
      if (rule.kind !== "spread" && rule.other !== rule.service) rulesOf[rule.other]!.push(state);
      if (rule.weight !== null) continue;
      musts.push(state);
      this.brokenMusts += state.broken;
    }
    this.#before = new Int16Array(services * nodes);
    for (let replica = 0; replica < replicas; replica++) {
      const m = instance.present[replica]!;
      if (m >= 0) this.#before[serviceOf[replica]! * nodes + m]!++;
    }
    for (let s = 0; s < services; s++)
      for (let m = 0; m < nodes; m++) {
        const leave = Math.max(0, this.#before[s * nodes + m]! - this.counts[s * nodes + m]!);
        this.moved += leave;
        this.movedBytes += leave * instance.moveBytes[s]!;
      }
    this.cost = evaluate(instance, nodeOf, weight).objective;
  }

  /** What `cost` would change by if a replica of `service` went from node to node. */
  delta(service: number, from: number, to: number): number {
    const { counts, firstNeighbour, neighbours, shares, instance } = this;
    const { nodes, resources, demand } = instance;
    const row = service * nodes;
    const inverse = this.#inverse[service]!;
    const shareFrom = counts[row + from]! * inverse;
    const shareTo = counts[row + to]! * inverse;
    let gain = 0;
    for (let k = firstNeighbour[service]!, end = firstNeighbour[service + 1]!; k < end; k++) {
      const other = neighbours[k]!;
      const otherFrom = counts[other * nodes + from]! * this.#inverse[other]!;
      const otherTo = counts[other * nodes + to]! * this.#inverse[other]!;
      // Of min(x_s/n_s, x_t/n_t): what is lost where it leaves, and won where it comes.
      const lost = otherFrom >= shareFrom ? inverse : otherFrom - (shareFrom - inverse);
      const won = otherTo <= shareTo ? 0 : otherTo >= shareTo + inverse ? inverse : otherTo - shareTo;
      gain += shares[k]! * (won - Math.max(0, lost));
    }
    let delta = -gain * this.#trafficWeight;
    if (this.#balanceWeight > 0) {
      let balance = 0;
      for (let r = 0; r < resources; r++) {
        const need = demand[service * resources + r]!;
        const iFrom = from * resources + r;
        const iTo = to * resources + r;
        const mean = this.#mean[r]!;
        const wFrom = this.#inverseWhole[iFrom]!;
        const wTo = this.#inverseWhole[iTo]!;
        if (wFrom > 0) balance += Math.abs((this.load[iFrom]! - need) * wFrom - mean) - Math.abs(this.load[iFrom]! * wFrom - mean);
        if (wTo > 0) balance += Math.abs((this.load[iTo]! + need) * wTo - mean) - Math.abs(this.load[iTo]! * wTo - mean);
      }
      delta += balance * this.#balanceWeight;
    }
    if (this.#unwantedWeight > 0) delta += (instance.unwanted![row + to]! - instance.unwanted![row + from]!) * this.#unwantedWeight;
    const rules = this.#rulesOf[service]!;
    for (let k = 0; k < rules.length; k++) {
      const rule = rules[k]!;
      if (rule.cost > 0) delta += rule.cost * rule.change(service, from, to);
    }
    return delta;
  }

  /** What {@link violation} would change by. */
  violationDelta(service: number, from: number, to: number): number {
    const { load, instance } = this;
    const { resources, demand, capacity } = instance;
    let delta = this.mustDelta(service, from, to);
    for (let r = 0; r < resources; r++) {
      const need = demand[service * resources + r]!;
      const iFrom = from * resources + r;
      const iTo = to * resources + r;
      delta += over(load[iTo]! + need, capacity[iTo]!) - over(load[iTo]!, capacity[iTo]!);
      delta += over(load[iFrom]! - need, capacity[iFrom]!) - over(load[iFrom]!, capacity[iFrom]!);
    }
    return delta;
  }

  /** What `brokenMusts` would change by. */
  mustDelta(service: number, from: number, to: number): number {
    const rules = this.#rulesOf[service]!;
    let delta = 0;
    for (let k = 0; k < rules.length; k++) if (rules[k]!.rule.weight === null) delta += rules[k]!.change(service, from, to);
    return delta;
  }

  /** How far the placement may not be used: replicas for which a must is broken, and overload in shares of capacity. */
  violation(): number {
    const { load, instance } = this;
    return load.reduce((sum, one, at) => sum + over(one, instance.capacity[at]!), this.brokenMusts);
  }

  /** Whether more is reserved on a node than it has. */
  overloaded(node: number): boolean {
    const { load, instance } = this;
    for (let at = node * instance.resources; at < (node + 1) * instance.resources; at++)
      if (load[at]! > instance.capacity[at]!) return true;
    return false;
  }

  /** Whether node `to` has room for one more replica of a service. */
  fits(service: number, to: number): boolean {
    const { resources, demand, capacity } = this.instance;
    for (let r = 0; r < resources; r++)
      if (this.load[to * resources + r]! + demand[service * resources + r]! > capacity[to * resources + r]!) return false;
    return true;
  }

  /** How `moved` would change. */
  movedDelta(service: number, from: number, to: number): number {
    const row = service * this.instance.nodes;
    const before = this.#before;
    let delta = this.counts[row + from]! <= before[row + from]! ? 1 : 0;
    if (this.counts[row + to]! < before[row + to]!) delta--;
    return delta;
  }

  /** Moves a replica; costs and sums follow. */
  shift(replica: number, to: number): void {
    const { instance, nodeOf, counts, load } = this;
    const { nodes, resources, demand, serviceOf } = instance;
    const service = serviceOf[replica]!;
    const from = nodeOf[replica]!;
    this.cost += this.delta(service, from, to);
    const moved = this.movedDelta(service, from, to);
    this.moved += moved;
    this.movedBytes += moved * instance.moveBytes[service]!;
    for (let r = 0; r < resources; r++) {
      const need = demand[service * resources + r]!;
      load[from * resources + r]! -= need;
      load[to * resources + r]! += need;
    }
    const rules = this.#rulesOf[service]!;
    for (let k = 0; k < rules.length; k++) {
      const state = rules[k]!;
      const before = state.broken;
      state.move(service, from, to);
      if (state.rule.weight === null) this.brokenMusts += state.broken - before;
    }
    counts[service * nodes + from]!--;
    counts[service * nodes + to]!++;
    nodeOf[replica] = to;
    const list = this.onNode[from]!;
    const last = list.removeAt(this.#at[replica]!);
    if (last >= 0) this.#at[last] = this.#at[replica]!;
    this.#at[replica] = this.onNode[to]!.push(replica);
  }

  /** A replica of a service that stands on a node and may move, looked for from the one at `start` (any whole number) on; -1 for none. */
  replicaAt(service: number, node: number, start = 0): number {
    const { firstReplica, pinned } = this.instance;
    const first = firstReplica[service]!;
    const n = firstReplica[service + 1]! - first;
    const offset = start % n;
    for (let k = 0; k < n; k++) {
      const replica = first + (offset + k < n ? offset + k : offset + k - n);
      if (this.nodeOf[replica] === node && pinned[replica] === -1) return replica;
    }
    return -1;
  }

  /** Sums loads anew, as a long row of additions and subtractions drifts. */
  settle(): void {
    const { instance, load, nodeOf } = this;
    const { resources, demand, serviceOf, replicas } = instance;
    load.fill(0);
    for (let replica = 0; replica < replicas; replica++)
      for (let r = 0; r < resources; r++) load[nodeOf[replica]! * resources + r]! += demand[serviceOf[replica]! * resources + r]!;
  }
}

/** Resources that any node has. */
function countResources(capacity: Float64Array, resources: number): number {
  let counted = 0;
  for (let r = 0; r < resources; r++) if (capacity.some((one, at) => at % resources === r && one > 0)) counted++;
  return counted;
}

const over = (load: number, capacity: number): number => (load <= capacity ? 0 : capacity === 0 ? 1 : load / capacity - 1);

function adjacency(
  services: number,
  { a, b, saving }: Figures["edges"],
): { first: Int32Array; neighbours: Int32Array; shares: Float64Array } {
  const first = new Int32Array(services + 1);
  let all = 0;
  for (let e = 0; e < saving.length; e++) {
    first[a[e]! + 1]!++;
    first[b[e]! + 1]!++;
    all += saving[e]!;
  }
  for (let s = 0; s < services; s++) first[s + 1]! += first[s]!;
  const next = first.slice();
  const neighbours = new Int32Array(2 * saving.length);
  const shares = new Float64Array(2 * saving.length);
  for (let e = 0; e < saving.length; e++)
    for (const [one, other] of [
      [a[e]!, b[e]!],
      [b[e]!, a[e]!],
    ] as const) {
      const at = next[one]!++;
      neighbours[at] = other;
      shares[at] = saving[e]! / all;
    }
  return { first, neighbours, shares };
}
