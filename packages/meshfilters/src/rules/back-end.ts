/** What rules are compiled to: devices that offer the capability `filter`, each at one stage of a request's way. @module */
import { type Capability, type Cost, defineCapability, integer, type Provider, ProviderDevice } from "@mitsu/hal";
import type { Rule } from "./ir.ts";

/** A rule at one stage. */
export interface StagedRule {
  readonly rule: Rule;
  /** True: the stage only lets these requests pass, so that no later rule of its own refuses them; the rule itself acts at a later stage. */
  readonly pass: boolean;
}

/** How many rows are asked for. */
export interface FilterSpec {
  readonly entries: number;
}

/** A result for whoever installs it. */
export interface RuleArtifact {
  /** What its file's name ends with. */
  readonly suffix: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How it gets where it works, in a line. */
  readonly install: string;
}

/** What a device does with rules. */
export interface Filter {
  /** The rules in its own form. */
  emit(): RuleArtifact;
}

/** Rules for requests or connections: the first that matches decides. */
export const filter: Capability<FilterSpec, Filter, readonly StagedRule[]> = defineCapability<FilterSpec, Filter, readonly StagedRule[]>({
  name: "filter",
  version: 1,
  about: "decides requests or connections by rules, of which the first that matches counts",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["emit"],
  empty: [],
  count: (state) => state.length,
});

/** Counts what rules take of a device. */
export interface Meter {
  /** Adds a rule. @returns Why it cannot be there; nothing is added then. */
  add(staged: StagedRule): string | undefined;
  /** Rows so far. */
  readonly rows: number;
}

/** A kind of device. */
export interface BackEndOptions {
  readonly name: string;
  readonly kind: "hardware" | "software";
  readonly entries: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly cost: Cost;
  readonly meter: () => Meter;
  readonly emit: (rules: readonly StagedRule[]) => RuleArtifact;
}

/** A device for rules, and where it stands. */
export interface BackEnd {
  readonly device: ProviderDevice;
  /** Stages in the order that a request passes them. */
  readonly stage: number;
  readonly meter: () => Meter;
}

/** Makes a back end of what is its own. */
export function backEnd(stage: number, { name, kind, entries, limits, cost, meter, emit }: BackEndOptions): BackEnd {
  const provider: Provider<FilterSpec, Filter, readonly StagedRule[]> = {
    capability: filter,
    entries,
    limits,
    cost: () => cost,
    refuses(_spec, state) {
      const counted = meter();
      for (const staged of state) {
        const reason = counted.add(staged);
        if (reason !== undefined) return reason;
      }
      return undefined;
    },
    open: (_spec, state) => ({ operations: { emit: () => emit(state) }, export: () => state }),
  };
  return { stage, meter, device: new ProviderDevice({ name, kind, version: "1" }, [provider]) };
}

/** Adds up rows up to a bound. @param refuses Why a rule cannot be there, whatever else is. */
export function rowMeter(most: number, rowsOf: (staged: StagedRule) => number, refuses: (staged: StagedRule) => string | undefined): Meter {
  let rows = 0;
  return {
    add(staged) {
      const reason = refuses(staged);
      if (reason !== undefined) return reason;
      const more = rowsOf(staged);
      if (rows + more > most) return `has ${most - rows} of ${most} rows left, not ${more}`;
      rows += more;
      return undefined;
    },
    get rows() {
      return rows;
    },
  };
}
