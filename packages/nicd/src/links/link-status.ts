/** What `nicd status` tells of links. @module */
import type { NicdLink } from "@mitsu/ipc";

/**
 * Links to one peer that this node opened, or from one peer that opened them, in the form in which they are told. `idle`: none is needed now.
 * `backing-off`: the last attempt failed, see `lastError`. `draining`: only old links, whose streams end.
 */
export type LinkStatus = NicdLink;
