/** Words a reference to nothing. @module */
import { didYouMean } from "./did-you-mean.ts";

/** Says that there is no node, service or filter of that name, with the nearest name there is. */
export function unknownName(kind: "node" | "service" | "filter", name: string, known: ReadonlySet<string>): string {
  const near = didYouMean(name, known);
  if (near !== undefined) return `no ${kind} ${JSON.stringify(name)}; did you mean ${JSON.stringify(near)}?`;
  return `no ${kind} ${JSON.stringify(name)}; ${known.size === 0 ? `there are none, add it under ${kind}s` : `there are ${[...known].slice(0, 10).join(", ")}`}`;
}
