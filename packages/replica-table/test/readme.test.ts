import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";
import { tablePath } from "./fixture.ts";

test("the README's example runs, and leaves no file", (t) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const path = tablePath(t);
  const code = /```ts\n([\s\S]*?)```/
    .exec(readme)![1]!
    .replace('"@mitsu/replica-table"', JSON.stringify(import.meta.resolve("../src/mod.ts")))
    .replaceAll("/tmp/example.load", path);
  const out = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", code], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  t.is(out, "10.0.0.7:8080 1 true\n0 1 3\n");
  t.throws(() => readFileSync(path), { code: "ENOENT" });
});
