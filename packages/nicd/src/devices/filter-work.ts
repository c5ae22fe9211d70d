/** nicd's filters as a piece of work, placed on its WebAssembly runtime. @module */
import { Placement, type Provider, ProviderDevice } from "@mitsu/hal";
import type { PlacementStatus } from "@mitsu/ipc";
import { type FilterWork as FilterOperations, type FilterSpec, filter } from "./filter-capability.ts";

const mostFilters = 1024;

/** The WebAssembly runtime as a device. @param names Of the filters that run on it. */
export function filterDevice(names: () => readonly string[]): ProviderDevice {
  const provider: Provider<FilterSpec, FilterOperations, readonly string[]> = {
    capability: filter,
    entries: mostFilters,
    // One filter of heads in C at one request, with the copies: bench/filters.sh.
    cost: () => ({ ns: 5000 }),
    open: () => ({ operations: { runs: (name) => names().includes(name) }, export: names }),
  };
  return new ProviderDevice({ name: "wasm", kind: "software", version: "1" }, [provider] as never);
}

/**
 * One for each worker.
 *
 * @example
 * ```ts
 * new FilterWork(() => ["tag"]).status().work[0]?.device; // wasm
 * ```
 */
export class FilterWork {
  readonly device: ProviderDevice;
  readonly #placement: Placement;
  readonly #names: () => readonly string[];

  /** @param names Of the filters that run. */
  constructor(names: () => readonly string[]) {
    this.#names = names;
    this.device = filterDevice(names);
    this.#placement = new Placement([this.device], { capabilities: [filter] });
    this.#placement.place("filters", { capability: filter, spec: { entries: mostFilters } });
  }

  /** Where they run, and how many there are; nothing without any. */
  status(): PlacementStatus {
    const used = this.#names().length;
    const { work, notices } = this.#placement.report();
    return used === 0 ? { work: [], notices } : { work: work.map((row) => ({ ...row, used })), notices };
  }

  /** The worker ends. */
  leave(): void {
    this.device.setGone(true);
  }
}
