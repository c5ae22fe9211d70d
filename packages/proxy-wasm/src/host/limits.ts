/** Bounds of what a filter may use. @module */

/** All have defaults, see {@link defaultLimits}. */
export interface Limits {
  /**
   * Instructions of one callback; see `module/instruction-cost.ts` for what a unit is. A callback with bytes of a body to go through has
   * {@link fuelPerBodyByte} more for each. Host functions have as much again for what they do on its behalf: see `host/vm.ts` for what each costs.
   */
  readonly fuel: number;
  /** Of one call of `_initialize`, `_start`, `proxy_on_vm_start` or `proxy_on_configure`. */
  readonly startFuel: number;
  /** Bytes of linear memory, rounded down to pages of 64 KiB. */
  readonly memoryBytes: number;
  /** Bytes of a serialised map, either way; also of all names and values that a filter writes in one stream. */
  readonly mapBytes: number;
  /** Bytes that one callback may take of `random_get`. */
  readonly randomBytes: number;
  /** Bytes buffered of one body. */
  readonly bodyBytes: number;
  /** Metrics of one plugin. */
  readonly metrics: number;
  /** Calls on their way. */
  readonly calls: number;
}

/** What a byte of a body may take: AssemblyScript, which makes a string of it, is charged some 400. */
export const fuelPerBodyByte = 600;

/** What is usual. */
export const defaultLimits: Limits = {
  fuel: 5_000_000,
  startFuel: 200_000_000,
  memoryBytes: 32 * 2 ** 20,
  mapBytes: 256 * 2 ** 10,
  randomBytes: 64 * 2 ** 10,
  bodyBytes: 2 ** 20,
  metrics: 1000,
  calls: 100,
};
