/** Tells people what a profile has to say. @module */
import type { Log } from "@mitsu/cli";

/** Logs each notice as a warning. Names in it come from traces and packets: what could drive a terminal is taken out. */
export function tellNotices(notices: readonly string[], log: Pick<Log, "warn">): void {
  for (const notice of notices) log.warn(notice.replace(/\p{Cc}/gu, "�"));
}
