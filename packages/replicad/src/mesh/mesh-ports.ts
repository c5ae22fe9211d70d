/** The mesh as selections see it: ports of services, each with its replicas. @module */
import type { Catalog, ClusterPolicy, Replica } from "@mitsu/catalog";
import type { NumberedReplica } from "@mitsu/ipc";
import { replicaKey } from "@mitsu/replica-table";

/** Where one replica of a service listens. */
export interface MeshReplica {
  /** `address:port`. */
  readonly key: string;
  readonly address: string;
  /** Port at the replica. */
  readonly target: number;
  /** Null when nobody says. */
  readonly node: string | null;
  readonly here: boolean;
  /** Relative share, 0 takes none. */
  readonly weight: number;
}

/** One TCP port of a service. */
export interface MeshPort {
  readonly service: string;
  /** At the virtual address. */
  readonly port: number;
  readonly policy: ClusterPolicy;
  readonly replicas: readonly MeshReplica[];
}

/**
 * All of them: the replicas of the mesh file, and those that sockhijack found by itself, of which only the listening ones count.
 *
 * @param node Name of this node; replicas without one are on it.
 */
export function meshPorts(catalog: Catalog, node: string, found: readonly NumberedReplica[]): MeshPort[] {
  const byPort = Map.groupBy(found, ({ service, port, protocol }) => `${service} ${port}/${protocol}`);
  return catalog.services.flatMap(({ name, ports, replicas, traffic }) =>
    ports
      .filter(({ protocol }) => protocol === "tcp")
      .map(({ port }) => {
        const all = new Map<string, MeshReplica>();
        for (const replica of replicas) {
          const one = declared(replica, port, node);
          if (one !== null) all.set(one.key, one);
        }
        for (const { address, target, up, here, weight } of byPort.get(`${name} ${port}/tcp`) ?? []) {
          const key = replicaKey(address, target);
          if (up && !all.has(key)) all.set(key, { key, address, target, node: here ? node : null, here, weight });
        }
        return { service: name, port, policy: traffic.cluster, replicas: [...all.values()] };
      }),
  );
}

function declared({ address, node: of, weight, ports }: Replica, port: number, node: string): MeshReplica | null {
  const mapping = ports.find((one) => one.port === port && one.protocol === "tcp");
  if (mapping === undefined) return null;
  const { target } = mapping;
  return { key: replicaKey(address, target), address, target, node: of, here: of === null || of === node, weight };
}
