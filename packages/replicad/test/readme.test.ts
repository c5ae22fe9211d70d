/** What README.md promises is so. @module */
import { readFileSync } from "node:fs";
import { parseCatalog } from "@mitsu/catalog";
import { exitStatus } from "@mitsu/cli/error";
import { selectorNames, selectorOptions } from "@mitsu/selector";
import test from "ava";
import { builtinOptions } from "../../cli/src/help.ts";
import { maxReplicas } from "../src/bus/node-state.ts";
import { maxMessageBytes } from "../src/bus/state-message.ts";
import { replicad } from "../src/cli.ts";
import { maxWeight } from "../src/overrides/override.ts";
import { printedBy, readmePath, saidBy, shapeOf } from "./readme-example.ts";

const readme = readFileSync(readmePath, "utf8");
const yaml = (name: string): string => new RegExp(`\`\`\`yaml\n# ${name}\n([\\s\\S]*?)\`\`\``).exec(readme)![1]!;

test("README.md's worked example prints what it says, but for figures (node packages/replicad/test/readme-example.ts --write makes it anew)", async (t) => {
  t.timeout(120_000);
  const said = saidBy(readme);
  t.true(said.length >= 10);
  const printed = await printedBy(readme);
  for (const [at, { command, output }] of said.entries()) t.is(shapeOf(printed[at]!), shapeOf(output), command);
});

test("README.md's mesh files are read without a fault, and name every field of selection", (t) => {
  t.deepEqual(
    parseCatalog(yaml("nodes.yaml")).nodes.map(({ name }) => name),
    ["n1", "n2", "n3"],
  );
  const text = yaml("cluster.yaml");
  const { cluster } = parseCatalog(text).services[0]!.traffic;
  t.deepEqual(Object.keys(cluster.selectorOptions).toSorted(), Object.keys(selectorOptions.mitsu).toSorted());
  for (const field of ["selector", "sticky", "slow-start", "panic-threshold", "locality", "outlier"])
    t.regex(text, new RegExp(`\\b${field}:`), field);
});

test("README.md's faults of a mesh file are refused with line and field", (t) => {
  const text = yaml("cluster.yaml");
  for (const [right, wrong, message] of [
    ["name: mitsu", "name: mitsuu", /\d+:\d+: services\.web\.cluster\.selector.*"mitsuu" is not a selector; did you mean "mitsu"/],
    ["weight: 2", "weight: -1", /\d+:\d+: services\.web\.replicas\[0\]\.weight: -1 is not a weight/],
    ["{ node: n2 }", "{ port: 80 }", /\d+:\d+: services\.web\.replicas\[1\]: has no address/],
  ] as const) {
    t.true(text.includes(right), right);
    t.regex(t.throws(() => parseCatalog(text.replace(right, wrong)))!.message, message);
  }
});

test("README.md names every command, selector and exit status", (t) => {
  for (const { name } of replicad.commands) t.true(readme.includes(`\`${name}\``), name);
  for (const name of selectorNames) t.regex(readme, new RegExp(`^\\| \`${name}\` +\\|`, "m"), name);
  const statuses = /^- \*\*Exit statuses\*\*: ([\s\S]*?)\n- /m.exec(readme)![1]!;
  for (const status of Object.values(exitStatus).filter((one) => one !== exitStatus.unsupported))
    t.regex(statuses, new RegExp(`\\b${status}\\b`), String(status));
});

test("README.md's commands have options that exist", (t) => {
  const known = new Set(
    [builtinOptions, replicad.options, ...replicad.commands.map(({ options }) => options)]
      .flatMap((options) => Object.keys(options ?? {}))
      .map((key) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
  );
  const prose = readme.replaceAll(/```[\s\S]*?```/g, "").replaceAll(/<!--[\s\S]*?-->/g, "");
  const named = [...prose.matchAll(/`[^`\n]*?`/g)]
    .filter(([text]) => !text.includes("bench/"))
    .flatMap(([text]) => [...text.matchAll(/--([a-z-]+)/g)].map(([, name]) => name!));
  t.true(named.length > 10);
  for (const name of named) t.true(known.has(name), name);
});

test("README.md's bounds are those of the sources", (t) => {
  const grouped = (count: number): string => String(count).replace(/(\d+)(\d{3})$/, count < 10_000 ? "$1$2" : "$1 $2");
  for (const count of [maxReplicas, maxMessageBytes, maxWeight]) t.true(readme.includes(grouped(count)), String(count));
});
