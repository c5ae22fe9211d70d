/** What of a changed configuration only a restart takes over. @module */
import { isDeepStrictEqual } from "node:util";
import type { BrokerConfig } from "./broker-config.ts";

/** By the words of messages; everything else is taken over while the broker runs: listeners are opened, closed and reloaded, bridges started anew. */
const fixed: Readonly<Record<string, (config: BrokerConfig) => unknown>> = {
  "the persistence file": ({ persistence }) => persistence.path,
  "whether persistence waits for the disk": ({ persistence }) => persistence.sync,
  "the name of the node": ({ mesh }) => mesh?.node,
};

/**
 * Names what differs and cannot be changed while the broker runs; empty when a reload takes over all of it.
 *
 * @example
 * ```ts
 * restartNeeded(old, { ...old, persistence: { path: "/b", sync: false } }); // ["the persistence file"]
 * ```
 */
export function restartNeeded(old: BrokerConfig, next: BrokerConfig): readonly string[] {
  return Object.entries(fixed).flatMap(([name, of]) => (isDeepStrictEqual(of(old), of(next)) ? [] : [name]));
}
