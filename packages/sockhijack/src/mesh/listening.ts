/** Which addresses of which service are being listened on, as the scan and the catalog know. @module */
import type { Catalog } from "@mitsu/catalog";
import { ipBytes, isLoopback, isMapped, isWildcard } from "../kernel/ip.ts";
import { type SockRecord, tcpState } from "../kernel/layout.ts";
import type { Namespace, Namespaces } from "./namespaces.ts";

/** One replica of one port: where it is reached from its own namespace, and from others. */
export interface Endpoint {
  readonly service: string;
  /** Port at the virtual address. */
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** Port at the replica. */
  readonly target: number;
  /** Address for clients elsewhere. */
  readonly ip: Uint8Array;
  /** Address for clients in the same namespace. */
  readonly local: Uint8Array;
  /** Cookie of the namespace, 0 when it is on another node. */
  readonly netns: bigint;
  readonly weight: number;
  /** Every address it answers on, for recognising connects to real addresses. */
  readonly addresses: readonly Uint8Array[];
  /** Seen listening; false for one that is only expected to. */
  readonly up: boolean;
}

/** A service's presence in a namespace, known from an attached cgroup. */
export interface Presence {
  readonly service: string;
  readonly namespace: Namespace;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Is it an address of this namespace, rather than another node's? */
function isOwn(ip: Uint8Array, namespace: Namespace | undefined): boolean {
  return isLoopback(ip) || (namespace?.addresses.some((text) => same(ipBytes(text), ip)) ?? false);
}

/** Is the replica on this node? A replica of the mesh file says so only by its address. */
export function isHere({ ip, netns }: Endpoint, namespaces: Pick<Namespaces, "all">): boolean {
  const namespace = namespaces.all.find(({ cookie }) => cookie === netns);
  return namespace !== undefined && isOwn(ip, namespace);
}

const v4Loopback = ipBytes("127.0.0.1");
const v6Loopback = ipBytes("::1");

/**
 * The replicas of a mesh: those of the catalog, and for each attached program those that its listening sockets show. A service of which
 * nothing is seen to listen yet gets one replica by assumption, so that its first client meets the kernel's own refusal or luck.
 */
export function endpointsOf(
  catalog: Catalog,
  presences: readonly Presence[],
  records: readonly SockRecord[],
  ids: (id: number) => string,
  namespaces: Namespaces,
): Endpoint[] {
  const listeners = records.filter((r) => r.state === tcpState.listen);
  return catalog.services.flatMap((service) => {
    const declared = service.replicas.flatMap((replica) => {
      const netns = replica.netns ? namespaces.ofPath(replica.netns) : namespaces.ofPid(process.pid);
      const ip = ipBytes(replica.address);
      return replica.ports.map(
        (p): Endpoint => ({
          service: service.name,
          ...p,
          ip,
          local: ip,
          netns: netns?.cookie ?? 0n,
          weight: replica.weight,
          addresses: [ip],
          // Where an attached program of the service lives, we would see it listen; elsewhere the catalog's word stands.
          up:
            !presences.some(({ service: name, namespace }) => name === service.name && namespace.cookie === netns?.cookie) ||
            !isOwn(ip, netns) ||
            listeners.some(
              (r) => r.netns === netns?.cookie && r.local_port === p.target && (isWildcard(r.local_ip) || same(r.local_ip, ip)),
            ),
        }),
      );
    });
    const seen = presences
      .filter((presence) => presence.service === service.name)
      .flatMap(({ namespace }) =>
        service.ports.flatMap((mapping) => {
          const own = listeners.filter(
            (r) => r.netns === namespace.cookie && r.local_port === mapping.target && ids(r.service) === service.name,
          );
          return endpointAt(service.name, mapping, namespace, own);
        }),
      )
      .filter((endpoint) => !declared.some((d) => d.target === endpoint.target && endpoint.addresses.some((a) => same(a, d.ip))));
    const someoneListens = new Set([...declared, ...seen].filter(({ up }) => up).map(({ port }) => port));
    // Where the catalog names replicas of a port, nothing is assumed beside them.
    const named = ({ port, protocol }: Endpoint): boolean => declared.some((d) => d.port === port && d.protocol === protocol);
    const assumed = (endpoint: Endpoint): boolean =>
      !named(endpoint) && (endpoint.protocol === "udp" || !someoneListens.has(endpoint.port));
    return [...declared, ...seen.filter((endpoint) => endpoint.up || assumed(endpoint))];
  });
}

function endpointAt(
  service: string,
  mapping: { port: number; target: number; protocol: "tcp" | "udp" },
  namespace: Namespace,
  listeners: readonly SockRecord[],
): Endpoint {
  const outside = namespace.addresses.map(ipBytes);
  // An AF_INET6 wildcard takes IPv4 too unless IPV6_V6ONLY is set; where an IPv4 listener stands beside it, that one answers.
  const wild = listeners.filter((r) => isWildcard(r.local_ip));
  const fixed = listeners.filter((r) => !isWildcard(r.local_ip)).map((r) => r.local_ip);
  const addresses =
    listeners.length === 0 || wild.length > 0
      ? [v4Loopback, ...(wild.length === 0 || wild.some((r) => r.family === 10) ? [v6Loopback] : []), ...outside]
      : fixed;
  const away = addresses.find((a) => !isLoopback(a) && isMapped(a)) ?? addresses.find((a) => !isLoopback(a)) ?? addresses[0]!;
  return { service, ...mapping, netns: namespace.cookie, weight: 1, addresses, local: addresses[0]!, ip: away, up: listeners.length > 0 };
}
