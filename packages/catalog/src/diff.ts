/** Compares two catalogs: what a reload added, removed and changed. @module */
import type { Catalog, Policy, Replica, Service } from "./catalog.ts";
import { formatPort } from "./ports.ts";

/** One difference between two catalogs. */
export interface CatalogChange {
  readonly what: "setting" | "node" | "service" | "replica" | "policy";
  readonly change: "added" | "removed" | "changed";
  /** Name of the thing; a replica is `<service> <address>:<port>`, a setting `mesh`, `virtual.ipv4`, `defaults.policy`, …. */
  readonly name: string;
  /** What changed, empty unless `change` is `changed`; values as readable text. */
  readonly fields: readonly { readonly field: string; readonly before: string; readonly after: string }[];
}

/**
 * Lists the differences from `before` to `after`: settings, nodes, services, replicas, policies, each in order of name, policies in the file's.
 * The replicas of an added or removed service are listed one by one too. A policy that only moved relative to others shows a changed `order`.
 */
export function diffCatalog(before: Catalog, after: Catalog): CatalogChange[] {
  const keyed = <T>(list: readonly T[], key: (item: T) => string) => new Map(list.map((item) => [key(item), item]));
  const byName = <T extends { name: string }>(list: readonly T[]) => keyed(list, ({ name }) => name);
  return [
    ...compare("setting", settings(before), settings(after), (value) => ({ value })),
    ...compare("node", byName(before.nodes), byName(after.nodes), ({ name: _, ...rest }) => rest),
    ...compare("service", byName(before.services), byName(after.services), serviceFields),
    ...compare("replica", replicas(before), replicas(after), replicaFields),
    ...compare("policy", ranked(before.policies, after.policies), ranked(after.policies, before.policies), ({ name: _, ...rest }) => rest),
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

function settings({ mesh, virtual, defaults }: Catalog): Map<string, string> {
  const nested = { virtual, defaults };
  const flat = Object.entries(nested).flatMap(([name, group]) =>
    Object.entries(group).map(([field, value]): [string, string] => [`${name}.${field}`, text(value)]),
  );
  return new Map([["mesh", mesh], ...flat]);
}

function serviceFields({ name: _, replicas: _own, ports, ...rest }: Service): object {
  return { ...rest, ports: ports.map(formatPort) };
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

/** Policies by name, each with its rank among those that both catalogs have: only a real change of order changes it. */
function ranked(policies: readonly Policy[], others: readonly Policy[]): Map<string, Policy & { order: number }> {
  const shared = new Set(others.map(({ name }) => name));
  let rank = 0;
  return new Map(policies.map((policy) => [policy.name, { ...policy, order: shared.has(policy.name) ? ++rank : 0 }]));
}

function text(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(" ");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([name, part]) => `${name} ${text(part)}`)
      .join(" ");
  return value === null || value === undefined ? "none" : String(value);
}
