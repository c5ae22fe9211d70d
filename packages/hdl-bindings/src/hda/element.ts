/** One element of HDA*: what it does with messages and states, apart from how long that takes and how messages travel. [Kishimoto, Fukunaga, Botea 2009] @module */
import { type Domain, noMove } from "./domain.ts";
import { kinds, type Message } from "./message.ts";
import { StateOwner } from "./state-owner.ts";
import { Safra } from "./termination.ts";
import { ownerOf } from "./zobrist.ts";

/** What an element did, so that a simulation may count cycles for it. */
export interface Work {
  /** Successors made, states looked up, and of these the kept ones, that went into the open list. */
  generated: number;
  lookedUp: number;
  kept: number;
}

/**
 * An element that owns the states whose Zobrist hash falls to it. It is passive when no state of its own has an f below the best cost known; a better way to the goal is told
 * to all others at once, and counts as a message for the termination.
 *
 * @example
 * ```ts
 * const element = new Element(domain, 0, 4, (message) => outbox.push(message));
 * element.begin();
 * while (element.hasWork) element.expand();
 * ```
 */
export class Element {
  readonly owner: StateOwner;
  /** Element 0 found that all is done, or another was told so. */
  ended = false;
  /** States sent to others. */
  statesSent = 0;
  readonly work: Work = { generated: 0, lookedUp: 0, kept: 0 };
  readonly #domain: Domain;
  readonly #number: number;
  readonly #elements: number;
  readonly #send: (message: Message) => void;
  readonly #safra: Safra;

  constructor(domain: Domain, number: number, elements: number, send: (message: Message) => void) {
    this.#domain = domain;
    this.#number = number;
    this.#elements = elements;
    this.#send = send;
    this.owner = new StateOwner(domain);
    this.#safra = new Safra(number);
  }

  get hasWork(): boolean {
    return this.owner.leastF !== Number.POSITIVE_INFINITY;
  }
  get holdsToken(): boolean {
    return this.#safra.holds;
  }
  /** Messages sent less received, for tests. */
  get balance(): number {
    return this.#safra.count;
  }

  /** Takes the start state if it is its own, and the token if it is element 0. */
  begin(): void {
    const { startLow: low, startHigh: high } = this.#domain;
    const hash = this.#domain.hash(low, high);
    if (ownerOf(hash, this.#elements) === this.#number) this.#offer(low, high, hash, 0, noMove);
    if (this.#number === 0) this.#safra.start();
  }

  /** Expands the best state; there must be {@link Element.hasWork}. */
  expand(): void {
    const { owner } = this;
    const count = owner.expand();
    const { low, high, cost, move } = owner.successors;
    this.work.generated += count;
    for (let nth = 0; nth < count; nth++) {
      const [nextLow, nextHigh, nextCost] = [low[nth]!, high[nth]!, owner.expandedCost + cost[nth]!];
      const hash = this.#domain.hash(nextLow, nextHigh);
      const to = ownerOf(hash, this.#elements);
      if (to === this.#number) this.#offer(nextLow, nextHigh, hash, nextCost, move[nth]!);
      // The heuristic is cheap: what cannot better the best way known need not travel.
      else if (nextCost + this.#domain.heuristic(nextLow, nextHigh) < owner.incumbent) {
        this.statesSent++;
        this.#safra.sent();
        this.#send({ to, kind: kinds.state, low: nextLow, high: nextHigh, move: move[nth]!, value: nextCost });
      }
    }
  }

  receive(message: Message): void {
    const { kind, low, high, move, value } = message;
    if (kind === kinds.token) this.#safra.take({ count: low | 0, black: high === 1 });
    else if (kind === kinds.stop) this.ended = true;
    else {
      this.#safra.received();
      if (kind === kinds.incumbent) this.owner.incumbent = Math.min(this.owner.incumbent, value);
      else this.#offer(low, high, this.#domain.hash(low, high), value, move);
    }
  }

  /** Passes the token on, or ends the search; to be called when passive and {@link Element.holdsToken}. */
  passToken(): void {
    const token = this.#safra.pass();
    if (token === "ended") {
      this.ended = true;
      for (let to = 1; to < this.#elements; to++) this.#send({ to, kind: kinds.stop, low: 0, high: 0, move: 0, value: 0 });
    } else if (this.#elements === 1) this.#safra.take(token);
    else {
      const to = (this.#number + 1) % this.#elements;
      this.#send({ to, kind: kinds.token, low: token.count, high: token.black ? 1 : 0, move: 0, value: 0 });
    }
  }

  #offer(low: number, high: number, hash: number, cost: number, move: number): void {
    const before = this.owner.incumbent;
    this.work.lookedUp++;
    if (this.owner.offer(low, high, hash, cost, move)) this.work.kept++;
    if (this.owner.incumbent === before) return;
    for (let to = 0; to < this.#elements; to++) {
      if (to === this.#number) continue;
      this.#safra.sent();
      this.#send({ to, kind: kinds.incumbent, low: 0, high: 0, move: 0, value: this.owner.incumbent });
    }
  }
}
