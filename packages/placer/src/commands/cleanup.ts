/** `placer cleanup`: ends the daemon and removes what it left. @module */
import { join } from "node:path";
import type { Context } from "@mitsu/cli";
import { cleanUp } from "@mitsu/ipc";
import { daemonClient } from "../client.ts";
import { stateName } from "../watch/state-file.ts";

/** A plan that is being made is ended, and the estimate kept. */
const endMs = 20_000;

/** `placer cleanup`. */
export function run({ state }: { readonly state: string }, context: Context): Promise<void> {
  const also = [join(state, stateName)];
  return cleanUp(context, { daemon: "placer", connect: () => daemonClient(context), endMs, files: "{,.lock}", also });
}
