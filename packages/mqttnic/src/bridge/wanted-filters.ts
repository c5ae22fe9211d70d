/** Which filters to subscribe to at peers, so that all that is wanted comes and nothing twice. @module */

interface Level {
  readonly levels: Map<string, Level>;
  /** Asked for, so often. */
  wanted: number;
  /** Subscribed to: wanted, and no other that is covers it. */
  active: boolean;
  readonly filter: string;
}

const level = (filter: string): Level => ({ levels: new Map(), wanted: 0, active: false, filter });

/** Filters whose change is to be told. */
export interface WantedChange {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
}

/**
 * A tree of filters, level by level. A filter that another wanted one covers is kept and not subscribed to; it takes over when that one goes. What begins
 * with `$` belongs to its node and is left out.
 *
 * @example
 * ```ts
 * const wanted = new WantedFilters();
 * wanted.add("rack/1/fan"); // { subscribe: ["rack/1/fan"], unsubscribe: [] }
 * wanted.add("rack/#");     // { subscribe: ["rack/#"], unsubscribe: ["rack/1/fan"] }
 * wanted.delete("rack/#");  // { subscribe: ["rack/1/fan"], unsubscribe: ["rack/#"] }
 * ```
 */
export class WantedFilters {
  readonly #root: Level = level("");
  readonly #active = new Set<string>();

  /** What is to be subscribed to now. */
  get active(): ReadonlySet<string> {
    return this.#active;
  }

  add(filter: string): WantedChange {
    if (filter.startsWith("$")) return { subscribe: [], unsubscribe: [] };
    const parts = filter.split("/");
    let at = this.#root;
    for (const [depth, part] of parts.entries()) {
      let next = at.levels.get(part);
      if (next === undefined) {
        next = level(parts.slice(0, depth + 1).join("/"));
        at.levels.set(part, next);
      }
      at = next;
    }
    at.wanted++;
    if (at.wanted > 1 || isCovered(this.#root, parts, 0, at)) return { subscribe: [], unsubscribe: [] };
    const unsubscribe: string[] = [];
    for (const other of coveredBy(this.#root, parts, 0))
      if (other.active && other !== at) {
        this.#set(other, false);
        unsubscribe.push(other.filter);
      }
    this.#set(at, true);
    return { subscribe: [filter], unsubscribe };
  }

  delete(filter: string): WantedChange {
    const parts = filter.split("/");
    const path: Level[] = [this.#root];
    for (const part of parts) {
      const next = path.at(-1)?.levels.get(part);
      if (next === undefined) return { subscribe: [], unsubscribe: [] };
      path.push(next);
    }
    const at = path.at(-1)!;
    if (at.wanted === 0) return { subscribe: [], unsubscribe: [] };
    at.wanted--;
    if (at.wanted > 0) return { subscribe: [], unsubscribe: [] };
    const was = at.active;
    this.#set(at, false);
    const subscribe: string[] = [];
    if (was) {
      const left = [...coveredBy(this.#root, parts, 0)].filter((other) => other.wanted > 0);
      // All at once, so that one of them can cover another.
      for (const other of left) other.active = true;
      for (const other of left) if (isCovered(this.#root, other.filter.split("/"), 0, other)) other.active = false;
      for (const other of left)
        if (other.active) {
          this.#active.add(other.filter);
          subscribe.push(other.filter);
        }
    }
    for (let depth = parts.length; depth > 0; depth--) {
      const here = path[depth]!;
      if (here.wanted > 0 || here.levels.size > 0) break;
      path[depth - 1]!.levels.delete(parts[depth - 1]!);
    }
    return { subscribe, unsubscribe: was ? [filter] : [] };
  }

  #set(at: Level, active: boolean): void {
    at.active = active;
    if (active) this.#active.add(at.filter);
    else this.#active.delete(at.filter);
  }
}

/** Whether an active filter other than `but` covers the filter. [MQTT 5.0 §4.7] */
function isCovered(at: Level, parts: readonly string[], depth: number, but: Level): boolean {
  const hash = at.levels.get("#");
  if (hash?.active && hash !== but) return true;
  const part = parts[depth];
  if (part === undefined) return at.active && at !== but;
  if (part === "#") return false;
  const plus = at.levels.get("+");
  if (plus !== undefined && isCovered(plus, parts, depth + 1, but)) return true;
  const same = part === "+" ? undefined : at.levels.get(part);
  return same !== undefined && isCovered(same, parts, depth + 1, but);
}

/** Filters in the tree that the filter covers, itself among them. */
function* coveredBy(at: Level, parts: readonly string[], depth: number): Generator<Level> {
  const part = parts[depth];
  if (part === undefined) yield at;
  else if (part === "#") yield* all(at);
  else if (part === "+") {
    for (const [name, next] of at.levels) if (name !== "#") yield* coveredBy(next, parts, depth + 1);
  } else {
    const next = at.levels.get(part);
    if (next !== undefined) yield* coveredBy(next, parts, depth + 1);
  }
}

function* all(at: Level): Generator<Level> {
  yield at;
  for (const next of at.levels.values()) yield* all(next);
}
