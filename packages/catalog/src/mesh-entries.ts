/** The parts of a mesh file that are well-formed, so that what refers to what can be checked even when other parts are not. @module */
import type { DefaultsEntry, NodeEntry, PolicyEntry, ServiceEntry, VirtualEntry } from "./entries.ts";
import { type FilterEntry, filterEntry } from "./filter-entry.ts";
import { type MqttEntry, mqttEntry } from "./mqtt-entry.ts";
import { defaultsEntry, nodeEntry, policyEntry, serviceEntry, virtualEntry } from "./schema.ts";
import { type AuthorisationEntry, authorisationEntry } from "./traffic/authorisation.ts";
import { type LinksEntry, linksEntry } from "./traffic/links.ts";

/** Well-formed entries, and the names of the others, which may be referred to all the same. */
export interface MeshEntries {
  readonly virtual: VirtualEntry;
  readonly defaults: DefaultsEntry;
  readonly nodes: ReadonlyMap<string, NodeEntry>;
  readonly services: ReadonlyMap<string, ServiceEntry>;
  /** By index in the file. */
  readonly policies: ReadonlyMap<number, PolicyEntry>;
  /** By index in the file. */
  readonly authorisation: ReadonlyMap<number, AuthorisationEntry>;
  readonly links: LinksEntry;
  /** null when there is none. */
  readonly mqtt: MqttEntry | null;
  readonly filters: ReadonlyMap<string, FilterEntry>;
  readonly nodeNames: ReadonlySet<string>;
  readonly serviceNames: ReadonlySet<string>;
  readonly filterNames: ReadonlySet<string>;
}

/** Picks the well-formed entries out of a parsed file; names come out in order. */
export function wellFormed(file: unknown): MeshEntries {
  const root = asMap(file);
  const nodes = asMap(root.nodes);
  const services = asMap(root.services);
  const filters = asMap(root.filters);
  return {
    virtual: virtualEntry.safeParse(root.virtual).data ?? {},
    defaults: defaultsEntry.safeParse(root.defaults).data ?? {},
    nodes: new Map(names(nodes).flatMap((name) => present(name, nodeEntry.safeParse(nodes[name]).data))),
    services: new Map(names(services).flatMap((name) => present(name, serviceEntry.safeParse(services[name] ?? {}).data))),
    policies: new Map(asList(root.policies).flatMap((entry, index) => present(index, policyEntry.safeParse(entry).data))),
    authorisation: new Map(asList(root.authorisation).flatMap((entry, index) => present(index, authorisationEntry.safeParse(entry).data))),
    links: linksEntry.safeParse(root.links).data ?? {},
    mqtt: mqttEntry.safeParse(root.mqtt).data ?? null,
    filters: new Map(names(filters).flatMap((name) => present(name, filterEntry.safeParse(filters[name]).data))),
    nodeNames: new Set(names(nodes)),
    serviceNames: new Set(names(services)),
    filterNames: new Set(names(filters)),
  };
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function names(map: Record<string, unknown>): string[] {
  return Object.keys(map).sort();
}

function present<K, V>(key: K, value: V | undefined): [K, V][] {
  return value === undefined ? [] : [[key, value]];
}
