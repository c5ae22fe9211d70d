/** A folder with a problem and plans of it, for tests of commands that read plans. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type TestEnvOptions, testEnv } from "@mitsu/cli";
import type { ExecutionContext } from "ava";
import { placer } from "../../src/cli.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { writeProblem } from "../../src/problem/write-problem.ts";

/** How a run ended, and what it said. */
interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Writes a problem and plans of it (by file name), and gives what runs placer there. */
export function planFolder(t: ExecutionContext, problem: Problem, plans: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  const folder = mkdtempSync(join(tmpdir(), "placer-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "problem.yaml"), writeProblem(problem, "yaml"));
  for (const [name, assignment] of Object.entries(plans)) {
    writeFileSync(join(folder, name), JSON.stringify({ version: 1, assignment }));
  }
  return {
    folder: folder as string,
    write: (name: string, text: string): void => writeFileSync(join(folder, name), text),
    read: (name: string): string => readFileSync(join(folder, name), "utf8"),
    placer: (...argv: string[]): Promise<Ran> => runIn(folder, argv, { columns: 120 }),
    /** The same on a terminal of so many columns, without colours. */
    terminal: (columns: number, ...argv: string[]): Promise<Ran> => runIn(folder, argv, { columns, isTTY: true, vars: { NO_COLOR: "1" } }),
  };
}

async function runIn(cwd: string, argv: readonly string[], options: TestEnvOptions): Promise<Ran> {
  const env = testEnv({ cwd, now: Date.now, ...options });
  const status = await run(placer, argv, env);
  return { status, out: env.out(), err: env.err() };
}
