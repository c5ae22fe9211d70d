import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import test from "ava";

test("the README's example runs", (t) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!.replace('"@mitsu/cli"', JSON.stringify(import.meta.resolve("../src/mod.ts")));
  const directory = mkdtempSync("/tmp/mitsu-readme-");
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(`${directory}/demo.mts`, code);
  const demo = (...args: string[]) => execFileSync(process.execPath, [`${directory}/demo.mts`, ...args], { encoding: "utf8" });
  t.is(demo("ping", "web", "--timeout-ms", "50"), "web: 50 ms\n");
  t.regex(demo("--help"), /^demo 0\.1\.0: shows the frame\n/);
});
