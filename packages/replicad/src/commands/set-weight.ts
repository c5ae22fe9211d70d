/** `replicad set-weight`: another share of the requests for one replica. @module */
import { type Context, print } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { daemonClient } from "../client.ts";
import { nodeText, numberText, plain } from "./quantity.ts";
import { replicaArgument } from "./replica-argument.ts";
import { untoldError } from "./untold.ts";

/** As the catalog has it. */
const largestWeight = 65535;

/**
 * `replicad set-weight`.
 *
 * @throws {MitsuError} `ERR_USAGE`; `ERR_UNTOLD`, status 75, when it holds on this node only; the daemon's `ERR_NO_REPLICA`.
 */
export async function run(args: { readonly replica: string; readonly weight: string }, context: Context): Promise<void> {
  const [replica, weight] = [replicaArgument(args.replica), weightArgument(args.weight)];
  using client = await daemonClient(context);
  const answer = await client.call("override", { replica, weight });
  print(context, answer, ({ replica: one }) => {
    const where = plain(`${one.service}:${one.port} at ${one.replica} (${nodeText(one)})`);
    if (weight === null) return `${where} has weight ${numberText(one.weight)}, as in the mesh file\n`;
    return `${where} has weight ${numberText(one.weight)}, until replicad set-weight ${one.replica} default${weight === 0 ? "; it gets no new requests" : ""}\n`;
  });
  if (answer.untold !== null) throw untoldError(replica, answer.untold);
}

/** Null for what the mesh file says. */
function weightArgument(text: string): number | null {
  if (text === "default") return null;
  const weight = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (weight >= 0 && weight <= largestWeight) return weight;
  const why = Number.isNaN(weight) ? "is no number" : weight < 0 ? "is below 0" : `is above ${largestWeight}`;
  throw new MitsuError(`weight ${JSON.stringify(text)} ${why}`, {
    code: "ERR_USAGE",
    exit: exitStatus.usage,
    hint: `give a number from 0 (no new requests) to ${largestWeight}, such as 0.5, or default for what the mesh file says`,
  });
}
