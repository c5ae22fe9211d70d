/**
 * What one replica takes of a node, in one reading of what is known of its service. `solve/compile.ts` works out the same by itself, on purpose: the judge
 * of plans shares no code with the solvers that it judges. @module
 */
import type { ServiceSpec } from "../problem/problem.ts";
import type { CompileOptions } from "../solve/instance.ts";

/** How reservations are read; `requests` unless told. */
export type Reserve = NonNullable<CompileOptions["reserve"]>;

/**
 * What a replica reserves of a resource, in the resource's unit: its request, a measured figure, or the larger of request and p95; what is missing is
 * taken from the other (of measured figures p95), and 0 when nothing is known.
 */
export function reserved(service: ServiceSpec, resource: string, reserve: Reserve): number {
  const request = service.requests[resource];
  const demand = service.demand[resource];
  if (reserve === "larger") return Math.max(request ?? 0, demand?.p95 ?? 0);
  if (reserve === "requests") return request ?? demand?.p95 ?? 0;
  return demand?.[reserve] ?? request ?? 0;
}
