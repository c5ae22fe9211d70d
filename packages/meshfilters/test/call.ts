/** Calls a command in this process. @module */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, testEnv } from "@mitsu/cli";
import type { ExecutionContext } from "ava";
import { meshfilters } from "../src/cli.ts";
import { vars } from "./compilers.ts";

/** A folder that is removed after the test. */
export function scratch(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "meshfilters-test-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a command printed and how it ended. */
export interface Called {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `meshfilters` in a folder. */
export async function callIn(cwd: string, ...args: string[]): Promise<Called> {
  const env = testEnv({ cwd, vars, nowNs: () => process.hrtime.bigint() });
  const status = await run(meshfilters, args, env);
  return { status, out: env.out(), err: env.err() };
}
