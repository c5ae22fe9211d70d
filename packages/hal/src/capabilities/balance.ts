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
  /** Relative to the others, 1 to 4 294 967 295: one that shall take none is left out. A replica has one weight, wherever it is: the last that was set. */
  readonly weight: number;
}

/** A service's replicas. */
export interface BalancedService {
  readonly service: number;
  readonly replicas: readonly WeightedReplica[];
}

/** What it does. Services, one number for each of their ports, and replicas go by numbers from 1 up that their owner gave them. */
export interface Balance {
  /**
   * Gives a service its replicas. None take it out. A connect meanwhile goes to one of the old ones or of the new ones.
   *
   * @throws {MitsuError} `ERR_HAL_FULL`; `ERR_HAL_LIMIT` for a number that this device has no place for; the old ones stay.
   * @throws {RangeError} For a number or weight that is none, and a replica that comes twice.
   */
  set(service: number, replicas: readonly WeightedReplica[]): void;
  /** In the order in which they were set; undefined for an unknown service. */
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

/** What is wrong with a service's replicas; undefined where nothing is. For drivers. */
export function balanceFault({ service, replicas }: BalancedService): string | undefined {
  const isNumber = (value: number): boolean => Number.isInteger(value) && value >= 1;
  if (!isNumber(service)) return `service ${service} is not a whole number from 1 up`;
  const ids = new Set<number>();
  for (const { id, weight } of replicas) {
    if (!isNumber(id)) return `replica ${id} is not a whole number from 1 up`;
    if (!isNumber(weight) || weight > 0xffff_ffff) return `weight ${weight} is not one of 1 to 4294967295`;
    if (ids.has(id)) return `replica ${id} comes twice`;
    ids.add(id);
  }
  return undefined;
}
