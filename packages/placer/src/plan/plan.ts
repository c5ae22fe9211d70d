/** A plan file: which node each replica goes to, and what is known of that placement. @module */
import type { StrategyName } from "../solve/strategy.ts";

/** One kind of constraint, checked over the whole plan. */
export interface Check {
  /** `placed`, `capacity`, `nodes`, `pinned`, `affinity`, `anti-affinity`, `spread`, `budget`, and last `wishes`, of which `broken` tells and breaks no plan. */
  readonly name: string;
  /** How many cases of it were looked at. */
  readonly checked: number;
  /** What is broken, one sentence each; empty when it holds. */
  readonly broken: readonly string[];
}

/** How full a node is. */
export interface NodeUse {
  readonly node: string;
  readonly replicas: number;
  /** Share of each capacity that is reserved, by resource. */
  readonly utilisation: Readonly<Record<string, number>>;
  /** Cores that messages cost there, local and remote. */
  readonly messageCores: number;
}

/** A point of the gain curve: what the best plan found with at most so many moves saves. */
export interface GainPoint {
  readonly moves: number;
  readonly bytes: number;
  readonly onNode: number;
  readonly objective: number;
}

/** A point of the Pareto front of `--sweep`. */
export interface FrontPoint {
  readonly weight: number;
  readonly onNode: number;
  readonly imbalance: number;
  readonly objective: number;
  readonly assignment: Readonly<Record<string, string>>;
}

/** What is known of a placement. */
export interface PlanReport {
  /** Cores that all messages cost. */
  readonly messageCores: number;
  /** Cores they would cost if all crossed nodes, and if none did. */
  readonly messageCoresRemote: number;
  readonly messageCoresLocal: number;
  /** Share of traffic kept on a node, weighted by what that saves, 0 to 1: gained affinity. */
  readonly onNode: number;
  /** The same by messages and by bytes. */
  readonly onNodeMessages: number;
  readonly onNodeBytes: number;
  /** Mean over resources of Σ over nodes |u − U| / nodes: u a node's utilisation, U the cluster's (all reserved / all capacity), which no move changes. */
  readonly imbalance: number;
  /** (1 − weight) · (1 − onNode) + weight · imbalance + broken wishes; what was minimised. */
  readonly objective: number;
  /** Of the objective; null when none is known. */
  readonly bound: number | null;
  /** (objective − bound) / objective, 0 when optimal; null without a bound. */
  readonly gap: number | null;
  readonly proof: "optimal" | "bound" | "none";
  readonly boundBy: string;
  readonly nodes: readonly NodeUse[];
  readonly checks: readonly Check[];
  /** Replicas that run elsewhere now, and what moving them carries. */
  readonly moves: number;
  readonly moveBytes: number;
}

/** A plan. `version` and `assignment` are all that a reader needs. */
export interface Plan {
  readonly version: 1;
  /** Replica's name to node's name, every replica. */
  readonly assignment: Readonly<Record<string, string>>;
  readonly problem: {
    readonly name: string;
    /** As it was given; what `apply`, `explain` and `draw` read again unless told. */
    readonly file: string;
    /** Of the file's bytes, SHA-256 in hex. */
    readonly sha256: string;
  };
  /** `unknown` of a plan file that does not say. */
  readonly strategy: StrategyName | "unknown";
  readonly options: {
    readonly seed: number;
    readonly weight: number;
    readonly maxUtilisation: number;
    readonly reserve: string;
    readonly workers: number;
    readonly budget: { readonly moves: number | null; readonly bytes: number | null } | null;
  };
  /** The deadline cut the search short: another run may answer otherwise. */
  readonly cut: boolean;
  readonly seconds: number;
  readonly notes: readonly string[];
  readonly report: PlanReport;
  readonly curve?: readonly GainPoint[];
  readonly front?: readonly FrontPoint[];
}
