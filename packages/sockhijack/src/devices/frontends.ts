/** `balance` by the kernel's maps `frontends`, `backends` and `scores`, which connect hooks choose by. @module */
import {
  type Balance,
  type BalancedService,
  type BalanceSpec,
  balance,
  balanceFault,
  fullError,
  limitError,
  type Provider,
  type WeightedReplica,
} from "@mitsu/hal";
import { countersOf, type KernelPath, OneTable } from "./kernel-path.ts";

/** The provider. A service's port is a frontend; its replicas are the frontend's backends, in their order; a weight of 100 is the mesh file's 1. */
export function frontends(path: KernelPath): Provider<BalanceSpec, Balance, readonly BalancedService[]> {
  const { maps } = path.kernel;
  const [mostService, mostReplica] = [maps.frontends.map.maxEntries - 1, maps.replicas.map.maxEntries - 1];
  const table = new OneTable("replicas");
  return {
    capability: balance,
    // One is nicd's, which stands under no service.
    entries: maps.backends.map.maxEntries - 1,
    limits: { service: mostService, replica: mostReplica },
    // A connect's choice (FACTS.md, "Kernel path, measured").
    cost: () => ({ ns: 126 }),
    refuses(_spec, state) {
      for (const row of state) {
        const fault = balanceFault(row) ?? limit(row);
        if (fault !== undefined) return fault;
      }
      return table.refusal;
    },
    open({ entries }, state) {
      const services = path.adopt && state.length === 0 ? adopted() : new Map<number, readonly number[]>();
      const weights = new Map<number, number>();
      for (const ids of services.values()) for (const id of ids) weights.set(id, maps.scores.get(id)?.weight ?? 100);
      let total = [...services.values()].reduce((sum, ids) => sum + ids.length, 0);
      const replicas = (service: number): readonly WeightedReplica[] | undefined =>
        services.get(service)?.map((id) => ({ id, weight: weights.get(id)! }));
      const set: Balance["set"] = (service, wanted) => {
        const fault = balanceFault({ service, replicas: wanted });
        if (fault !== undefined) throw new RangeError(fault);
        const beyond = limit({ service, replicas: wanted });
        if (beyond !== undefined) throw limitError(beyond);
        const [ids, before] = [wanted.map(({ id }) => id), services.get(service) ?? []];
        if (total - before.length + ids.length > entries) throw fullError("balance");
        try {
          writeBackends(service, before, ids);
        } catch (cause) {
          writeBackends(service, ids, before);
          throw Object.assign(fullError("the kernel's table of replicas"), { cause });
        }
        for (const { id, weight } of wanted) {
          writeWeight(id, weight);
          weights.set(id, weight);
        }
        total += ids.length - before.length;
        if (ids.length === 0) services.delete(service);
        else services.set(service, ids);
      };
      const close = (): void => {
        table.free();
        path.used.delete(balance.name);
        if (path.left) return;
        for (const [service, ids] of services) writeBackends(service, ids, []);
        for (const id of weights.keys()) writeWeight(id, 0);
      };
      try {
        for (const row of state) set(row.service, row.replicas);
      } catch (error) {
        close();
        throw error;
      }
      table.take();
      path.used.set(balance.name, () => total);
      return {
        operations: { set, replicas },
        export: () => [...services.keys()].map((service) => ({ service, replicas: replicas(service)! })),
        close,
      };
    },
    counters: () => countersOf(path, ["connect", "rewritten", "no_replica"]),
  };

  function limit({ service, replicas }: BalancedService): string | undefined {
    if (service > mostService) return `service ${service} has no place: the kernel's table has ${mostService}`;
    const beyond = replicas.find(({ id }) => id > mostReplica);
    return beyond && `replica ${beyond.id} has no place: the kernel's table has ${mostReplica}`;
  }

  /** A connect that runs now must never meet a place that has no replica: fewer are announced before places go, more after they have come. */
  function writeBackends(frontend: number, before: readonly number[], after: readonly number[]): void {
    if (after.length < before.length) maps.frontends.set(frontend, { backends: after.length, pad: 0 });
    for (const [index, id] of after.entries()) if (before[index] !== id) maps.backends.set({ frontend, index }, id);
    for (let index = after.length; index < before.length; index++) maps.backends.delete({ frontend, index });
    if (after.length > before.length) maps.frontends.set(frontend, { backends: after.length, pad: 0 });
  }

  /** The rest of an entry is its writer's, who says how busy the replica is. */
  function writeWeight(id: number, weight: number): void {
    const known = maps.scores.get(id);
    if (known && known.weight !== weight) maps.scores.set(id, { ...known, weight });
  }

  /** What an earlier daemon left; one that died between two writes left places that are not announced, or announced ones without a replica. */
  function adopted(): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (const [{ frontend, index }, id] of [...maps.backends.entries()]) {
      if (frontend === 0) continue;
      const { backends } = maps.frontends.get(frontend)!;
      const ids = found.get(frontend) ?? new Array<number>(backends).fill(0);
      if (index < backends) ids[index] = id;
      else maps.backends.delete({ frontend, index });
      found.set(frontend, ids);
    }
    return found;
  }
}
