/** `replicad cleanup`: ends the daemon and removes what it left. @module */
import { join } from "node:path";
import type { Context } from "@mitsu/cli";
import { cleanUp } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";

/** The overrides are written, and the broker is told good-bye. */
const endMs = 20_000;

/** `replicad cleanup`. Scores in the kernel hold for a second, and end by themselves; what the broker retains stays there. */
export function run({ state }: { readonly state: string }, context: Context): Promise<void> {
  const also = [join(state, "overrides.json")];
  return cleanUp(context, { daemon: "replicad", connect: () => daemonClient(context), endMs, files: "{,.lock,.reports*}", also });
}
