/** Replicas that sockhijack has seen, put into the mesh file's services. @module */
import type { Catalog, Replica } from "@mitsu/catalog";
import type { NicReplica } from "@mitsu/ipc";

/**
 * A service's replicas are those of the mesh file; those that sockhijack found by itself (programs started by `sockhijack run`) come on top, and
 * where it knows more than the file, such as which of them listen, its word counts.
 *
 * @param live As `HostChannel.replicas`; empty without sockhijack.
 */
export function withLiveReplicas(catalog: Catalog, live: readonly NicReplica[]): Catalog {
  if (live.length === 0) return catalog;
  const byService = Map.groupBy(live, ({ service }) => service);
  return {
    ...catalog,
    services: catalog.services.map((service) => {
      const seen = byService.get(service.name) ?? [];
      const found: Replica[] = seen
        .filter(
          ({ address, target }) =>
            !service.replicas.some((one) => one.address === address && one.ports.some((port) => port.target === target)),
        )
        .filter(({ up }) => up)
        .map(({ address, port, target, weight, here }) => ({
          address,
          node: here ? null : "",
          netns: null,
          weight,
          ports: [{ port, target, protocol: "tcp" }],
        }));
      return found.length === 0 ? service : { ...service, replicas: [...service.replicas, ...found] };
    }),
  };
}
