/** The table of strategies, each loaded when it is asked for. @module */
import type { Strategy, StrategyName } from "./strategy.ts";

/** By name. */
export const strategies: Readonly<Record<StrategyName, () => Promise<Strategy>>> = {
  mitsu: async () => (await import("./search/search.ts")).mitsu,
  traffic: async () => (await import("./search/search.ts")).traffic,
  balance: async () => (await import("./search/search.ts")).balance,
  exact: async () => (await import("../exact/exact.ts")).exact,
  kubernetes: async () => (await import("./kubernetes/kubernetes.ts")).kubernetes,
  netmarks: async () => (await import("./netmarks.ts")).netmarks,
  "round-robin": async () => (await import("./round-robin.ts")).roundRobin,
};
