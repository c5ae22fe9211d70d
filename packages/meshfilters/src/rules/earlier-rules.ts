/** Rules that stay for later stages: what a rule that wants to act earlier has to get past. @module */
import { type Match, matchAll } from "./ir.ts";
import { overlaps } from "./overlap.ts";

interface Entry<T> {
  readonly match: Match;
  readonly owners: Set<T>;
}

/**
 * Finds those that overlap a match on who asks, source and port. Rules that say the same of these are one entry, and entries are found by who asks, so that
 * ten thousand rules are not compared with each other.
 *
 * @typeParam T What stands for a rule.
 */
export class EarlierRules<T> {
  readonly #entries = new Map<string, Entry<T>>();
  /** By service; `*` has those of any caller, and of SPIFFE ids. */
  readonly #byCaller = new Map<string, Set<Entry<T>>>();

  /** Adds a rule. */
  add({ from, sources, ports }: Match, owner: T): void {
    const id = `${from.toSorted().join()} ${sources.map(({ bytes, length }) => `${bytes.join(".")}/${length}`).join()} ${ports.toSorted().join()}`;
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { match: { ...matchAll, from, sources, ports }, owners: new Set() };
      this.#entries.set(id, entry);
      for (const caller of callersOf(from)) {
        const known = this.#byCaller.get(caller);
        if (known) known.add(entry);
        else this.#byCaller.set(caller, new Set([entry]));
      }
    }
    entry.owners.add(owner);
  }

  /** Rules that overlap, one after the other. */
  *overlapping(match: Match): Generator<T> {
    const callers = callersOf(match.from);
    const lists = callers.includes("*")
      ? [...this.#byCaller.values()]
      : [...callers, "*"].flatMap((caller) => this.#byCaller.get(caller) ?? []);
    for (const entry of new Set(lists.flatMap((list) => [...list]))) if (overlaps(entry.match, match)) yield* entry.owners;
  }

  /** Forgets a rule. */
  delete({ from, sources, ports }: Match, owner: T): void {
    const id = `${from.toSorted().join()} ${sources.map(({ bytes, length }) => `${bytes.join(".")}/${length}`).join()} ${ports.toSorted().join()}`;
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.owners.delete(owner);
    if (entry.owners.size > 0) return;
    this.#entries.delete(id);
    for (const caller of callersOf(from)) this.#byCaller.get(caller)?.delete(entry);
  }
}

function callersOf(from: readonly string[]): readonly string[] {
  return from.length === 0 || from.some((who) => who.startsWith("spiffe://")) ? ["*"] : from;
}
