/** Rules as a generated module, which nicd runs as any filter. @module */
import { type BackEnd, backEnd, type Meter, rowMeter, type StagedRule } from "../back-end.ts";
import { allow, defaultName, type Match, matchAll } from "../ir.ts";
import { mostRowsOfRule, rowCount, ruleRows } from "../rule-rows.ts";
import { rulesModule } from "./rules-module.ts";

/** Tables of 300 000 rows fit into the 32 MiB that a filter has unless told. */
const mostRows = 300_000;
/** Of hash tables, each of which is asked for each request. */
const mostShapes = 512;
/** Metrics of one filter (packages/proxy-wasm/src/host/limits.ts). */
const mostCounted = 1000;
/** Of a request, host calls and copies included, as test/rules/cost.ts measures it on two slow cores that others use too. */
const costNs = 8000;

/** The module; it can do all that a rule may say. */
export function wasmBackEnd(): BackEnd {
  return backEnd(2, {
    name: "wasm",
    kind: "software",
    entries: mostRows,
    limits: { rowsOfRule: mostRowsOfRule, shapes: mostShapes, counted: mostCounted },
    cost: { ns: costNs },
    meter: wasmMeter,
    emit: (rules) => {
      const own = rules.map(({ rule }) => rule);
      // What gets this far and matches none goes on.
      const all = own.at(-1)?.name === defaultName ? own : [...own, { name: defaultName, match: matchAll, acts: allow }];
      return {
        suffix: ".wasm",
        bytes: rulesModule(all).bytes,
        install: "mesh.yaml: filters: { rules: { module: … } }, and filters: [rules] of the services",
      };
    },
  });
}

function wasmMeter(): Meter {
  const shapes = new Set<string>();
  let counted = 0;
  return rowMeter(
    mostRows,
    ({ rule }) => rowCount(rule.match),
    (staged: StagedRule) => {
      const { match, acts } = staged.rule;
      if (rowCount(match) > mostRowsOfRule) return `its lists make ${rowCount(match)} rows, more than ${mostRowsOfRule}`;
      if (acts.count && counted >= mostCounted) return `counts ${mostCounted} rules at most`;
      for (const shape of shapesOf(match)) shapes.add(shape);
      if (shapes.size > mostShapes) return `asks ${mostShapes} tables at most: let rules look at the same fields`;
      if (acts.count) counted++;
      return undefined;
    },
  );
}

/** Parts that its rows look at. */
function shapesOf(match: Match): readonly string[] {
  return ruleRows(match).map((row) => row.map(({ kind, argument }) => `${kind} ${argument}`).join());
}
