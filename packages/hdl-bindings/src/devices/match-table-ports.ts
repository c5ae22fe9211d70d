/** The ports of rtl/match_table.sv as calls: each runs the clock until it is answered. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { MatchTable } from "../../models/match_table.ts";

/** Cycles after which a call is given up: a clear takes 4096. */
const mostCycles = 10_000;

/** What a lookup found. */
export interface MatchTableResult {
  readonly action: number;
  /** The slot of a prefix; undefined for an exact entry. */
  readonly slot: number | undefined;
}

/** Operations of `e_op`. */
const ops = { look: 0, install: 1, remove: 2, clear: 3 } as const;

/** Inputs of a change of the prefixes. */
type PrefixChange =
  | { readonly c_install: 0; readonly c_slot: number }
  | { readonly c_install: 1; readonly c_slot: number; readonly c_key: bigint; readonly c_prefix: number; readonly c_action: number };

/**
 * A model of match_table, driven one call at a time.
 *
 * @example
 * ```ts
 * const table = new MatchTablePorts(await MatchTable.open());
 * table.begin(seed);
 * table.exact("install", 0, 5n, 7);
 * table.lookup(5n); // { action: 7, slot: undefined }
 * ```
 */
export class MatchTablePorts {
  readonly #model: MatchTable;

  constructor(model: MatchTable) {
    this.#model = model;
  }

  /** Resets it with a seed, and waits until it is empty. */
  begin(seed: bigint): void {
    const model = this.#model;
    Object.assign(model, { seed, s_valid: 0, e_valid: 0, c_valid: 0, m_ready: 1 });
    model.reset(2);
    this.#until(() => model.e_ready === 1);
  }

  /** Empties the exact table, which then hashes by another seed. Keys that come meanwhile wait. */
  reseed(seed: bigint): void {
    this.#model.seed = seed;
    this.exact("clear", 0, 0n);
  }

  /** @returns Undefined for a miss. */
  lookup(key: bigint): MatchTableResult | undefined {
    const model = this.#model;
    model.s_data = key;
    model.s_valid = 1;
    this.#until(() => model.s_ready === 1);
    model.step();
    model.s_valid = 0;
    this.#until(() => model.m_valid === 1);
    const found = model.m_hit === 1 ? { action: model.m_action, slot: model.m_exact === 1 ? undefined : model.m_slot } : undefined;
    model.step();
    return found;
  }

  /**
   * Changes or looks at the exact table.
   *
   * @returns The hits of the key's entry before; undefined when it was refused.
   */
  exact(op: keyof typeof ops, way: number, key: bigint, action = 0): number | undefined {
    const model = this.#model;
    Object.assign(model, { e_op: ops[op], e_way: way, e_key: key, e_action: action, e_valid: 1 });
    this.#until(() => model.e_ready === 1);
    model.step();
    model.e_valid = 0;
    this.#until(() => model.d_valid === 1);
    return model.d_bad === 1 ? undefined : model.d_count;
  }

  /** Puts a prefix into a slot, whose counter begins at 0. */
  installPrefix(slot: number, key: bigint, prefixBits: number, action: number): void {
    this.#changePrefix({ c_install: 1, c_slot: slot, c_key: key, c_prefix: prefixBits, c_action: action });
  }

  /** Empties a slot. */
  removePrefix(slot: number): void {
    this.#changePrefix({ c_install: 0, c_slot: slot });
  }

  /** Hits of a slot. */
  prefixHits(slot: number): number {
    this.#model.q_slot = slot;
    this.#model.step();
    return this.#model.q_count;
  }

  #changePrefix(ports: PrefixChange): void {
    Object.assign(this.#model, ports, { c_valid: 1 });
    this.#until(() => this.#model.c_ready === 1);
    this.#model.step();
    this.#model.c_valid = 0;
  }

  /** Runs the clock until an output says so; the outputs are settled then. */
  #until(done: () => boolean): void {
    this.#model.settle();
    for (let cycle = 0; !done(); cycle++) {
      if (cycle === mostCycles)
        throw new MitsuError(`match_table has not answered after ${mostCycles} cycles`, {
          code: "ERR_RTL_STUCK",
          hint: "look at a trace: open the model with { trace: <file> }",
        });
      this.#model.step();
    }
  }
}
