/** `sockhijack tap`: redirected messages as a capture file. @module */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { type Context, onSignals } from "@mitsu/cli";
import { daemonClient } from "../client.ts";
import { CaptureWriter } from "../tap/capture-writer.ts";

/** `sockhijack tap`. */
export async function run(
  args: { readonly service: string; readonly write: string | undefined; readonly seconds: number | undefined },
  { env, socket }: Context,
): Promise<void> {
  using client = await daemonClient({ socket });
  const out = args.write === undefined ? process.stdout : createWriteStream(args.write);
  const capture = new CaptureWriter(`sockhijack tap ${args.service}`);
  out.write(capture.header());
  const messages = client.subscribe("tap", { service: args.service });
  using signals = onSignals(env);
  const timer = args.seconds === undefined ? undefined : setTimeout(() => messages.cancel(), args.seconds * 1000);
  void signals.stop.then(() => messages.cancel());
  let count = 0;
  for await (const message of messages) {
    for (const packet of capture.packets(message)) if (!out.write(packet)) await once(out, "drain");
    count++;
  }
  clearTimeout(timer);
  if (out !== process.stdout) {
    out.end();
    await once(out, "finish");
  }
  env.stderr.write(`${count} messages${messages.dropped() > 0 ? `, ${messages.dropped()} lost since they were not read in time` : ""}\n`);
}
