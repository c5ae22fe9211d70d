/** `replicad metrics`: Prometheus' text without a listener. @module */
import { type Context, print } from "@mitsu/cli";
import { daemonClient } from "../client.ts";

/** `replicad metrics`. */
export async function run(_args: unknown, context: Context): Promise<void> {
  using client = await daemonClient(context);
  const { text } = await client.call("metrics", {});
  print(context, { text }, (value) => value.text);
}
