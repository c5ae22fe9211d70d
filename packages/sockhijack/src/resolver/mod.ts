/** The DNS resolver of sockhijack. @module */
export { type ResolverCounters, resolverCounters } from "./counters.ts";
export { Resolver, type ResolverOptions, slotAddress, slotCount } from "./resolver.ts";
export type { UpstreamServer } from "./upstream.ts";
