/** `hdl-bindings lint`: Verilator's messages, all of them. @module */
import { type Context, exitStatus, MitsuError } from "@mitsu/cli";
import { formatMessage, verilate } from "../verilator/verilator.ts";
import { type DesignArguments, designOf } from "./design.ts";

/** A warning counts as an error does: exit status 2. */
export async function run(args: DesignArguments, { env, json }: Context): Promise<number | undefined> {
  const found = await verilate(designOf(args, env), ["--lint-only", "-Wall"]);
  if (json) env.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
  if (found.length === 0) return exitStatus.ok;
  if (json) return exitStatus.usage;
  throw new MitsuError(found.map(formatMessage).join("\n"), { code: "ERR_HDL_LINT", exit: exitStatus.usage });
}
