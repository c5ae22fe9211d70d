/** The routes of one service: their names, order, targets and ports. @module */
import type { ServiceEntry } from "../entries.ts";
import { filterFindings } from "../filter-entry.ts";
import type { MeshEntries } from "../mesh-entries.ts";
import { portMapping } from "../ports.ts";
import type { FieldPath, Finding } from "../problem.ts";
import type { Route } from "../traffic.ts";
import { unknownName } from "../unknown-name.ts";
import { covers } from "./covers.ts";
import { normaliseRoute } from "./route.ts";
import type { RouteEntry } from "./route-entry.ts";
import { targetPort } from "./target-port.ts";

/** Fills the routes' defaults in and appends what is wrong with them to `findings`. The last one is `fallback`. */
export function normaliseRoutes(name: string, service: ServiceEntry, mesh: MeshEntries, fallback: Route, findings: Finding[]): Route[] {
  const path = ["services", name, "routes"];
  const routes = (service.routes ?? []).map((entry, index) => normaliseRoute(entry, index, [...path, index], fallback, findings));
  for (const [index, entry] of (service.routes ?? []).entries())
    findings.push(
      ...unservedPorts(service, entry, [...path, index, "match", "port"]),
      ...unusableTargets(name, service, entry, mesh, [...path, index]),
      ...filterFindings(entry.filters, [...path, index, "filters"], mesh),
    );
  findings.push(...repeatedNames(routes, path), ...unreachable(routes, path));
  return [...routes, fallback];
}

function repeatedNames(routes: readonly Route[], path: FieldPath): Finding[] {
  return routes.flatMap(({ name }, index): Finding[] => {
    const first = routes.findIndex((route) => route.name === name);
    if (first === index) return [];
    return [
      {
        path: [...path, index, "name"],
        at: "value",
        message: `${JSON.stringify(name)} is already the name of routes[${first}]; give each its own`,
      },
    ];
  });
}

/** A warning only: whoever answers all requests with 503 for an hour, by a route in front, shall not have to take the others out. */
function unreachable(routes: readonly Route[], path: FieldPath): Finding[] {
  return routes.flatMap(({ match }, index): Finding[] => {
    const before = routes.slice(0, index).find((route) => covers(route.match, match));
    if (before === undefined) return [];
    const message = `no request reaches this route: ${JSON.stringify(before.name)} in front of it matches them all; put it first or remove it`;
    return [{ path: [...path, index], at: "value", message, warning: true }];
  });
}

function unservedPorts(service: ServiceEntry, { match }: RouteEntry, path: FieldPath): Finding[] {
  const ports = tcpPorts(service);
  if (ports.length === 0) return [];
  const given = match?.port ?? [];
  return [given].flat().flatMap((port, place): Finding[] => {
    if (ports.includes(port)) return [];
    const message = `the service has no TCP port ${port}; there are ${ports.join(", ")}`;
    return [{ path: Array.isArray(given) ? [...path, place] : path, at: "value", message }];
  });
}

/** Services that a route names and that are not there, or not at a port that could be asked. */
function unusableTargets(name: string, service: ServiceEntry, route: RouteEntry, mesh: MeshEntries, path: FieldPath): Finding[] {
  const asked = [route.match?.port ?? tcpPorts(service)].flat();
  return references(route).flatMap(([at, target]): Finding[] => {
    const finding = (message: string): Finding[] => [{ path: [...path, ...at], at: "value", message }];
    if (!mesh.serviceNames.has(target)) return finding(unknownName("service", target, mesh.serviceNames));
    const entry = mesh.services.get(target);
    if (target === name || entry === undefined) return [];
    const ports = tcpPorts(entry);
    if (ports.length === 0) return finding(`${target} has no TCP port to ask it at; give it ports`);
    const unclear = asked.find((port) => targetPort((entry.ports ?? []).map(portMapping), port) === undefined);
    if (unclear === undefined) return [];
    return finding(
      `port ${unclear} is asked for, and ${target} has ${ports.join(", ")}; give it ${unclear} too, or limit the route by match.port`,
    );
  });
}

function references({ to, mirror }: RouteEntry): [at: FieldPath, service: string][] {
  const targets: [FieldPath, string][] =
    typeof to === "string" ? [[["to"], to]] : (to ?? []).map(({ service }, index) => [["to", index, "service"], service]);
  return mirror === undefined ? targets : [...targets, [["mirror", "service"], mirror.service]];
}

function tcpPorts({ ports = [] }: ServiceEntry): number[] {
  return ports.map(portMapping).flatMap(({ port, protocol }) => (protocol === "tcp" ? port : []));
}
