/** The types of `mesh.yaml` as it is written, before defaults and addresses are filled in. @module */
import type { DenyMode, InterceptMode, PolicyAction, Propagation, Protocol, RedirectMode } from "./catalog.ts";
import type { FilterEntry } from "./filter-entry.ts";
import type { MqttEntry } from "./mqtt-entry.ts";
import type { AuthorisationEntry } from "./traffic/authorisation.ts";
import type { ClusterEntry } from "./traffic/cluster.ts";
import type { LinksEntry } from "./traffic/links.ts";
import type { RetriesEntry } from "./traffic/retries.ts";
import type { RouteEntry } from "./traffic/route-entry.ts";
import type { ApplicationProtocol, NicMode, PolicyActionOfRequests } from "./traffic.ts";

/** Port as written in the file: a number, a shorthand such as `80:8080/tcp` or a map. */
export type PortEntry = number | string | { port: number; target?: number | undefined; protocol?: Protocol | undefined };

/** Tracing as written in the file: `header`, or a map. */
export type TracingEntry = Propagation | { propagation?: Propagation | undefined; sampling?: number | undefined };

/** Service as written in the file. */
export interface ServiceEntry {
  ports?: PortEntry[] | undefined;
  address?: string | string[] | undefined;
  cgroup?: string | undefined;
  replicas?: ReplicaEntry[] | undefined;
  intercept?: InterceptMode | undefined;
  redirect?: RedirectMode | undefined;
  tracing?: TracingEntry | undefined;
  nic?: NicMode | undefined;
  "without-nic"?: "direct" | "refuse" | undefined;
  protocol?: ApplicationProtocol | undefined;
  routes?: RouteEntry[] | undefined;
  cluster?: ClusterEntry | undefined;
  authorisation?: PolicyActionOfRequests | undefined;
  filters?: string[] | undefined;
}

/** Replica as written in the file. */
export interface ReplicaEntry {
  address?: string | undefined;
  port?: number | undefined;
  node?: string | undefined;
  weight?: number | undefined;
  netns?: string | undefined;
}

/** Node as written in the file. */
export interface NodeEntry {
  address: string;
  zone?: string | undefined;
}

/** Policy as written in the file. */
export interface PolicyEntry {
  name?: string | undefined;
  from: string | string[];
  to: string | string[];
  ports?: number[] | undefined;
  action: PolicyAction;
}

/** `virtual` as written in the file. */
export interface VirtualEntry {
  ipv4?: string | undefined;
  ipv6?: string | undefined;
}

/** `defaults` as written in the file. */
export interface DefaultsEntry {
  policy?: PolicyAction | undefined;
  redirect?: RedirectMode | undefined;
  intercept?: InterceptMode | undefined;
  deny?: DenyMode | undefined;
  tracing?: TracingEntry | undefined;
  cluster?: ClusterEntry | undefined;
  timeout?: string | 0 | undefined;
  retries?: RetriesEntry | undefined;
  authorisation?: PolicyActionOfRequests | undefined;
  "without-nic"?: "direct" | "refuse" | undefined;
}

/** `mesh.yaml` as written. */
export interface MeshFile {
  version: 1;
  mesh?: string | undefined;
  virtual?: VirtualEntry | null | undefined;
  defaults?: DefaultsEntry | null | undefined;
  nodes?: Record<string, NodeEntry> | null | undefined;
  services?: Record<string, ServiceEntry | null> | null | undefined;
  policies?: PolicyEntry[] | null | undefined;
  authorisation?: AuthorisationEntry[] | null | undefined;
  links?: LinksEntry | null | undefined;
  mqtt?: MqttEntry | null | undefined;
  filters?: Record<string, FilterEntry> | null | undefined;
}
