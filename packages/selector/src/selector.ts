/** Chooses the replica of one request or connection. @module */
import type { Answer, Candidate, Report } from "./candidate.ts";

/** Names of the selectors, as in mesh.yaml and on command lines. */
export const selectorNames = ["mitsu", "round-robin", "random", "weighted", "least-request", "p2c", "peak-ewma", "c3", "prequal"] as const;

/** One of {@link selectorNames}. */
export type SelectorName = (typeof selectorNames)[number];

/** What a selector may look at besides the candidates. */
export interface SelectionContext {
  readonly nowMs: number;
  /** From 0, less than 1. */
  readonly random: () => number;
  /** How many programs send requests to this service, this one included; 1 or more, an estimate. */
  readonly clients: number;
  /** Requests with the same key go to the same replica while they can; null for none. */
  readonly stickyKey: string | null;
}

/**
 * A selector of one service in one program. `select` answers at once, from what is known, in about a microsecond for 100 candidates, and without garbage. The array
 * stays the same object until the set changes, so that a selector may prepare for it.
 */
export interface Selector {
  readonly name: SelectorName | "jsq";
  /** One of the candidates, of which there is at least one. */
  select<C extends Candidate>(candidates: readonly C[], context: SelectionContext): C;
  /** The request was sent there; `select` does not mean that it will be. */
  sent?(candidate: Candidate, nowMs: number): void;
  answered?(candidate: Candidate, nowMs: number, answer: Answer): void;
  /** Whom to probe beside the request that is being sent; a probe's answer comes by `probed`. */
  probes?<C extends Candidate>(candidates: readonly C[], context: SelectionContext): readonly C[];
  probed?(candidate: Candidate, nowMs: number, report: Report): void;
  /** What `select` would compare now, for people; of selectors that compare. Changes nothing; may leave garbage. */
  costs?<C extends Candidate>(candidates: readonly C[], context: SelectionContext): Costs;
}

/** What a selector compares candidates by, in their order. The least is the best, though not always the one that is chosen: some draw, some share. */
export interface Costs {
  /** As it stands behind a figure: `ms`, `requests per weight`. */
  readonly unit: string;
  /** ∞ for one that would not be chosen while another is there. */
  readonly of: readonly number[];
}

/** What one option of a selector may be. */
export interface OptionRange {
  readonly default: number;
  readonly least: number;
  readonly most: number;
  /** Only 1, 2, 3 …; any number in the range unless told. */
  readonly whole?: boolean;
  /** What it does, in one sentence without a full stop. */
  readonly about: string;
}

/** Options of one selector by name: kebab-case, with the unit at the end. */
export type OptionRanges<Name extends string = string> = Readonly<Record<Name, OptionRange>>;

/** Parameters that selectors of this name take, from mesh.yaml; what is missing has the default that its source names. */
export type SelectorOptions = Readonly<Record<string, number>>;

/** Makes a selector with its own state. @throws {MitsuError} `ERR_SELECTOR_OPTION` for an option it does not know, or out of range. */
export type SelectorFactory = (options?: SelectorOptions) => Selector;
