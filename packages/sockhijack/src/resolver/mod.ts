/** The DNS resolver of sockhijack. @module */
export { type ResolverCounters, resolverCounters } from "./counters.ts";
export { Resolver, type ResolverOptions, slotAddress } from "./resolver.ts";
