/** Gives each replica its turn, by weight. Source: nginx's smooth weighted round robin (`ngx_http_upstream_get_peer`, commit 52327e0627f4). @module */
import type { Candidate } from "../candidate.ts";
import type { Selector, SelectorOptions } from "../selector.ts";
import { readOptions } from "../selector-error.ts";
import { shareOf } from "../share.ts";

/** How far a replica is ahead of its turn. */
interface Turn {
  credit: number;
}

/**
 * Over any run of as many choices as the weights sum up to, each replica is chosen as often as it weighs, evenly spread. Looks at no load.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`: it has none.
 */
export function roundRobin(options: SelectorOptions = {}): Selector {
  readOptions("round-robin", options, {});
  return new RoundRobin();
}

class RoundRobin implements Selector {
  readonly name = "round-robin";
  /** Survives changes of the set, so that a change does not begin again at the first replica. */
  readonly #turns = new WeakMap<Candidate, Turn>();
  #candidates: readonly Candidate[] = [];
  #ready: Turn[] = [];

  select<C extends Candidate>(candidates: readonly C[]): C {
    if (candidates !== this.#candidates) this.#prepare(candidates);
    const ready = this.#ready;
    let total = 0;
    let best = ready[0]!;
    let chosen = 0;
    for (let index = 0; index < candidates.length; index++) {
      const share = shareOf(candidates[index]!);
      const turn = ready[index]!;
      turn.credit += share;
      total += share;
      if (turn.credit > best.credit) {
        best = turn;
        chosen = index;
      }
    }
    best.credit -= total;
    return candidates[chosen]!;
  }

  #prepare(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
    this.#ready = candidates.map((candidate) => {
      const turn = this.#turns.get(candidate) ?? { credit: 0 };
      this.#turns.set(candidate, turn);
      return turn;
    });
  }
}
