/** `nicd cleanup`: ends the daemon and removes what it left. @module */
import type { Context } from "@mitsu/cli";
import { cleanUp } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";

/** Requests on their way may end. */
const endMs = 20_000;

/** `nicd cleanup`. */
export function run(_args: unknown, context: Context): Promise<void> {
  return cleanUp(context, { daemon: "nicd", connect: () => daemonClient(context), endMs, files: "{,.lock,.load,.[0-9]*}" });
}
