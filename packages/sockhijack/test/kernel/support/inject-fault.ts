/** sockhijack whose every injection fails half-way, after the room for the header was made. @module */
import { run, systemEnv } from "@mitsu/cli";
import { sockhijack } from "../../../src/cli.ts";
import { Kernel } from "../../../src/kernel/kernel.ts";

const { open } = Kernel;
Kernel.open = (options) => open.call(Kernel, { ...options, injectFault: true });
process.exitCode = await run(sockhijack, process.argv.slice(2), systemEnv);
