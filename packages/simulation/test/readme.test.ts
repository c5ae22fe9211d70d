import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";

test("the README's example runs, and says what it says it says", (t) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  const run = code.replace('"@mitsu/simulation"', JSON.stringify(import.meta.resolve("../src/mod.ts")));
  const out = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", run], { encoding: "utf8" });
  t.is(out, `${/console\.log\(.*\/\/ (.*)/.exec(code)![1]}\n`);
});
