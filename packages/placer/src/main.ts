#!/usr/bin/env node
/** placer: decides which node runs which replica, from measured traffic. @module */
import { reportError, run, systemEnv } from "@mitsu/cli";
import { placer } from "./cli.ts";

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(placer, argv, systemEnv);
  } catch (error) {
    return reportError("placer", error, systemEnv, argv.includes("--json"));
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
