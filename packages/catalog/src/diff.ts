/** Compares two catalogs: what a reload added, removed and changed. @module */

import { createHash } from "node:crypto";
import { formatByteSize } from "./byte-size.ts";
import type { Catalog, Replica, Service } from "./catalog.ts";
import { formatDuration } from "./duration.ts";
import type { MeshFilter } from "./filter.ts";
import { formatPort } from "./ports.ts";
import { show } from "./problem.ts";
import { routeFields, ruleFields, trafficDefaultFields, trafficFields } from "./traffic/traffic-text.ts";
import type { Route } from "./traffic.ts";

/** One difference between two catalogs. */
export interface CatalogChange {
  readonly what: "setting" | "node" | "service" | "replica" | "route" | "policy" | "authorisation" | "filter";
  readonly change: "added" | "removed" | "changed";
  /** Name of the thing; a replica is `<service> <address>:<port>`, a route `<service> <name>`, a setting `mesh`, `virtual.ipv4`, `links.port`, …. */
  readonly name: string;
  /** What changed, empty unless `change` is `changed`; values as readable text. */
  readonly fields: readonly { readonly field: string; readonly before: string; readonly after: string }[];
}

/**
 * Lists the differences from `before` to `after`: settings, nodes, services, replicas, routes, policies, authorisation rules, filters, each in order of
 * name, or in the file's where that counts. The replicas and routes of an added or removed service are listed one by one too, but for the route
 * `default`, which every service has. A route or policy that only moved relative to others shows a changed `order`.
 */
export function diffCatalog(before: Catalog, after: Catalog): CatalogChange[] {
  const keyed = <T>(list: readonly T[], key: (item: T) => string) => new Map(list.map((item) => [key(item), item]));
  const byName = <T extends { name: string }>(list: readonly T[]) => keyed(list, ({ name }) => name);
  return [
    ...compare("setting", settings(before), settings(after), (value) => ({ value })),
    ...compare("node", byName(before.nodes), byName(after.nodes), ({ name: _, ...rest }) => rest),
    ...compare("service", byName(before.services), byName(after.services), serviceFields),
    ...compare("replica", replicas(before), replicas(after), replicaFields),
    ...compare("route", routes(before, after), routes(after, before), rankedFields(routeFields)).filter(
      ({ change, name }) => change === "changed" || !name.endsWith(" default"),
    ),
    ...compare(
      "policy",
      ranked(before.policies, after.policies),
      ranked(after.policies, before.policies),
      rankedFields(({ name: _, ...rest }) => rest),
    ),
    // Rules have no order: deny comes first wherever it stands.
    ...compare("authorisation", byName(before.authorisation), byName(after.authorisation), ruleFields),
    ...compare("filter", byName(before.filters), byName(after.filters), filterFields),
  ];
}

/**
 * Writes differences for people, one a line: `+ service cart`, `- replica cart 10.0.0.2:8080`, `~ service web: redirect auto → off`.
 */
export function formatChanges(changes: readonly CatalogChange[]): string {
  const sign = { added: "+", removed: "-", changed: "~" } as const;
  return changes
    .map(({ what, change, name, fields }) => {
      const detail = fields.map(({ field, before, after }) => `${field} ${before} → ${after}`).join(", ");
      return `${sign[change]} ${what} ${name}${detail === "" ? "" : `: ${detail}`}`;
    })
    .join("\n");
}

function compare<T>(
  what: CatalogChange["what"],
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  fieldsOf: (item: T) => object,
): CatalogChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name): CatalogChange[] => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === undefined) return [{ what, change: "added", name, fields: [] }];
    if (now === undefined) return [{ what, change: "removed", name, fields: [] }];
    const oldFields = fieldsOf(old) as Record<string, unknown>;
    const fields = Object.entries(fieldsOf(now)).flatMap(([field, value]) => {
      const [textBefore, textAfter] = [text(oldFields[field]), text(value)];
      return textBefore === textAfter ? [] : [{ field, before: textBefore, after: textAfter }];
    });
    return fields.length === 0 ? [] : [{ what, change: "changed", name, fields }];
  });
}

function settings({ mesh, virtual, defaults: { traffic, ...defaults }, links, mqtt }: Catalog): Map<string, string> {
  const { security, trustDomain, port } = links;
  const nested = {
    virtual,
    defaults: { ...defaults, ...trafficDefaultFields(traffic) },
    links: { security, "trust-domain": trustDomain, port },
    ...(mqtt ? { mqtt: Object.fromEntries(Object.entries(mqtt).map(([name, value]) => [name, value && JSON.stringify(value)])) } : {}),
  };
  const flat = Object.entries(nested).flatMap(([name, group]) =>
    Object.entries(group).map(([field, value]): [string, string] => [`${name}.${field}`, text(value)]),
  );
  return new Map([["mesh", mesh], ...flat]);
}

/** Two that differ are told apart wherever they differ. */
function configurationText(configuration: string): string | null {
  if (configuration === "") return null;
  const shown = show(configuration);
  return shown.endsWith("…") ? `${shown} (${createHash("sha256").update(configuration).digest("hex").slice(0, 8)})` : shown;
}

function filterFields({ module, configuration, rootId, vmId, capabilities, onFailure, limits, canary, key }: MeshFilter): object {
  return {
    module,
    config: configurationText(configuration),
    "root-id": rootId || null,
    "vm-id": vmId || null,
    capabilities: capabilities ?? "as the manifest",
    "on-failure": onFailure,
    "limits.fuel": limits.fuel,
    "limits.memory": formatByteSize(limits.memoryBytes),
    "limits.body": formatByteSize(limits.bodyBytes),
    canary: `${canary.share} for ${formatDuration(canary.forMs)}`,
    key,
  };
}

function serviceFields({ name: _, replicas: _own, ports, traffic, ...rest }: Service): object {
  return { ...rest, ports: ports.map(formatPort), ...trafficFields(traffic) };
}

/** Replicas by service, address, namespace and targets; what remains can change without it being another replica. */
function replicas(catalog: Catalog): Map<string, Replica> {
  return new Map(
    catalog.services.flatMap(({ name, replicas: list }) =>
      list.map((replica): [string, Replica] => {
        const host = replica.address.includes(":") ? `[${replica.address}]` : replica.address;
        const targets = [...new Set(replica.ports.map(({ target }) => target))].join(",");
        return [`${name} ${host}:${targets}${replica.netns === null ? "" : ` in ${replica.netns}`}`, replica];
      }),
    ),
  );
}

function replicaFields({ node, weight, ports }: Replica): object {
  return { node, weight, ports: ports.map(formatPort) };
}

/** Routes by service and name, ranked within their service. */
function routes(catalog: Catalog, other: Catalog): Map<string, Ranked<Route>> {
  const others = new Map(other.services.map(({ name, traffic }) => [name, traffic.routes]));
  return new Map(
    catalog.services.flatMap(({ name, traffic }) =>
      [...ranked(traffic.routes, others.get(name) ?? [])].map(([route, item]): [string, Ranked<Route>] => [`${name} ${route}`, item]),
    ),
  );
}

/** One of a list whose order counts. */
interface Ranked<T> {
  readonly item: T;
  /** Place among those that both catalogs have, from 1: only a real change of order changes it. */
  readonly order: number;
}

function ranked<T extends { readonly name: string }>(list: readonly T[], others: readonly T[]): Map<string, Ranked<T>> {
  const shared = new Set(others.map(({ name }) => name));
  let rank = 0;
  return new Map(list.map((item) => [item.name, { item, order: shared.has(item.name) ? ++rank : 0 }]));
}

function rankedFields<T>(fieldsOf: (item: T) => object): (ranked: Ranked<T>) => object {
  return ({ item, order }) => ({ ...fieldsOf(item), order });
}

function text(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(" ");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([name, part]) => `${name} ${text(part)}`)
      .join(" ");
  return value === null || value === undefined ? "none" : String(value);
}
