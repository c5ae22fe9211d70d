/**
 * Makes packages/mqttnic/conformance.md: each normative statement of MQTT 3.1.1 and 5.0 with the tests whose titles cite it, or the reason why there is none.
 * `node scripts/mqtt-conformance.ts` says whether the file is as it should be, `--write` makes it.
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type Statements,
  statementsOf5,
  statementsOf311,
  untestedOf5,
  untestedOf311,
} from "../packages/mqttnic/test/conformance/statements.ts";

const folder = resolve(import.meta.dirname, "../packages/mqttnic/test/conformance");

/** Where the table stands. */
export const conformancePath: string = resolve(import.meta.dirname, "../packages/mqttnic/conformance.md");

/** A test of the suite, as its source says. */
export interface CitedTest {
  /** Its file, without `.test.ts`. */
  readonly file: string;
  /** Its title without the ids. */
  readonly title: string;
  /** Ids of 3.1.1 and of 5.0. */
  readonly v311: readonly string[];
  readonly v5: readonly string[];
}

/** All tests of the suite in the order of their files. */
export function citedTests(): CitedTest[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts") && name !== "table.test.ts")
    .toSorted()
    .flatMap((name) => testsIn(name.replace(".test.ts", ""), readFileSync(join(folder, name), "utf8")));
}

/** Tests of one file: what is registered by `check.v3`, `check.v5` and `check.both`, whose titles are literals. */
export function testsIn(file: string, source: string): CitedTest[] {
  return [...source.matchAll(/\bcheck\.(?:v3|v5|both)\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, whole = ""]) => {
    const at = whole.search(/ v(?:3\.1\.1|5) \[MQTT-/);
    const ids = at < 0 ? "" : whole.slice(at);
    const of = (version: string): string[] => {
      const [, part = ""] = ids.match(new RegExp(` v${version.replaceAll(".", "\\.")} ((?:\\[[^\\]]+\\] ?)+)`)) ?? [];
      return [...part.matchAll(/\[MQTT-([\d.]+-\d+)\]/g)].map(([, id = ""]) => id);
    };
    return { file, title: (at < 0 ? whole : whole.slice(0, at)).replace(/\.$/, ""), v311: of("3.1.1"), v5: of("5") };
  });
}

/** What is wrong with the titles and the lists: ids that do not exist, statements with neither a test nor a reason, or with both. */
export function problems(tests: readonly CitedTest[]): string[] {
  const found: string[] = [];
  const look = (version: string, statements: Statements, untested: Statements, cited: (test: CitedTest) => readonly string[]): void => {
    const all = new Set(tests.flatMap(cited));
    for (const test of tests) {
      for (const id of cited(test)) if (!(id in statements)) found.push(`${test.file}: ${version} has no [MQTT-${id}]: ${test.title}`);
    }
    for (const id of Object.keys(untested))
      if (!(id in statements)) found.push(`${version} has no [MQTT-${id}], which is said to be untested`);
    for (const id of Object.keys(statements)) {
      if (all.has(id) === id in untested)
        found.push(`${version} [MQTT-${id}] has ${all.has(id) ? "both a test and a reason for none" : "neither a test nor a reason"}`);
    }
  };
  look("3.1.1", statementsOf311, untestedOf311, (test) => test.v311);
  look("5.0", statementsOf5, untestedOf5, (test) => test.v5);
  return found;
}

/** The whole file. */
export function conformanceTable(tests: readonly CitedTest[]): string {
  const both = [
    section("MQTT 3.1.1", statementsOf311, untestedOf311, tests, (test) => test.v311),
    section("MQTT 5.0", statementsOf5, untestedOf5, tests, (test) => test.v5),
  ];
  return `# Conformance

Each normative statement of both specifications, in words of our own, and the tests of \`test/conformance/\` that cover it.
Made by \`node scripts/mqtt-conformance.ts --write\` from the tests' titles; do not edit. \`test/conformance/table.test.ts\` fails when it is out of date.

${both.join("\n")}`;
}

function section(
  name: string,
  statements: Statements,
  untested: Statements,
  tests: readonly CitedTest[],
  cited: (test: CitedTest) => readonly string[],
): string {
  const ids = Object.keys(statements);
  const rows = ids.map((id) => {
    const covering = tests.filter((test) => cited(test).includes(id)).map(({ file, title }) => `${file}: ${title}`);
    return `| ${id} | ${cell(statements[id]!)} | ${cell(covering.length > 0 ? covering.join("; ") : (untested[id] ?? "**missing**"))} |`;
  });
  const counted = `${ids.length} statements, ${ids.length - Object.keys(untested).length} with tests.`;
  return `## ${name}\n\n${counted}\n\n| \\[MQTT-…\\] | Statement | Tests |\n|---|---|---|\n${rows.join("\n")}\n`;
}

/** Text that may stand in a table. */
function cell(text: string): string {
  return text
    .replaceAll("\\", "")
    .replaceAll("|", "\\|")
    .replaceAll(/([#*+])/g, "\\$1")
    .replaceAll("`", "'");
}

if (import.meta.main) {
  const tests = citedTests();
  const wrong = problems(tests);
  for (const problem of wrong) console.error(problem);
  const table = conformanceTable(tests);
  if (process.argv.includes("--write")) writeFileSync(conformancePath, table);
  else if (readFileSync(conformancePath, "utf8") !== table)
    wrong.push(`${conformancePath} is out of date; run node scripts/mqtt-conformance.ts --write`);
  if (wrong.length > 0) {
    console.error(wrong.at(-1));
    process.exitCode = 1;
  }
}
