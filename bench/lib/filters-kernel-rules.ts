/**
 * Writes a thousand rules for the kernel, none of which denies what the bench asks.
 *
 *     node bench/lib/filters-kernel-rules.ts OUT
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { buildRules } from "../../packages/meshfilters/src/rules/build-rules.ts";

const [out] = process.argv.slice(2);
if (out === undefined) throw new RangeError("usage: filters-kernel-rules.ts OUT");
const rules = Array.from(
  { length: 1000 },
  (_, at) => `  - { name: r${at}, match: { from: other-${at % 100}, port: ${9000 + at} }, do: deny }`,
);
writeFileSync(`${out}.yaml`, `version: 1\nrules:\n${rules.join("\n")}\n`);
const { artifacts } = await buildRules(`${out}.yaml`, { output: out, backEnds: ["kernel"] });
process.stdout.write(`${artifacts[0]!.path}\n`);
