/** What README.md shows is so, word for word. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { meshfilters } from "../src/cli.ts";
import { parseTestFile } from "../src/run/test-file.ts";
import { callIn, scratch } from "./call.ts";
import { compilerTest } from "./compilers.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The commands of the console blocks, and what is said that each prints. */
const said = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  `\n${block!}`
    .split("\n$ ")
    .slice(1)
    .map((text) => {
      const [command, ...lines] = text.split("\n");
      return { command: command!, output: lines.join("\n").trimEnd() };
    }),
);
/** Keys are new each time, and sizes are the compiler's. */
const shapeOf = (text: string): string => text.replaceAll(/\b[0-9a-f]{16}\b/g, "ID").replaceAll(/\d+(\.\d+)? KiB/g, "N KiB");

test("the README has every command in its table, and an example of test.yaml that can be read", (t) => {
  for (const { name } of meshfilters.commands) t.regex(readme, new RegExp(`^\\| \`${name}\``, "m"), name);
  const example = /```yaml\n(config:[\s\S]*?)```/.exec(readme)![1]!;
  t.is(parseTestFile(example, "test.yaml").tests[0]!.steps!.length, 3);
});

compilerTest("the README's commands print what it says, and its filter is what `new` writes", ["c"], async (t) => {
  const folder = scratch(t);
  t.is(said.length, 5);
  for (const { command, output } of said) {
    const [program, ...args] = command.split(" ");
    t.is(program, "meshfilters");
    const { status, out, err } = await callIn(folder, ...args);
    t.is(status, 0, err);
    t.is(shapeOf(out.trimEnd()), shapeOf(output), command);
  }
  t.is(readFileSync(join(folder, "blue/blue.c"), "utf8"), /```c\n([\s\S]*?)```/.exec(readme)![1]!);
});
