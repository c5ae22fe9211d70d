import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";
import { socketPath } from "./fixture.ts";

test("the README's example runs", (t) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\n([\s\S]*?)```/
    .exec(readme)![1]!
    .replaceAll("/tmp/demo.sock", socketPath(t))
    .replace('"@mitsu/ipc"', JSON.stringify(import.meta.resolve("../src/mod.ts")));
  const out = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", code], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  t.is(out, "{ sum: 42 }\n1\n2\n3\n");
});
