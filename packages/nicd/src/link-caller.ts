/** A caller whose request came from another node. @module */
import type { Caller } from "./caller.ts";

/** What the link adds: whose word the rest is, and how sure it is. */
export interface LinkCaller extends Caller {
  /** Name of the node that opened the stream; empty in plain text, where nobody can tell. */
  readonly node: string;
  readonly security: "mtls" | "plain-text";
}

/** Did the request come over a link? The service of such a caller may be unknown all the same. */
export function isLinkCaller(caller: Caller): caller is LinkCaller {
  return "security" in caller;
}
