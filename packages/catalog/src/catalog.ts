/** The catalog after parsing: every default filled in, every address assigned, plain frozen data that JSON and msgpack carry unchanged. @module */

import type { MeshFilter } from "./filter.ts";
import type { Mqtt } from "./mqtt.ts";
import type { AuthorisationRule, LinkPolicy, Traffic } from "./traffic.ts";

/** Transport of a port. */
export type Protocol = "tcp" | "udp";

/** What a policy does with a connection. */
export type PolicyAction = "allow" | "deny";

/** How a denied connect fails: `refuse` is ECONNREFUSED, `prohibit` is EPERM. */
export type DenyMode = "refuse" | "prohibit";

/** What happens to a connect to a replica's real address: `keep` that replica, `balance` over all of the service, `off` leaves it alone. */
export type InterceptMode = "keep" | "balance" | "off";

/** Whether sockets of a service are redirected past TCP: `auto` decides per connection. */
export type RedirectMode = "auto" | "on" | "off";

/** Whether requests are traced, and how the context of a trace travels: `header` shows the called program a traceparent, `side-band` changes no byte. */
export type Propagation = "off" | "side-band" | "header";

/** How a service's requests are traced. */
export interface Tracing {
  readonly propagation: Propagation;
  /** Share of the traces beginning here that are told to the back end, 0 to 1. */
  readonly sampling: number;
}

/** One machine of the mesh. */
export interface MeshNode {
  readonly name: string;
  /** Canonical IPv4 or IPv6 address. */
  readonly address: string;
  readonly zone: string | null;
}

/** A port that clients see and the port that a replica listens on. */
export interface PortMapping {
  /** Port at the virtual address, 1 to 65535. */
  readonly port: number;
  /** Port at the replica, 1 to 65535. */
  readonly target: number;
  readonly protocol: Protocol;
}

/** One running copy of a service. */
export interface Replica {
  /** Canonical IPv4 or IPv6 address. */
  readonly address: string;
  /** Name of the node it runs on. */
  readonly node: string | null;
  /** Path of its network namespace, such as `/run/netns/a`; null is the one of the host. */
  readonly netns: string | null;
  /** Share of new connections relative to the other replicas, 0 to 65535; 0 takes none. */
  readonly weight: number;
  /** One entry for each port of the service, in the same order, with this replica's own target. */
  readonly ports: readonly PortMapping[];
}

/** A named group of replicas behind one virtual address for each family. */
export interface Service {
  readonly name: string;
  /** Virtual IPv4 address, dotted. */
  readonly ipv4: string;
  /** Virtual IPv6 address, RFC 5952 form. */
  readonly ipv6: string;
  readonly ports: readonly PortMapping[];
  /** Unit, or cgroup path relative to the v2 root without a leading slash; may hold `*`. */
  readonly cgroup: string | null;
  readonly replicas: readonly Replica[];
  readonly intercept: InterceptMode;
  readonly redirect: RedirectMode;
  readonly tracing: Tracing;
  /** What happens to its requests, where connections pass nicd. */
  readonly traffic: Traffic;
}

/** A rule on who may connect to whom; the first that matches decides. */
export interface Policy {
  /** Unique; `policies[<index>]` when the file gives none. */
  readonly name: string;
  /** Client services; `*` is every program, also one that belongs to no service. */
  readonly from: readonly string[];
  /** Server services; `*` is every service. */
  readonly to: readonly string[];
  /** Ports at the virtual address; empty is all. */
  readonly ports: readonly number[];
  readonly action: PolicyAction;
}

/** What holds where neither a service nor a policy says otherwise. */
export interface CatalogDefaults {
  readonly policy: PolicyAction;
  readonly redirect: RedirectMode;
  readonly intercept: InterceptMode;
  readonly deny: DenyMode;
  readonly tracing: Tracing;
  /** Of a service that says nothing of its requests. */
  readonly traffic: Traffic;
}

/** A whole mesh: `nodes` and `services` in order of name (code units), `policies` and `authorisation` in the file's order. */
export interface Catalog {
  readonly version: 1;
  readonly mesh: string;
  /** Prefixes in CIDR form that virtual addresses come from. */
  readonly virtual: { readonly ipv4: string; readonly ipv6: string };
  readonly defaults: CatalogDefaults;
  readonly nodes: readonly MeshNode[];
  readonly services: readonly Service[];
  readonly policies: readonly Policy[];
  /** Who may ask what of a service: of requests, where `policies` is of connections. */
  readonly authorisation: readonly AuthorisationRule[];
  /** Between the nicds of two nodes. */
  readonly links: LinkPolicy;
  /** Of each node's MQTT broker; not there when the file says nothing of it. */
  readonly mqtt?: Mqtt;
  /** In order of name. */
  readonly filters: readonly MeshFilter[];
}
