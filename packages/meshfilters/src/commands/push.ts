/** `meshfilters push`: a module to a running nicd. @module */
import { basename } from "node:path";
import { type Context, exitStatus, print } from "@mitsu/cli";
import { connect, nicd } from "@mitsu/ipc";
import { inspectModule } from "@mitsu/proxy-wasm";
import { readInput } from "../files/read-file.ts";

interface Arguments {
  readonly module: string;
  readonly filter: string | undefined;
  readonly socket: string;
  /** Seconds. */
  readonly wait: number;
}

/** Exit status 1 when nicd went back to the module that it had. */
export async function run({ module, filter, socket, wait }: Arguments, context: Context): Promise<number> {
  const bytes = readInput(module, context.env);
  // What nicd would refuse is told without it.
  const name = filter ?? inspectModule(bytes).manifest?.name ?? basename(module, ".wasm");
  using client = await connect(socket, nicd, { startHint: "start it: nicd daemon, or systemctl start nicd" });
  const request = { filter: name, module: new Uint8Array(bytes), wait: wait > 0 };
  const answer = await client.call("pushFilter", request, { timeoutMs: Math.max(wait, 10) * 1e3 });
  const { outcome, reason, sha256 } = answer;
  print(
    context,
    { filter: name, ...answer },
    () => `${name}: ${outcome === "canary" ? "it is tried out" : outcome}${reason === "" ? "" : `, ${reason}`} (${sha256.slice(0, 12)})\n`,
  );
  return outcome === "taken" || outcome === "canary" ? exitStatus.ok : exitStatus.failure;
}
