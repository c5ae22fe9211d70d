/** Names services so that no two have the same, from the shortest that people know them by. @module */

/**
 * Gives each thing the first of its names that no other thing has among names of that rank; `ranks` lists them from short to whole.
 *
 * @example
 * ```ts
 * uniqueNames([["web", "web.shop"], ["web", "web.blog"], ["db", "db.shop"]]); // ["web.shop", "web.blog", "db"]
 * ```
 */
export function uniqueNames(ranks: readonly (readonly string[])[]): string[] {
  const depth = Math.max(0, ...ranks.map((names) => names.length));
  const chosen = ranks.map((names) => names.at(-1) ?? "");
  const open = new Set(ranks.keys());
  const taken = new Set<string>();
  for (let rank = 0; rank < depth; rank++) {
    const counts = new Map<string, number>();
    for (const index of open) {
      const name = ranks[index]![rank];
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const index of [...open]) {
      const name = ranks[index]![rank];
      if (name === undefined || counts.get(name) !== 1 || taken.has(name)) continue;
      chosen[index] = name;
      taken.add(name);
      open.delete(index);
    }
  }
  return chosen;
}
