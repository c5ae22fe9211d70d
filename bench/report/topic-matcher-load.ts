/** Filters and topics for the topic matcher's bench: most exact, a tenth each with `+` and with `#`, of 2 to 14 levels; a topic meets one or two of them. @module */

const depths = [2, 3, 5, 8, 14] as const;

/** A filter by its number, of which no two are the same. */
export function filterOf(index: number): string {
  const depth = depths[index % depths.length]!;
  const levels = topicOf(index, depth).split("/");
  const kind = Math.floor(index / depths.length) % 10;
  if (kind === 0) levels[0] = "+";
  if (kind === 5) levels.splice(Math.max(2, depth - 1), 1, "#");
  return levels.join("/");
}

/** A topic of so many levels that is near filter `index`. */
export function topicOf(index: number, levels: number): string {
  return [`site${index % 8}`, `d${index}`, ...Array.from({ length: 18 }, (_, at) => `l${at}`)].slice(0, levels).join("/");
}
