#!/usr/bin/env node
/**
 * Makes the measurements of placement.sh, one line of JSON each: `placer` is run as people run it, one process a measurement, and every placement is
 * judged by `placement-judge.ts`.
 *
 *     node bench/lib/placement-run.ts --to raw.jsonl --work /tmp/x --phases small,real --seeds 3
 *
 * @module
 */
import { appendFileSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Bench, Line } from "./placement-bench.ts";
import type { PublishedCluster } from "./placement-bytedance.ts";
import { measureHuge, measureIndustrial, measureInstance } from "./placement-large.ts";
import { measureReal, measureSmall, measureSocial } from "./placement-small.ts";

const { values } = parseArgs({
  options: {
    to: { type: "string", default: "raw.jsonl" },
    work: { type: "string", default: "/tmp" },
    placer: { type: "string", default: "bin/placer" },
    phases: { type: "string", default: "small,real,fuzz,industrial,social,huge" },
    problems: { type: "string", default: "20" },
    seeds: { type: "string", default: "3" },
    fuzz: { type: "string", default: "2000" },
    deadline: { type: "string", default: "15" },
    "huge-nodes": { type: "string", default: "2000" },
    instance: { type: "string" },
    traces: { type: "string" },
  },
});

process.on("SIGTERM", () => process.exit(143));
const bench: Bench = {
  placer: values.placer,
  work: values.work,
  say: (text) => console.error(text),
  write: (line: Line) => appendFileSync(values.to, `${JSON.stringify(line)}\n`),
};
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
const phases: Readonly<Record<string, () => Promise<void>>> = {
  small: () => measureSmall(bench, Number(values.problems)),
  real: () => measureReal(bench, values.traces),
  // Loaded late: it brings all of the solver into this process.
  fuzz: async () => (await import("./placement-fuzz.ts")).measureFuzz(bench, Number(values.fuzz)),
  industrial: () => measureIndustrial(bench, seeds, Number(values.deadline)),
  instance: async () => {
    if (values.instance)
      await measureInstance(
        bench,
        JSON.parse(readFileSync(values.instance, "utf8")) as PublishedCluster,
        values.instance,
        seeds,
        Number(values.deadline),
      );
  },
  social: () => measureSocial(bench, seeds),
  huge: () => measureHuge(bench, Number(values["huge-nodes"])),
};
for (const [name, measure] of Object.entries(phases)) {
  const wanted = values.phases.split(",").includes(name) || (name === "instance" && values.instance !== undefined);
  if (!wanted) continue;
  bench.say(`placement: ${name}`);
  try {
    await measure();
  } catch (error) {
    // One phase that fails must not take the others' figures along; its targets say so.
    const text = error instanceof Error ? error.message : String(error);
    bench.say(`placement: !!! ${name}: ${text}`);
    bench.write({ phase: name, error: text });
  }
}
