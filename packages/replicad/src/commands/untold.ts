/** What is said when an override holds on this node only. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";

/** The error for `untold` of the daemon's answer: exit status 75, so that what follows after `&&` is not done. */
export function untoldError(replica: string, why: string): MitsuError {
  return new MitsuError(`other nodes do not know it yet, and may send to ${replica} as before: ${why}`, {
    code: "ERR_UNTOLD",
    exit: exitStatus.temporary,
    hint: "they are told once there is a broker that both can reach: see replicad status",
  });
}
