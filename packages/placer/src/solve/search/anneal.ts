/**
 * Simulated annealing over placements: replicas, alone or with those they talk to, move beside others they talk to, and what stands in the way makes room; a step is
 * taken or undone as a whole. [Kirkpatrick et al., Optimization by Simulated Annealing, Science 1983] It is long because the kinds of steps share all their parts.
 * @module
 */

import type { Random } from "@mitsu/simulation";
import type { Budget } from "../strategy.ts";
import type { PlacementState } from "./state.ts";

/** One run. */
export interface Annealing {
  readonly steps: number;
  /** Temperatures at the first and the last step, in units of the objective; what is worse by the temperature is taken one time in e. */
  readonly hot: number;
  readonly cold: number;
  readonly budget: Budget | null;
  readonly price: MovePrice;
  /** Asked every some thousand steps, with the share of the steps done: the share that counts, which is larger when time runs out. From 1 on the run ends. */
  readonly pace: (done: number) => number;
}

/**
 * What moves cost, for all of the budget together, in units of the objective. `tiny`: next to nothing, and less as it gets colder, so that moves that gain nothing are undone;
 * the budget is never passed. `fixed`: so much, whatever the budget, which then says only what a move is of it: the more it costs, the fewer are made. `sought`: so much at
 * first, then more while the budget is passed and less while it is not; it is not passed again.
 */
export type MovePrice = { readonly kind: "tiny" } | { readonly kind: "fixed" | "sought"; readonly price: number };

/** Of 100 steps at random, so many move a block that stands together, and so many gather one from everywhere. */
const blocksOf100 = 10;
const gathersOf100 = 5;
/** Blocks have 1 to so many replicas, small ones more often. */
const largestBlock = 60;
/** At most so many replicas make room for a newcomer, and so many are looked at for each. */
const mostEvicted = 4;
const candidates = 4;
/** What a moved replica costs where moves cost next to nothing, in temperatures. */
const tinyPrice = 0.03;
/** A price that is sought rises by so much a look at the most, and falls by so much. */
const fastestRise = 0.05;
const fastestFall = 0.02;
const stepsBetweenChecks = 4096;
const checksBetweenSums = 16;

/** Lowers the cost of a state that may be used (no overload, no broken must); it stays so. Returns the steps made. */
export function anneal(state: PlacementState, random: Random, run: Annealing): number {
  return new Anneal(state, random, run).run();
}

class Anneal {
  readonly #state: PlacementState;
  readonly #random: Random;
  readonly #run: Annealing;
  /** Replicas that may move, and of these the ones whose service talks to another. */
  readonly #movable: Int32Array;
  readonly #talking: Int32Array;
  /** What the step did: replicas, and where they came from. */
  readonly #replicas = new Int32Array(largestBlock + 3 * mostEvicted + 2);
  readonly #origins = new Int32Array(largestBlock + 3 * mostEvicted + 2);
  #depth = 0;
  /** Sums of the state before the step. */
  #cost = 0;
  #moved = 0;
  #movedBytes = 0;
  #brokenMusts = 0;
  #spent = 0;
  #temperature = 0;
  #movePrice = 0;
  readonly #hasPresent: boolean;
  /** `Float64Array[services]`: what a move of one replica is of the budget, which is 1; without one, moves count by number. */
  readonly #moveCost: Float64Array;
  readonly #meanMoveCost: number;

  constructor(state: PlacementState, random: Random, run: Annealing) {
    const { pinned, serviceOf } = state.instance;
    const { firstNeighbour } = state;
    this.#state = state;
    this.#random = random;
    this.#run = run;
    const { moves = 1, bytes = Number.POSITIVE_INFINITY } = run.budget ?? {};
    this.#moveCost = state.instance.moveBytes.map((one) => 1 / Math.max(1, moves) + one / Math.max(1, bytes));
    this.#meanMoveCost = this.#moveCost.reduce((sum, one) => sum + one, 0) / Math.max(1, this.#moveCost.length);
    this.#hasPresent = state.instance.present.some((node) => node >= 0);
    this.#movable = Int32Array.from(pinned.keys()).filter((replica) => pinned[replica] === -1);
    this.#talking = this.#movable.filter((replica) => firstNeighbour[serviceOf[replica]!]! < firstNeighbour[serviceOf[replica]! + 1]!);
  }

  run(): number {
    const { steps, hot, cold, pace } = this.#run;
    if (this.#movable.length === 0 || this.#state.instance.nodes < 2) return 0;
    const ratio = Math.log(cold / hot);
    for (let step = 0; step < steps; step += stepsBetweenChecks) {
      const done = pace(step / steps);
      if (done >= 1) return step;
      this.#temperature = hot * Math.exp(ratio * done);
      this.#setPrice();
      for (let k = Math.min(stepsBetweenChecks, steps - step); k > 0; k--) this.#step();
      if ((step / stepsBetweenChecks) % checksBetweenSums === 0) this.#state.settle();
    }
    this.#state.settle();
    return steps;
  }

  #setPrice(): void {
    const { price } = this.#run;
    if (price.kind === "tiny") this.#movePrice = (tinyPrice * this.#temperature) / this.#meanMoveCost;
    else if (price.kind === "fixed" || this.#movePrice === 0) this.#movePrice = price.price;
    else {
      const over = this.#spentNow() - 1;
      this.#movePrice *= over > 0 ? 1 + Math.min(fastestRise, over / 2 + 0.002) : 1 - Math.min(fastestFall, -over / 3);
    }
  }

  /** What the moves are of the budget. */
  #spentNow(): number {
    const { moved, movedBytes } = this.#state;
    const { moves, bytes } = this.#run.budget ?? { moves: 1, bytes: Number.POSITIVE_INFINITY };
    return moved / Math.max(1, moves) + movedBytes / Math.max(1, bytes);
  }

  #step(): void {
    const random = this.#random;
    const kind = random.below(100);
    if (this.#talking.length > 0) {
      if (kind < blocksOf100) {
        this.#moveBlock();
        return;
      }
      if (kind < blocksOf100 + gathersOf100) {
        this.#gather();
        return;
      }
    }
    if (this.#hasPresent && kind < 30) {
      this.#goHome();
      return;
    }
    const { nodeOf, instance } = this.#state;
    const talking = this.#talking.length > 0 && kind < 90;
    const pool = talking ? this.#talking : this.#movable;
    const replica = pool[random.below(pool.length)]!;
    const service = instance.serviceOf[replica]!;
    const to = talking && random.below(4) > 0 ? this.#besideNeighbour(service) : random.below(instance.nodes);
    if (to !== nodeOf[replica]) this.#moveOne(replica, to);
  }

  #moveOne(replica: number, to: number): void {
    const state = this.#state;
    const { instance, nodeOf } = state;
    const service = instance.serviceOf[replica]!;
    const from = nodeOf[replica]!;
    if (instance.allowed[service * instance.nodes + to] === 0) return;
    const limit = this.#limit();
    const change = state.delta(service, from, to) + this.#movePrice * this.#moveCost[service]! * state.movedDelta(service, from, to);
    if (change > limit || state.mustDelta(service, from, to) > 0) return;
    this.#begin();
    this.#do(replica, to);
    this.#finish(replica, from, to, limit);
  }

  /** A replica that is elsewhere than before goes back to a node that its service left. */
  #goHome(): void {
    const { instance, nodeOf } = this.#state;
    const replica = this.#movable[this.#random.below(this.#movable.length)]!;
    const first = instance.firstReplica[instance.serviceOf[replica]!]!;
    const others = instance.firstReplica[instance.serviceOf[replica]! + 1]! - first;
    const home = instance.present[first + this.#random.below(others)]!;
    if (home >= 0 && home !== nodeOf[replica]) this.#moveOne(replica, home);
  }

  /** A replica and some of those beside it that it talks to, and those that they talk to, move together. */
  #moveBlock(): void {
    const random = this.#random;
    const { instance, nodeOf, counts } = this.#state;
    const { nodes, serviceOf, allowed } = instance;
    const first = this.#talking[random.below(this.#talking.length)]!;
    const from = nodeOf[first]!;
    const to = random.below(4) > 0 ? this.#besideNeighbour(serviceOf[first]!) : random.below(nodes);
    if (to === from || allowed[serviceOf[first]! * nodes + to] === 0) return;
    this.#begin();
    this.#do(first, to);
    for (let k = this.#blockSize(); k > 0; k--) {
      const service = this.#nextOfBlock();
      if (counts[service * nodes + from] === 0 || allowed[service * nodes + to] === 0) continue;
      const replica = this.#state.replicaAt(service, from, random.bits());
      if (replica >= 0) this.#do(replica, to);
    }
    this.#finish(first, from, to, this.#limit());
  }

  /** A replica goes to a node, and some that it talks to follow from wherever they are. */
  #gather(): void {
    const random = this.#random;
    const { instance, nodeOf } = this.#state;
    const { nodes, serviceOf, allowed, firstReplica, pinned } = instance;
    const first = this.#talking[random.below(this.#talking.length)]!;
    const from = nodeOf[first]!;
    const to = random.below(nodes);
    if (to === from || allowed[serviceOf[first]! * nodes + to] === 0) return;
    this.#begin();
    this.#do(first, to);
    for (let k = this.#blockSize(); k > 0; k--) {
      const service = this.#nextOfBlock();
      if (allowed[service * nodes + to] === 0) continue;
      const start = firstReplica[service]!;
      const replica = start + random.below(firstReplica[service + 1]! - start);
      if (nodeOf[replica] !== to && pinned[replica] === -1) this.#do(replica, to);
    }
    this.#finish(first, from, to, this.#limit());
  }

  #blockSize(): number {
    return Math.floor(largestBlock ** this.#random.fraction());
  }

  /** The service of a block's next member: that of one it has, or one that talks to it. */
  #nextOfBlock(): number {
    const { firstNeighbour, neighbours, instance } = this.#state;
    const service = instance.serviceOf[this.#replicas[this.#random.below(this.#depth)]!]!;
    const first = firstNeighbour[service]!;
    const degree = firstNeighbour[service + 1]! - first;
    const pick = this.#random.below(degree + 1);
    return pick === degree ? service : neighbours[first + pick]!;
  }

  /** A node on which a replica of a service that talks to this one stands. */
  #besideNeighbour(service: number): number {
    const { firstNeighbour, neighbours, instance, nodeOf } = this.#state;
    const first = firstNeighbour[service]!;
    const other = neighbours[first + this.#random.below(firstNeighbour[service + 1]! - first)]!;
    const start = instance.firstReplica[other]!;
    return nodeOf[start + this.#random.below(instance.firstReplica[other + 1]! - start)]!;
  }

  /** How much worse a step may make things: Metropolis' rule, the random number drawn beforehand. */
  #limit(): number {
    return -this.#temperature * Math.log(this.#random.fraction());
  }

  /** Makes room on the node that the step filled, and takes the step back unless all of it is worth it and allowed. */
  #finish(newcomer: number, from: number, to: number, limit: number): void {
    if (!this.#isWorthIt(newcomer, from, to, limit)) this.#undo();
  }

  #isWorthIt(newcomer: number, from: number, to: number, limit: number): boolean {
    const state = this.#state;
    const {
      budget,
      price: { kind },
    } = this.#run;
    const price = this.#movePrice;
    const most = this.#cost + limit + price * this.#spent;
    const end = this.#depth + 2 * mostEvicted;
    if (state.cost + price * this.#spentNow() > most) return false;
    while (state.overloaded(to)) if (this.#depth >= end || !this.#evictOne(newcomer, to, from, most)) return false;
    const inBudget =
      budget === null ||
      kind === "fixed" ||
      this.#spentNow() <= this.#spent ||
      (state.moved <= budget.moves && state.movedBytes <= budget.bytes);
    return inBudget && state.brokenMusts <= this.#brokenMusts;
  }

  /** Of some replicas of a node, the one that leaves at the least cost leaves; false when none can and all stays within `most`. */
  #evictOne(newcomer: number, node: number, preferred: number, most: number): boolean {
    const state = this.#state;
    const random = this.#random;
    const { instance } = state;
    const { nodes, serviceOf, allowed, pinned } = instance;
    const list = state.onNode[node]!;
    const price = this.#movePrice;
    const slack = most - state.cost - price * this.#spentNow();
    let best = -1;
    let bestTo = -1;
    let bestChange = Number.POSITIVE_INFINITY;
    for (let k = 0; k < candidates; k++) {
      const replica = list.items[random.below(list.length)]!;
      if (replica === newcomer || pinned[replica] !== -1) continue;
      const service = serviceOf[replica]!;
      const to = k % 2 === 0 ? preferred : random.below(nodes);
      if (to === node || allowed[service * nodes + to] === 0 || !state.fits(service, to)) continue;
      const change = state.delta(service, node, to) + price * this.#moveCost[service]! * state.movedDelta(service, node, to);
      if (change >= bestChange || change > slack || state.mustDelta(service, node, to) > 0) continue;
      best = replica;
      bestTo = to;
      bestChange = change;
    }
    if (best === -1) return false;
    this.#do(best, bestTo);
    return true;
  }

  #begin(): void {
    ({ cost: this.#cost, moved: this.#moved, movedBytes: this.#movedBytes, brokenMusts: this.#brokenMusts } = this.#state);
    this.#spent = this.#spentNow();
    this.#depth = 0;
  }

  #do(replica: number, to: number): void {
    this.#replicas[this.#depth] = replica;
    this.#origins[this.#depth++] = this.#state.nodeOf[replica]!;
    this.#state.shift(replica, to);
  }

  #undo(): void {
    const state = this.#state;
    while (this.#depth > 0) {
      this.#depth--;
      state.shift(this.#replicas[this.#depth]!, this.#origins[this.#depth]!);
    }
    state.cost = this.#cost;
    state.moved = this.#moved;
    state.movedBytes = this.#movedBytes;
  }
}
