#!/usr/bin/env node
/** sockhijack: redirects the sockets of unmodified programs. @module */
import { run, systemEnv } from "@mitsu/cli";
import { sockhijack } from "./cli.ts";

if (import.meta.main) process.exitCode = await run(sockhijack, process.argv.slice(2), systemEnv);
