/** What of the mesh goes through the placement, and what straight into a map. @module */
import type { TraceSettings, WeightedReplica } from "@mitsu/hal";
import test from "ava";
import { ruleAction, ruleKey, ruleKeyBits } from "../src/devices/policy-rules.ts";
import type { KernelMaps } from "../src/kernel/kernel.ts";
import type { BackendKey, PolicyKey, PolicyValue, Service } from "../src/kernel/layout.ts";
import { PlacedFrontends } from "../src/mesh/placed-frontends.ts";
import { placedPolicies, placedServices } from "../src/mesh/placed-maps.ts";

/** A kernel map in this process. */
class FakeMap<K, V> {
  readonly map: { readonly maxEntries: number };
  readonly held = new Map<string, readonly [K, V]>();

  constructor(maxEntries = 8, entries: readonly (readonly [K, V])[] = []) {
    this.map = { maxEntries };
    for (const [key, value] of entries) this.set(key, value);
  }
  get(key: K): V | undefined {
    return this.held.get(JSON.stringify(key))?.[1];
  }
  set(key: K, value: V): void {
    this.held.set(JSON.stringify(key), [key, value]);
  }
  delete(key: K): boolean {
    return this.held.delete(JSON.stringify(key));
  }
  entries(): readonly (readonly [K, V])[] {
    return [...this.held.values()];
  }
}

const mapsOf = (maps: object): KernelMaps => maps as KernelMaps;
const score = (weight: number) => ({ weight, score: 0, each: 0, until: 0 });
const backend = (frontend: number, index: number, id: number) => [{ frontend, index }, id] as [BackendKey, number];

function frontends(earlier: readonly [BackendKey, number][] = []) {
  const backends = new FakeMap<BackendKey, number>(8, earlier);
  const scores = new FakeMap<number, ReturnType<typeof score>>(8, [
    [1, score(100)],
    [2, score(300)],
  ]);
  const services = new Map<number, readonly WeightedReplica[]>();
  const told: number[] = [];
  const placed = new PlacedFrontends(mapsOf({ backends, scores }), {
    set(service, replicas) {
      told.push(service);
      if (replicas.length === 0) services.delete(service);
      else services.set(service, replicas);
    },
    replicas: (service) => services.get(service),
  });
  return { placed, backends, scores, services, told };
}

test("PlacedFrontends.sync() tells what is new or different, with the weights in force, and takes out what is no longer wanted", (t) => {
  const { placed, scores, services, told } = frontends();
  placed.sync({ backends: [backend(5, 0, 1), backend(5, 1, 2), backend(6, 0, 2)] });
  placed.sync({ backends: [backend(5, 0, 1), backend(5, 1, 2), backend(6, 0, 2)] });
  t.deepEqual(told, [5, 6]);
  t.deepEqual(services.get(5), [
    { id: 1, weight: 100 },
    { id: 2, weight: 300 },
  ]);
  scores.set(2, score(50)); // an operator's
  placed.sync({ backends: [backend(6, 0, 2)] });
  t.deepEqual(told, [5, 6, 5, 6]);
  t.deepEqual([...services], [[6, [{ id: 2, weight: 50 }]]]);
});

test("PlacedFrontends.sync() keeps nicd's backend apart, leaves out replicas without a number, and takes out an earlier daemon's frontends", (t) => {
  const { placed, backends, services, told } = frontends([backend(0, 0, 3), backend(9, 0, 1)]);
  placed.sync({ backends: [backend(5, 0, 1), backend(5, 1, 0), backend(5, 2, 1), backend(0, 0, 4)] });
  t.deepEqual(told, [9, 5]);
  t.deepEqual(services.get(5), [{ id: 1, weight: 100 }]);
  t.is(backends.get({ frontend: 0, index: 0 }), 4);
  placed.sync({ backends: [] });
  t.is(backends.get({ frontend: 0, index: 0 }), undefined);
  t.is(services.size, 0);
});

test("more replicas or rules than the kernel has room for throw before the placement looks for more", (t) => {
  const { placed, told } = frontends();
  t.throws(() => placed.sync({ backends: Array.from({ length: 8 }, (_, at) => backend(at + 1, 0, 1)) }), { code: "ERR_HAL_FULL" });
  t.deepEqual(told, []);
  const policies = new FakeMap<PolicyKey, PolicyValue>(1, [
    [
      { from: 1, to: 2, port: 80, pad: 0 },
      { action: 1, rule: 1 },
    ],
  ]);
  const added: unknown[] = [];
  const rules = { add: (...row: unknown[]) => void added.push(row), remove: () => true, lookup: () => undefined, hits: () => 0 };
  const placedRules = placedPolicies(mapsOf({ policies }), rules);
  t.throws(() => placedRules.set({ from: 1, to: 2, port: 81, pad: 0 }, { action: 1, rule: 1 }), { code: "ERR_HAL_FULL" });
  placedRules.set({ from: 1, to: 2, port: 80, pad: 0 }, { action: 0, rule: 2 });
  t.deepEqual(added, [[ruleKey({ from: 1, to: 2, port: 80 }), ruleKeyBits, ruleAction({ action: 0, rule: 2 })]]);
});

test("placedServices() writes all but tracing into the map, and starts and stops that", (t) => {
  const service: Service = { redirect: 1, deny_errno: 111, attached: 1, trace: 0, sampling: 0, nic: 0 };
  const none = { redirect: 0, deny_errno: 0, attached: 0, trace: 0, sampling: 0, nic: 0 };
  const services = new FakeMap<number, Service>(8, [[3, none]]);
  const traced = new Map<number, TraceSettings>();
  const placed = placedServices(mapsOf({ services }), {
    start: (id, settings) => void traced.set(id, settings),
    stop: (id) => traced.delete(id),
    traces: (id) => traced.get(id),
  });
  placed.set(3, { ...service, trace: 2, sampling: 0xffff_ffff });
  t.deepEqual(services.get(3), service);
  t.deepEqual(traced.get(3), { propagation: "header", sampling: 1 });
  placed.set(3, none);
  t.deepEqual(services.get(3), none);
  t.is(traced.size, 0);
});

test("ruleKey() and ruleAction() keep every field apart; a rule beyond an action's room is no rule's", (t) => {
  t.is(ruleKey({ from: 0xffff_ffff, to: 0, port: 0 }), 0xffff_ffffn << 48n);
  t.is(ruleKey({ from: 0, to: 0xffff_ffff, port: 0xffff }), 0xffff_ffff_ffffn);
  t.is(ruleAction({ action: 1, rule: 0x7fff }), 0xffff);
  t.is(ruleAction({ action: 1, rule: 0x8000 }), 1);
});
