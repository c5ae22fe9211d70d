#!/usr/bin/env node
/** meshfilters: compiles, checks and tries filters for nicd. @module */
import { reportError, run, systemEnv } from "@mitsu/cli";
import { meshfilters } from "./cli.ts";

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(meshfilters, argv, systemEnv);
  } catch (error) {
    return reportError("meshfilters", error, systemEnv, argv.includes("--json"));
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
