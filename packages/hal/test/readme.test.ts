import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";
import { capabilities, policies } from "../src/mod.ts";
import { conformanceChecks, exchangeChecks } from "./conformance.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README's example prints what it says", (t) => {
  const [, code, said] = /```ts\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(readme)!;
  const out = execFileSync(
    process.execPath,
    ["--input-type=module-typescript", "-e", code!.replace('"@mitsu/hal"', JSON.stringify(import.meta.resolve("../src/mod.ts")))],
    { encoding: "utf8", cwd: import.meta.dirname },
  );
  t.is(out, said!);
});

test("the README has every capability and policy, and as many checks as there are", (t) => {
  for (const { name } of capabilities) t.true(readme.includes(`\`${name}\``), name);
  for (const policy of policies) t.true(readme.includes(`\`${policy}\``), policy);
  t.true(readme.includes(`registers ${conformanceChecks.length} tests`));
  t.true(readme.includes(`registers ${exchangeChecks.length} more`));
});
