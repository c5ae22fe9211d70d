/** What README.md promises is so. @module */
import { readFileSync } from "node:fs";
import { exitStatus } from "@mitsu/cli/error";
import test from "ava";
import { placer } from "../src/cli.ts";
import { keepsRules } from "../src/plan/check-plan.ts";
import { planReport } from "../src/plan/plan-report.ts";
import { parseProblem } from "../src/problem/parse-problem.ts";
import { parseRun } from "../src/simulate/measured-run.ts";
import { parseModel } from "../src/simulate/parse-model.ts";
import { compile } from "../src/solve/compile.ts";
import { defaultWeight } from "../src/solve/objective.ts";
import { strategyNames } from "../src/solve/strategy.ts";
import { printedBy, readmePath, saidBy } from "./readme-example.ts";

const readme = readFileSync(readmePath, "utf8");
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text]) => text!);
const corpus = (name: string): string => readFileSync(new URL(`corpus/${name}`, import.meta.url), "utf8");

test("README.md's worked example prints what it says (node packages/placer/test/readme-example.ts --write makes it anew)", (t) => {
  const said = saidBy(readme);
  t.true(said.length >= 10);
  const printed = printedBy(
    readme,
    said.map(({ command }) => command),
  );
  for (const [at, { command, output }] of said.entries()) t.is(printed[at], output, command);
});

test("README.md's first commands make a problem, a plan and a picture", (t) => {
  const [first] = blocks("sh");
  t.regex(first!, /^placer generate [\s\S]*\nplacer plan [\s\S]*\nplacer draw /);
  const [plan, picture] = printedBy(readme, [
    first!.replace(/ *#.*$/gm, "").replace(/placer draw .*/, ""),
    `${first!}\nhead -c 5 plan.svg`,
  ]);
  t.regex(plan!, /✓ capacity/);
  t.true(picture!.endsWith("<svg"), picture);
});

test("README.md's annotated problem file is the one of the corpus, and names every field of the schema", (t) => {
  const text = blocks("yaml").find((block) => block.startsWith("# yaml-language-server"))!;
  t.deepEqual(parseProblem(text, "README.md"), parseProblem(corpus("problem/good-shop.yaml"), "good-shop.yaml"));
  const schema: unknown = JSON.parse(readFileSync(new URL("../problem.schema.json", import.meta.url), "utf8"));
  const fields = new Set<string>();
  const gather = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("properties" in value) for (const name of Object.keys(value.properties as object)) fields.add(name);
    for (const inner of Object.values(value)) gather(inner);
  };
  gather(schema);
  t.true(fields.size > 30);
  for (const name of fields) t.regex(text, new RegExp(`\\b${name}\\b`), name);
});

test("README.md's faults are said so", (t) => {
  const shop = blocks("yaml").find((block) => block.startsWith("# shop.yaml"))!;
  const line = shop.split("\n").findIndex((text) => text.includes("name: redis"));
  const wrong = shop
    .split("\n")
    .map((text, at) => (at === line ? text.replace("cpu: 500m", "cpu: -1") : text.replace("to: mail", "to: mial")))
    .join("\n");
  const said = /```\n(shop\.yaml:[\s\S]*?)\n```/.exec(readme)![1]!;
  const error = t.throws(() => parseProblem(wrong, "shop.yaml"))!;
  t.is(error.message, said);
});

test("README.md's formula of the objective is what a plan's report works out", (t) => {
  const formula = /```\nobjective = (.*)\n```/.exec(readme)![1]!;
  const problem = parseProblem(blocks("yaml").find((block) => block.startsWith("# shop.yaml"))!, "shop.yaml");
  const report = planReport(problem, problem.assignment, {
    weight: defaultWeight,
    maxUtilisation: 1,
    reserve: "requests",
    budget: null,
    proof: null,
  });
  t.is(formula, "(1 − weight) × (1 − on-node) + weight × imbalance + wishes");
  t.true(Math.abs(report.objective - ((1 - defaultWeight) * (1 - report.onNode) + defaultWeight * report.imbalance)) < 1e-12);
  t.true(keepsRules(report.checks));
  t.true(readme.includes(`\`--weight\` is ${defaultWeight} unless told`));
});

test("README.md's model and run file are read without a fault", (t) => {
  const model = parseModel(blocks("yaml").find((block) => block.startsWith("# model.yaml"))!, "model.yaml");
  t.deepEqual(
    model.services.map(({ name }) => name),
    ["web", "cart", "redis", "search", "index", "mail"],
  );
  const runs = blocks("json").filter((block) => block.includes("responseMs"));
  t.is(runs.length, 1);
  t.is(parseRun(runs[0]!, "run.json").rate, 600);
});

test("README.md names every command, strategy, check, exit status and target", (t) => {
  for (const { name } of placer.commands.filter(({ hidden }) => !hidden))
    t.true(readme.includes(`\`${name}\``) || readme.includes(`placer ${name}`), name);
  for (const name of strategyNames) t.regex(readme, new RegExp(`^\\| \`${name}\` +\\|`, "m"), name);
  for (const name of ["placed", "capacity", "nodes", "pinned", "affinity", "anti-affinity", "spread", "budget", "wishes"])
    t.regex(readme, new RegExp(`^\\| \`${name}\` +\\|`, "m"), name);
  const statuses = /^- \*\*Exit statuses\*\*: ([\s\S]*?)\n- /m.exec(readme)![1]!;
  const used = [exitStatus.ok, exitStatus.failure, exitStatus.usage, exitStatus.data, exitStatus.unavailable, exitStatus.temporary];
  for (const status of [...used, exitStatus.rights, exitStatus.unsupported])
    t.regex(statuses, new RegExp(`\\b${status}\\b`), String(status));
  for (const target of placer.commands.find(({ name }) => name === "apply")!.options.to!.choices!)
    t.regex(readme, new RegExp(`^- \\*\\*\`${target}\`\\*\\*`, "m"), target);
});

test("README.md's commands have options that exist", (t) => {
  const known = new Set(
    [placer.options, ...placer.commands.map(({ options }) => options)]
      .flatMap((options) => Object.keys(options ?? {}))
      .map((key) => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
  );
  const prose = readme.replaceAll(/```[\s\S]*?```/g, "").replaceAll(/<!--[\s\S]*?-->/g, "");
  const named = [...prose.matchAll(/`[^`\n]*?`/g)]
    .filter(([text]) => !text.includes("bench/"))
    .flatMap(([text]) => [...text.matchAll(/--([a-z-]+)/g)].map(([, name]) => name!));
  t.true(named.length > 30);
  for (const name of named) t.true(known.has(name), name);
});

test("README.md's limit of replicas is compile()'s", (t) => {
  const of = (replicas: number): string => JSON.stringify({ nodes: [{ name: "n1" }], services: [{ name: "a", replicas }] });
  t.true(readme.includes("32 767 replicas a service"));
  t.notThrows(() => compile(parseProblem(of(32_767), "a.json")));
  t.throws(() => compile(parseProblem(of(32_768), "a.json")));
});
