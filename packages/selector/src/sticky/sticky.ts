/** Sends requests with the same key to the same replica. @module */
import type { Answer, Candidate, Report } from "../candidate.ts";
import type { SelectionContext, Selector } from "../selector.ts";
import { optionError } from "../selector-error.ts";
import { keyHash } from "./key-hash.ts";
import { LoadBound } from "./load-bound.ts";
import { MaglevTable } from "./maglev-table.ts";

/** Where a key's request goes whose replica has its fill. */
export const overflows = ["selector", "next"] as const;

/** What {@link Sticky} can be told. */
export interface StickyOptions {
  /** ε: by how much a replica may be over its share of what is in flight before keys leave it; 0.25 unless told, above 0, Infinity for never. */
  readonly epsilon?: number;
  /** To whom then: `selector` (unless told), the wrapped one's choice, or `next`, the next one below its bound in the table, for each key the same. */
  readonly overflow?: (typeof overflows)[number];
  /** Entries of the Maglev table, a prime; 16 381 unless told. 100 times the number of replicas keeps shares within 1 %. */
  readonly tableSize?: number;
}

/**
 * Wraps a selector: a request with a `stickyKey` goes to the replica that its hash belongs to, while that one is a candidate and below its load bound; one without goes where
 * the selector says. The table is made again at the first key after the set changed, by the weights of that moment, and when a weight is seen to have changed: of each
 * decision one replica's is looked at in turn.
 *
 * Give it all healthy replicas for requests with a key, not only the near ones: programs agree on a key as far as they know the same replicas (`Membership.eligible`).
 *
 * Sources: Maglev (see `maglev-table.ts`) for the table, consistent hashing with bounded loads (see `load-bound.ts`) for the bound; both together as in Envoy's
 * `BoundedLoadHashingLoadBalancer`.
 *
 * @example
 * ```ts
 * const selector = new Sticky(createSelector("mitsu"), { overflow: "next" });
 * ```
 */
export class Sticky implements Selector {
  readonly name: Selector["name"];
  /** Those of the wrapped one, if it compares: it decides for requests without a key, or whose replica has its fill. */
  readonly costs?: NonNullable<Selector["costs"]>;
  readonly #selector: Selector;
  readonly #bound: LoadBound;
  readonly #overflow: (typeof overflows)[number];
  readonly #size: number;
  #candidates: readonly Candidate[] = [];
  #table: MaglevTable | null = null;
  /** Weights that the table was made by. */
  #weights = new Float64Array(0);
  #watched = 0;

  /** @throws {MitsuError} `ERR_SELECTOR_OPTION` for a table whose size is no prime, under 3 or over 5 000 011, and for ε that is not above 0. */
  constructor(selector: Selector, { epsilon = 0.25, overflow = "selector", tableSize = 16_381 }: StickyOptions = {}) {
    if (!(epsilon > 0)) throw optionError(`the load bound's epsilon is ${epsilon}`, "use a number above 0; 0.25 unless told");
    if (!isTableSize(tableSize))
      throw optionError(`a Maglev table cannot have ${tableSize} entries`, "use a prime, such as 2039, 16381 or 65537");
    if (!overflows.includes(overflow)) throw optionError(`there is no overflow ${overflow}`, `use ${overflows.join(" or ")}`);
    this.name = selector.name;
    this.#selector = selector;
    if (selector.costs !== undefined) this.costs = selector.costs.bind(selector);
    this.#bound = new LoadBound(epsilon);
    this.#overflow = overflow;
    this.#size = tableSize;
  }

  select<C extends Candidate>(candidates: readonly C[], context: SelectionContext): C {
    const key = context.stickyKey;
    if (key === null) return this.#selector.select(candidates, context);
    const table = this.#tableOf(candidates);
    const hash = keyHash(key);
    const own = candidates[table.at(hash)]!;
    // Without a look at the others while a worker is free there.
    if (own.inFlight < own.workers) return own;
    this.#bound.measure(candidates);
    if (this.#bound.holds(own)) return own;
    // One candidate is below its bound always, but with very uneven weights it may have no entry near; then the selector decides after all.
    const steps = this.#overflow === "next" ? table.size : 0;
    for (let further = 1; further < steps; further++) {
      const next = candidates[table.at(hash, further)]!;
      if (this.#bound.holds(next)) return next;
    }
    return this.#selector.select(candidates, context);
  }

  sent(candidate: Candidate, nowMs: number): void {
    this.#selector.sent?.(candidate, nowMs);
  }

  answered(candidate: Candidate, nowMs: number, answer: Answer): void {
    this.#selector.answered?.(candidate, nowMs, answer);
  }

  probes<C extends Candidate>(candidates: readonly C[], context: SelectionContext): readonly C[] {
    return this.#selector.probes?.(candidates, context) ?? [];
  }

  probed(candidate: Candidate, nowMs: number, report: Report): void {
    this.#selector.probed?.(candidate, nowMs, report);
  }

  #tableOf(candidates: readonly Candidate[]): MaglevTable {
    if (++this.#watched >= candidates.length) this.#watched = 0;
    if (this.#table === null || candidates !== this.#candidates || candidates[this.#watched]!.weight !== this.#weights[this.#watched]) {
      this.#candidates = candidates;
      this.#weights = Float64Array.from(candidates, ({ weight }) => weight);
      this.#table = new MaglevTable(candidates, this.#size);
    }
    return this.#table;
  }
}

function isTableSize(size: number): boolean {
  if (!Number.isInteger(size) || size < 3 || size > 5_000_011 || size % 2 === 0) return false;
  for (let factor = 3; factor * factor <= size; factor += 2) if (size % factor === 0) return false;
  return true;
}
