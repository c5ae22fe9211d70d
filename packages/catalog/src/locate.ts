/** Finds the place in the YAML text that a field path stands for. @module */
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from "yaml";
import type { CatalogProblem, Finding } from "./problem.ts";
import { formatPath } from "./problem.ts";

/** A parsed text and what is needed to name places in it. */
export interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** Gives a finding its line and column; one on a value that is not there points at the nearest thing around it that is. */
export function locate(source: Source, finding: Finding): CatalogProblem {
  let node = source.document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [index, step] of finding.path.entries()) {
    if (isAlias(node)) node = node.resolve(source.document) ?? null;
    if (isSeq(node)) {
      node = (node.items[Number(step)] as Node | undefined) ?? null;
    } else if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => keyText(key) === String(step));
      if (!pair) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      if (finding.at === "key" && index === finding.path.length - 1) break;
      node = pair.value as Node | null;
    } else break;
    // An empty value (`ports:` and nothing) has no extent: stay at its key.
    if (node?.range && node.range[1] > node.range[0]) offset = node.range[0];
  }
  const { line, col } = source.lines.linePos(offset);
  return {
    file: source.file,
    line: Math.max(1, line),
    column: Math.max(1, col),
    field: formatPath(finding.path),
    message: finding.message,
  };
}

/** The field name that a YAML key stands for; undefined for keys that are lists or maps. */
export function keyText(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined;
}
