/** The states of one processing element: which are known, which are to be expanded. What A* and each element of HDA* have in common. @module */
import { type Domain, type Successors, successors } from "./domain.ts";
import { NodeTable } from "./node-table.ts";
import { OpenList } from "./open-list.ts";

/**
 * Takes states in, gives out the successors of the best one. A state that comes again at a lower cost is opened again: between elements costs need not come in order.
 *
 * @example
 * ```ts
 * const owner = new StateOwner(domain);
 * owner.offer(domain.startLow, domain.startHigh, domain.hash(domain.startLow, domain.startHigh), 0, noMove);
 * owner.expand();
 * owner.successors.low[0];
 * ```
 */
export class StateOwner {
  /** Cost of the best way to the goal that is known here; states whose f is not below it are never expanded. */
  incumbent: number = Number.POSITIVE_INFINITY;
  expansions = 0;
  /** Of the last {@link StateOwner.expand}. */
  readonly successors: Successors = successors();
  /** Cost of the state that was expanded last. */
  expandedCost = 0;
  readonly #domain: Domain;
  readonly #nodes = new NodeTable();
  readonly #open = new OpenList();

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  /** Levels of the open list's heap. */
  get levels(): number {
    return this.#open.levels;
  }

  /** Least f of a state to be expanded, below the incumbent; Infinity when there is none. */
  get leastF(): number {
    const open = this.#open;
    // What was opened again at a lower cost still stands there with the higher one.
    while (open.size > 0 && open.leastF < this.incumbent && open.leastG > this.#nodes.cost[open.first]!) open.pop();
    const f = open.leastF;
    return f < this.incumbent ? f : Number.POSITIVE_INFINITY;
  }

  /**
   * A way to a state.
   *
   * @returns whether it is new or better, and so was kept.
   */
  offer(low: number, high: number, hash: number, cost: number, move: number): boolean {
    const h = this.#domain.heuristic(low, high);
    if (cost + h >= this.incumbent) return false;
    const node = this.#nodes.at(low, high, hash);
    if (cost >= this.#nodes.cost[node]!) return false;
    this.#nodes.cost[node] = cost;
    this.#nodes.move[node] = move;
    if (this.#domain.isGoal(low, high)) this.incumbent = cost;
    else this.#open.push(cost + h, cost, node);
    return true;
  }

  /**
   * Expands the best state; {@link StateOwner.leastF} must be finite.
   *
   * @returns the number of successors.
   */
  expand(): number {
    const node = this.#open.pop();
    const { low, high, cost, move } = this.#nodes;
    this.expandedCost = cost[node]!;
    this.expansions++;
    return this.#domain.expand(low[node]!, high[node]!, move[node]!, this.successors);
  }
}
