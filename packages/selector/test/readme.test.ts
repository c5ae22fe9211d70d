import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";
import { selectorNames } from "../src/selector.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README's example runs", (t) => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!.replace('"@mitsu/selector"', JSON.stringify(import.meta.resolve("../src/mod.ts")));
  const out = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", code], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  t.is(out, "10.0.0.2:80\ntrue\n");
});

test("the README has every selector", (t) => {
  for (const name of selectorNames) t.true(readme.includes(`| \`${name}\``), name);
});
