#!/usr/bin/env node
/** replicad: finds the right replica at the moment a request arrives. @module */
import { reportError, run, systemEnv } from "@mitsu/cli";
import { replicad } from "./cli.ts";

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(replicad, argv, systemEnv);
  } catch (error) {
    return reportError("replicad", error, systemEnv, argv.includes("--json"));
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
