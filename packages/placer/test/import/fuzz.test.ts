import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import { importBytedance } from "../../src/import/bytedance.ts";
import { importCompose } from "../../src/import/compose.ts";
import type { Imported } from "../../src/import/import-notes.ts";
import { importKubernetes } from "../../src/import/kubernetes.ts";
import { parseNodes, parseProblem } from "../../src/problem/parse-problem.ts";
import { ProblemError } from "../../src/problem/problem-error.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";

const corpus = new URL("../corpus/import/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, corpus), "utf8");
const nodes = parseNodes(read("compose-nodes.yaml"), "nodes.yaml");

const importers: readonly { name: string; seeds: readonly string[]; run: (text: string) => Imported }[] = [
  {
    name: "importKubernetes()",
    seeds: [read("k8s-boutique.yaml"), read("k8s-bad.yaml")],
    run: (text) => importKubernetes([{ file: "f.yaml", text }]),
  },
  {
    name: "importCompose()",
    seeds: [read("compose-shop.yaml"), read("compose-bad.yaml")],
    run: (text) => importCompose([{ file: "f.yaml", text }], { nodes, vars: {}, folder: "f" }),
  },
  {
    name: "importBytedance()",
    seeds: [read("bytedance-small.json"), read("bytedance-bad.json")],
    run: (text) => importBytedance(text, "f.json"),
  },
];

/** Imports; anything but a problem that is read back as it was written, or a ProblemError with places in it, is a bug. Tells whether the text was good. */
function survives(run: (text: string) => Imported, text: string): boolean {
  try {
    const { problem, warnings } = run(text);
    for (const { line, column } of warnings) if (!(line >= 1 && column >= 1)) throw new TypeError("a warning without a place");
    deepStrictEqual(parseProblem(writeProblem(problem, "json"), "again.json"), problem);
    return true;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    for (const line of error.message.split("\n"))
      if (!/^(f\.\w+:[1-9]\d*:[1-9]\d*: .|and \d+ more$)/.test(line)) throw new TypeError(`no place in: ${line}`);
    return false;
  }
}

const scrap = fc.oneof(
  fc.constantFrom(
    "[]",
    "{}",
    "null",
    "-1",
    "1e999",
    ".nan",
    '""',
    "a: b",
    "- ",
    ": ",
    '"',
    "*",
    "&a ",
    "constructor",
    "__proto__",
    "\n",
    "${",
    "$$",
    "{",
    "]",
    "true",
    "7",
    "x-y",
  ),
  fc.string({ maxLength: 3 }),
);

for (const { name, seeds, run } of importers) {
  test(`${name} takes its good file, and throws nothing but ProblemError on damaged ones`, (t) => {
    t.true(survives(run, seeds[0]!));
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.nat(20_000), fc.nat(12), scrap, (text, at, remove, more) => {
        const place = at % text.length;
        if (!survives(run, text.slice(0, place) + more + text.slice(place + remove))) refused++;
      }),
      { seed: 1, numRuns: 120 },
    );
    t.true(refused > 50, `only ${refused} of 120 were refused`);
  });

  test(`${name} throws nothing but ProblemError on any value in any place of its good file`, (t) => {
    const lines = seeds[0]!.split("\n");
    const value = /(: |\[|, |- )("[^"]*"|[\w./-]+)/g;
    fc.assert(
      fc.property(fc.nat(), fc.nat(), scrap, (line, which, more) => {
        const copy = [...lines];
        const at = line % lines.length;
        const found = [...copy[at]!.matchAll(value)];
        const one = found[which % Math.max(1, found.length)];
        if (one) copy[at] = copy[at]!.slice(0, one.index + one[1]!.length) + more + copy[at]!.slice(one.index + one[0].length);
        survives(run, copy.join("\n"));
      }),
      { seed: 2, numRuns: 120 },
    );
    t.pass();
  });
}
