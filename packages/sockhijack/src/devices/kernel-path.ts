/** What the providers of the kernel device share: the maps, and what becomes of them. @module */
import type { Kernel } from "../kernel/kernel.ts";

/** The kernel's tables, as providers see them. */
export interface KernelPath {
  readonly kernel: Pick<Kernel, "maps" | "counters" | "loadTracing">;
  /** The tables are another daemon's, taken over: work that begins there begins with what it left. */
  readonly adopt: boolean;
  /** The daemon ends, and what was decided keeps working: from now on nothing is taken out of the tables. */
  left: boolean;
  /** Entries that work has put in, by capability. */
  readonly used: Map<string, () => number>;
}

/**
 * A table of the kernel is one: its programs look things up by the mesh's own numbers. So one piece of work has it at a time.
 *
 * @example
 * ```ts
 * const table = new OneTable("rules");
 * table.take();
 * table.refusal; // "its table of rules is one, and another piece of work has it"
 * ```
 */
export class OneTable {
  readonly #what: string;
  #taken = false;

  constructor(what: string) {
    this.#what = what;
  }

  /** Why work cannot begin; undefined when it can. */
  get refusal(): string | undefined {
    return this.#taken ? `its table of ${this.#what} is one, and another piece of work has it` : undefined;
  }

  take(): void {
    this.#taken = true;
  }

  free(): void {
    this.#taken = false;
  }
}

/** Some of the kernel's counters, under the names that a capability's own have. */
export function countersOf({ kernel }: KernelPath, names: readonly string[]): Readonly<Record<string, number>> {
  const all = kernel.counters();
  return Object.fromEntries(names.map((name) => [name, Number(all[name] ?? 0n)]));
}
