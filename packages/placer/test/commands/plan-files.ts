/** A folder with a problem and plans of it, for tests of commands that read plans. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import type { ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";

/** Writes a problem and plans of it (by file name), and gives what runs placer there. */
export function planFolder(t: ExecutionContext, problem: Problem, plans: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  const folder = mkdtempSync(join(tmpdir(), "placer-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "problem.yaml"), writeProblem(problem, "yaml"));
  for (const [name, assignment] of Object.entries(plans)) {
    writeFileSync(join(folder, name), JSON.stringify({ version: 1, assignment }));
  }
  return {
    write: (name: string, text: string): void => writeFileSync(join(folder, name), text),
    read: (name: string): string => readFileSync(join(folder, name), "utf8"),
    placer: async (...argv: string[]): Promise<{ readonly status: number; readonly out: string; readonly err: string }> => {
      const env = testEnv({ cwd: folder, columns: 120 });
      const status = await run(placer, argv, env);
      return { status, out: env.out(), err: env.err() };
    },
  };
}
