/** Streams through programs in WebAssembly, as a capability: nicd's own, so it is defined here. @module */
import { type Capability, defineCapability, integer } from "@mitsu/hal";

/** How much of it. */
export interface FilterSpec {
  /** Filters. */
  readonly entries: number;
}

/** What it does. */
export interface FilterWork {
  /** Whether a filter of that name runs there. */
  runs(name: string): boolean;
}

/** Names of the filters: their programs are read again wherever they go. */
export const filter: Capability<FilterSpec, FilterWork, readonly string[]> = defineCapability<FilterSpec, FilterWork, readonly string[]>({
  name: "filter",
  version: 1,
  about: "runs programs of the proxy-wasm ABI on requests, answers and bytes",
  fields: { entries: integer(1, 2 ** 16) },
  operations: ["runs"],
  empty: [],
  count: (state) => state.length,
});
