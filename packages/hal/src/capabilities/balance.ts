/** Which replica a connect goes to; what sockhijack's connect hook does. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer } from "../field-rule.ts";

/** How much of it. */
export interface BalanceSpec {
  /** Replicas of all services. */
  readonly entries: number;
}

/** A replica and its part of the connections. */
export interface WeightedReplica {
  readonly id: number;
  /** Relative to the others, 0 to 65 535. */
  readonly weight: number;
}

/** A service's replicas. */
export interface BalancedService {
  readonly service: number;
  readonly replicas: readonly WeightedReplica[];
}

/** What it does. */
export interface Balance {
  /** Gives a service its replicas, in one step; none take it out. @throws {MitsuError} `ERR_HAL_FULL`, with the old ones in place. */
  set(service: number, replicas: readonly WeightedReplica[]): void;
  /** As they were set; undefined for an unknown service. */
  replicas(service: number): readonly WeightedReplica[] | undefined;
}

/** Connects to replicas, by weight. */
export const balance: Capability<BalanceSpec, Balance, readonly BalancedService[]> = defineCapability<
  BalanceSpec,
  Balance,
  readonly BalancedService[]
>({
  name: "balance",
  version: 1,
  about: "sends connects to replicas, by weight",
  fields: { entries: integer(1, 2 ** 24) },
  operations: ["set", "replicas"],
  empty: [],
  count: (state) => state.reduce((sum, { replicas }) => sum + replicas.length, 0),
});
