/** How `balance` is tried: services and their replicas, against a list. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Balance, type BalancedService, type BalanceSpec, balance, type WeightedReplica } from "../../src/capabilities/balance.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededNumbers } from "./seeded-bytes.ts";

/** Services that a use sets. */
const services = 5;

/** Replicas by weight. */
export const balanceCase: ConformanceCase<BalanceSpec, Balance, readonly BalancedService[]> = {
  capability: balance,
  specs: fc.record({ entries: fc.integer({ min: 1, max: 32 }) }),
  use,
  fill(operations, _spec, entries) {
    for (let at = 0; at < entries; at++) operations.set(at + 1, [{ id: at + 1, weight: 100 + at }]);
  },
  filled(operations, _spec, entries) {
    for (let at = 0; at <= entries; at++)
      assert.deepEqual(operations.replicas(at + 1), at < entries ? [{ id: at + 1, weight: 100 + at }] : undefined);
  },
};

function use(operations: Balance, { entries }: BalanceSpec, seed: number): void {
  const next = seededNumbers(seed);
  /** Replicas of each service in their order; weights are the replicas' own. */
  const held = new Map<number, readonly number[]>();
  const weights = new Map<number, number>();
  const expected = (service: number): readonly WeightedReplica[] | undefined =>
    held.get(service)?.map((id) => ({ id, weight: weights.get(id)! }));
  for (let step = 0; step < 100; step++) {
    const service = 1 + (next() % services);
    const wanted = new Map<number, number>();
    for (let left = next() % (entries + 1); left > 0; left--) wanted.set(1 + (next() % 40), 1 + 2 * next());
    const replicas = [...wanted].map(([id, weight]) => ({ id, weight }));
    const others = [...held].reduce((sum, [one, ids]) => sum + (one === service ? 0 : ids.length), 0);
    if (others + replicas.length > entries) assert.throws(() => operations.set(service, replicas), { code: "ERR_HAL_FULL" });
    else {
      operations.set(service, replicas);
      if (replicas.length === 0) held.delete(service);
      else held.set(service, [...wanted.keys()]);
      for (const [id, weight] of wanted) weights.set(id, weight);
    }
    for (let one = 1; one <= services; one++) assert.deepEqual(operations.replicas(one), expected(one), `service ${one}`);
  }
  for (const [service, replicas] of [
    [0, [{ id: 1, weight: 1 }]],
    [1.5, [{ id: 1, weight: 1 }]],
    [1, [{ id: 0, weight: 1 }]],
    [1, [{ id: 1, weight: 0 }]],
    [1, [{ id: 1, weight: 2 ** 32 }]],
    [1, [{ id: 1, weight: Number.NaN }]],
    [
      1,
      [
        { id: 1, weight: 1 },
        { id: 1, weight: 2 },
      ],
    ],
  ] as const)
    assert.throws(() => operations.set(service, replicas), RangeError);
  for (let one = 1; one <= services; one++) assert.deepEqual(operations.replicas(one), expected(one), `service ${one}`);
  for (const service of held.keys()) operations.set(service, []);
}
