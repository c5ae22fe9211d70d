/** How an edge of the service graph is carried, and the colours that say so. @module */
import type { Edge } from "./edges.ts";

/** Past TCP for the most part, by TCP, or refused by a policy and never connected. */
export type Carriage = "redirected" | "tcp" | "denied";

/** How an edge is carried. */
export function carriageOf({ connections, denied, redirectedShare }: Edge): Carriage {
  if (connections === 0 && denied > 0) return "denied";
  return redirectedShare >= 0.5 ? "redirected" : "tcp";
}
