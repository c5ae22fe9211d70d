/** From the mesh to the kernel's tables: a pure function, numbers for names. @module */
import type { Catalog } from "@mitsu/catalog";
import { ipBytes, isLoopback, isMapped } from "../kernel/ip.ts";
import type * as layout from "../kernel/layout.ts";
import { nicWay, traceMode } from "../kernel/layout.ts";
import type { Ids } from "./ids.ts";
import type { Endpoint } from "./listening.ts";
import { type PolicyRow, PolicyRows } from "./policy-rows.ts";
import { Rules } from "./rules.ts";

/** Everything the connect hooks look up. */
export interface Tables {
  readonly services: [number, layout.Service][];
  readonly addresses: [layout.AddressKey, layout.AddressValue][];
  readonly frontends: [number, layout.Frontend][];
  readonly backends: [layout.BackendKey, number][];
  readonly replicas: [number, layout.Replica][];
  /** Weights to start with; scores are written by others. */
  readonly weights: [number, number][];
  readonly policies: readonly PolicyRow[];
}

/** Numbers of the names in the tables. */
export interface TableIds {
  readonly services: Ids;
  readonly replicas: Ids;
  readonly frontends: Ids;
}

const protocols = { tcp: 6, udp: 17 } as const;
const errnos = { refuse: 111, prohibit: 1 } as const;
const nicWays = { direct: nicWay.elseDirect, refuse: nicWay.elseRefuse } as const;
const redirects = { auto: 0, on: 1, off: 2 } as const;
const noPad = new Uint8Array(5);
const noIp = new Uint8Array(16);

/** Name of a replica: where its port is. */
export function replicaName({ service, target, protocol, netns, ip }: Endpoint): string {
  return `${service} ${protocol} ${Buffer.from(ip).toString("hex")} ${target} ${netns}`;
}

/** Name of a frontend: one port of a service. */
export function frontendName(service: string, { port, protocol }: { readonly port: number; readonly protocol: string }): string {
  return `${service} ${port}/${protocol}`;
}

/**
 * Builds the tables.
 *
 * @param endpoints Replicas in any order; one with weight 0 is recognised but never chosen.
 * @param attached Services that some cgroup belongs to.
 * @param nic Where nicd listens; undefined while none is registered.
 * @param rules What is denied beside the catalog's policies; numbered behind these.
 * @param policyRows Makes the rows of policies; it knows those of the last time.
 */
export function tablesOf(
  catalog: Catalog,
  endpoints: readonly Endpoint[],
  attached: ReadonlySet<string>,
  ids: TableIds,
  nic?: Endpoint,
  rules: Rules = Rules.none,
  policyRows: PolicyRows = new PolicyRows(),
): Tables {
  const tables: Omit<Tables, "policies"> = { services: [], addresses: [], frontends: [], backends: [], replicas: [], weights: [] };
  const claimed = new Set<string>();
  const claim = (netns: bigint, ip: Uint8Array, port: number, protocol: number, value: layout.AddressValue): void => {
    const name = `${netns}/${Buffer.from(ip).toString("hex")}/${port}/${protocol}`;
    if (claimed.has(name)) return; // two services on one address: the first in order of name has it
    claimed.add(name);
    tables.addresses.push([{ netns, ip, port, protocol, pad: noPad }, value]);
  };
  const addReplica = (endpoint: Endpoint): number => {
    const replica = ids.replicas.of(replicaName(endpoint));
    const { ip, local, netns, target } = endpoint;
    const service = endpoint.service === "" ? 0 : ids.services.of(endpoint.service);
    tables.replicas.push([replica, { ip, local, ...onlyIpv6(endpoint), netns, port: target, pad: 0, service }]);
    tables.weights.push([replica, endpoint.weight * 100]);
    return replica;
  };
  for (const service of catalog.services) {
    const id = ids.services.of(service.name);
    const { viaNic, withoutNic } = service.traffic;
    tables.services.push([
      id,
      {
        redirect: redirects[service.redirect],
        deny_errno: errnos[catalog.defaults.deny],
        attached: attached.has(service.name) ? 1 : 0,
        trace: traceMode[service.tracing.propagation],
        sampling: Math.round(service.tracing.sampling * 0xffff_ffff),
        nic: nic?.service === service.name ? 1 : 0,
      },
    ]);
    for (const { port, protocol } of service.ports) {
      const frontend = ids.frontends.of(frontendName(service.name, { port, protocol }));
      const own = endpoints.filter((e) => e.service === service.name && e.port === port && e.protocol === protocol);
      const able = own.filter(({ weight }) => weight > 0);
      const listening = able.filter(({ up }) => up);
      const chosen = listening.length > 0 ? listening : able; // none seen: the kernel's own refusal is the honest answer
      tables.frontends.push([frontend, { backends: chosen.length, pad: 0 }]);
      for (const [index, endpoint] of chosen.entries()) tables.backends.push([{ frontend, index }, ids.replicas.of(replicaName(endpoint))]);
      const way = viaNic && protocol === "tcp" ? nicWays[withoutNic] : nicWay.off;
      for (const vip of [service.ipv4, service.ipv6])
        claim(0n, ipBytes(vip), port, protocols[protocol], { service: id, replica: 0, frontend, nic: way });
      for (const endpoint of own) {
        const replica = addReplica(endpoint);
        if (service.intercept === "off") continue;
        const balanced = service.intercept === "balance";
        const to = { service: id, replica, frontend: balanced ? frontend : 0, nic: balanced ? way : nicWay.off };
        for (const ip of endpoint.addresses) claim(isLoopback(ip) ? endpoint.netns : 0n, ip, endpoint.target, protocols[protocol], to);
      }
    }
    for (const vip of [service.ipv4, service.ipv6])
      for (const p of Object.values(protocols)) claim(0n, ipBytes(vip), 0, p, { service: id, replica: 0, frontend: 0, nic: nicWay.off });
  }
  // The one backend of a frontend that is no service's: it comes and goes with nicd, and turns the connections of all services at once.
  if (nic) tables.backends.push([{ frontend: 0, index: 0 }, addReplica(nic)]);
  return { ...tables, policies: policyRows.of(catalog, rules, endpoints, ids.services) };
}

/** Where datagrams reach it that cannot become IPv4 (`sendmsg6`); zero when nowhere. */
function onlyIpv6({ addresses }: Endpoint): { readonly ip6: Uint8Array; readonly local6: Uint8Array } {
  const own = addresses.filter((ip) => !isMapped(ip));
  const away = own.find((ip) => !isLoopback(ip));
  return { ip6: away ?? noIp, local6: own.find(isLoopback) ?? away ?? noIp };
}
