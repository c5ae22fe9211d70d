/** `mqttnic passwd`: adds, changes and removes the users of a password file. @module */
import type { Context } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";

/** What `passwd` is told. */
export interface PasswdArgs {
  readonly file: string;
  readonly user: string;
  /** Removes the user. */
  readonly delete: boolean;
  /** Keeps what SCRAM-SHA-256 needs instead of an Argon2 hash; plain passwords of this user work too. */
  readonly scram: boolean;
  /** Makes the file when there is none. */
  readonly create: boolean;
  /** The password is the first line of stdin. */
  readonly stdin: boolean;
}

/** `mqttnic passwd`. */
export async function run(args: PasswdArgs, _context: Context): Promise<void> {
  throw new MitsuError(`passwd ${args.file}: not written yet`, { code: "ERR_NOT_WRITTEN" });
}
