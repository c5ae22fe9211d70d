/** Gives each replica its turn, by weight. Source: nginx's smooth weighted round robin. @module */
import type { Endpoint } from "./endpoint.ts";
import type { Selector } from "./selector.ts";

/** How far a replica is ahead of its turn. */
interface Turn {
  credit: number;
}

/** Over any run of as many choices as the weights sum up to, each replica is chosen as often as it weighs, evenly spread. */
export class RoundRobin implements Selector {
  /** Survives changes of the set, so that a change does not begin again at the first replica. */
  readonly #turns = new WeakMap<Endpoint, Turn>();
  #candidates: readonly Endpoint[] = [];
  #ready: Turn[] = [];

  select<E extends Endpoint>(candidates: readonly E[]): E {
    if (candidates !== this.#candidates) this.#prepare(candidates);
    let total = 0;
    let best = 0;
    for (let index = 0; index < candidates.length; index++) {
      const { weight } = candidates[index]!;
      const turn = this.#ready[index]!;
      turn.credit += weight;
      total += weight;
      if (turn.credit > this.#ready[best]!.credit) best = index;
    }
    this.#ready[best]!.credit -= total;
    return candidates[best]!;
  }

  #prepare(candidates: readonly Endpoint[]): void {
    this.#candidates = candidates;
    this.#ready = candidates.map((candidate) => {
      const turn = this.#turns.get(candidate) ?? { credit: 0 };
      this.#turns.set(candidate, turn);
      return turn;
    });
  }
}
