/** What is known of a connection before its first byte. @module */
import type { Caller } from "../caller.ts";
import type { LiveEndpoint } from "../cluster/live-endpoint.ts";

/** Who asks for what. */
export interface Entry {
  readonly caller: Caller;
  /** Name of the service that was asked for. */
  readonly service: string;
  /** Port at its virtual address. */
  readonly port: number;
  /** It came over a link, for this replica of this node: the other node's nicd has chosen. Else null. */
  readonly chosen: LiveEndpoint | null;
}
