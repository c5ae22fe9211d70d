/** `mqttnic cleanup`: ends the daemon and removes what it left. @module */
import type { Context } from "@mitsu/cli";
import { cleanUp } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";

/** Messages on their way may leave. */
const endMs = 20_000;

/** `mqttnic cleanup`. */
export function run(_args: unknown, context: Context): Promise<void> {
  return cleanUp(context, { daemon: "mqttnic", connect: () => daemonClient(context), endMs, files: "{,.lock}" });
}
