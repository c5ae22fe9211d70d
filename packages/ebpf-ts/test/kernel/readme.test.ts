import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { requireFeatures } from "../../src/mod.ts";
import { kernelTest } from "../kernel-test.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

kernelTest("README's example compiles, runs, and prints what it says", (t) => {
  requireFeatures(["cgroup2", "capBpf", "cgroupSockAddr"]);
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const block = (language: string): string => new RegExp(`^\`\`\`${language}\\n([\\s\\S]+?)^\`\`\``, "m").exec(readme)![1]!;
  // Within the package, so that its own name resolves.
  const folder = mkdtempSync(join(root, "test/readme-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "connects.bpf.c"), block("c"));
  writeFileSync(join(folder, "connects.ts"), block("ts"));
  const [compile, run] = block("sh").trim().split("\n") as [string, string];
  execFileSync("sh", ["-c", compile], { cwd: folder });
  const expected = /# prints (.+)$/.exec(run)![1]!;
  t.is(execFileSync(process.execPath, ["connects.ts"], { cwd: folder, encoding: "utf8" }).trim(), expected);
});
