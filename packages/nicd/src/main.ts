#!/usr/bin/env node
/** nicd: the mesh on the NIC. @module */
import { run, systemEnv } from "@mitsu/cli";
import { nicd } from "./cli.ts";

if (import.meta.main) process.exitCode = await run(nicd, process.argv.slice(2), systemEnv);
