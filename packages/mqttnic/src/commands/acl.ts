/** `mqttnic acl check`: what an ACL file says to a question, and by which line. @module */
import type { Context } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";

/** What `acl check` is told. */
export interface AclCheckArgs {
  readonly file: string;
  /** undefined for an anonymous client. */
  readonly user: string | undefined;
  readonly clientId: string | undefined;
  /** One of the three: may it publish to the topic, get its messages, subscribe to it as a filter. */
  readonly publish: boolean;
  readonly receive: boolean;
  readonly subscribe: boolean;
  readonly topic: string;
}

/** `mqttnic acl check`; exit status 0 for allowed, 1 for denied. */
export async function check(args: AclCheckArgs, _context: Context): Promise<number> {
  throw new MitsuError(`acl check ${args.file}: not written yet`, { code: "ERR_NOT_WRITTEN" });
}
