/** `replicad reload`: the mesh file is read again. @module */
import { type Context, print } from "@mitsu/cli";
import { daemonClient } from "../client.ts";

/** `replicad reload`. @throws {MitsuError} what is wrong with the file, with its line; the old one stays. */
export async function run(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  await client.call("reload", {}, { timeoutMs: 30_000 });
  print(context, { reloaded: true }, () => "the mesh file was read again\n");
}
