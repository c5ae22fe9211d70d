#!/usr/bin/env node
/** hdl-bindings: makes SystemVerilog modules into TypeScript classes. @module */
import { reportError, run, systemEnv } from "@mitsu/cli";
import { hdlBindings } from "./cli.ts";

async function main(argv: readonly string[]): Promise<number> {
  try {
    return await run(hdlBindings, argv, systemEnv);
  } catch (error) {
    return reportError("hdl-bindings", error, systemEnv, argv.includes("--json"));
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
