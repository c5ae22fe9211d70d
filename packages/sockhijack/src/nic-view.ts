/** What people are shown of nicd: whether it is there, and what goes by it. @module */
import type { Service } from "@mitsu/catalog";
import type { NicStatus, ServiceStatus } from "@mitsu/ipc";
import type { Kernel } from "./kernel/kernel.ts";
import type { Endpoint } from "./mesh/listening.ts";
import type { Mesh } from "./mesh/mesh.ts";
import { replicaName } from "./mesh/tables.ts";

/** The nicd that takes connections, for `status`. */
export function nicView({ nic, nics, ids }: Pick<Mesh, "nic" | "nics" | "ids">, { maps }: Pick<Kernel, "maps">): NicStatus | null {
  if (!nic || !nics.current) return null;
  const load = maps.loads.get(ids.replicas.of(replicaName(nic)));
  const { pid, port, addresses } = nics.current;
  return { pid, service: nic.service, port, addresses, active: Math.max(0, Number(load?.active ?? 0n)), total: Number(load?.total ?? 0n) };
}

/** How a service's connections come. */
export function nicWay({ traffic }: Pick<Service, "traffic">, nic: Endpoint | undefined): ServiceStatus["nic"] {
  if (!traffic.viaNic) return "off";
  if (nic) return "via";
  return traffic.withoutNic === "refuse" ? "refused" : "direct";
}

/** What is wrong with nicd, one sentence each; nothing when no service wants one. */
export function nicDegraded({ nic, nics, catalog }: Pick<Mesh, "nic" | "nics" | "catalog">): string[] {
  const wanting = catalog.services.filter(({ traffic }) => traffic.viaNic);
  if (wanting.length === 0) return [];
  if (nic && nic.service !== "") return [];
  if (nic)
    return [
      `nicd (pid ${nics.current?.pid}) belongs to no service, so what it sends is not redirected; start it by sockhijack run --service nicd`,
    ];
  const named = (way: "direct" | "refuse"): string =>
    wanting
      .filter(({ traffic }) => traffic.withoutNic === way)
      .map(({ name }) => name)
      .join(", ");
  const [direct, refused] = [named("direct"), named("refuse")];
  return [
    ...(direct ? [`no nicd is registered: connections to ${direct} go straight to replicas`] : []),
    ...(refused ? [`no nicd is registered: connections to ${refused} are refused`] : []),
  ];
}
