/** Services and replicas: from entries of the file to the catalog's form, with what is wrong inside one service. @module */
import type { CatalogDefaults, PortMapping, Replica, Service, Tracing } from "./catalog.ts";
import type { ReplicaEntry, ServiceEntry, TracingEntry } from "./entries.ts";
import { formatIp, parseIp } from "./ip.ts";
import type { MeshEntries } from "./mesh-entries.ts";
import { formatPort, portMapping } from "./ports.ts";
import type { Finding } from "./problem.ts";
import { normaliseTraffic } from "./traffic/service-traffic.ts";
import { unknownName } from "./unknown-name.ts";

/** A service whose virtual addresses may still have to be assigned. */
export type UnaddressedService = Omit<Service, "ipv4" | "ipv6"> & { readonly ipv4: string | undefined; readonly ipv6: string | undefined };

/** Fills a service's defaults in and appends what is wrong with it to `findings`. */
export function normaliseService(
  name: string,
  entry: ServiceEntry,
  mesh: MeshEntries,
  defaults: CatalogDefaults,
  findings: Finding[],
): UnaddressedService {
  const ports = (entry.ports ?? []).map(portMapping);
  findings.push(...repeatedPorts(name, ports), ...addressFindings(name, entry));
  return {
    name,
    ...virtualAddresses(entry),
    ports,
    cgroup: entry.cgroup?.replace(/^\/+|\/+$/g, "") ?? null,
    replicas: (entry.replicas ?? []).map((replica, index) => normaliseReplica({ name, index, ports, mesh }, replica, findings)),
    intercept: entry.intercept ?? defaults.intercept,
    redirect: entry.redirect ?? defaults.redirect,
    tracing: entry.tracing === undefined ? defaults.tracing : normaliseTracing(entry.tracing),
    traffic: normaliseTraffic(name, entry, mesh, defaults.traffic, findings),
  };
}

/** Fills in what a tracing entry leaves out. */
export function normaliseTracing(entry: TracingEntry): Tracing {
  const { propagation = "header", sampling = 1 } = typeof entry === "string" ? { propagation: entry } : entry;
  return { propagation, sampling };
}

function normaliseReplica(
  { name, index, ports, mesh }: { name: string; index: number; ports: readonly PortMapping[]; mesh: MeshEntries },
  entry: ReplicaEntry,
  findings: Finding[],
): Replica {
  const path = ["services", name, "replicas", index];
  const fault = (field: string | undefined, message: string) =>
    findings.push({ path: field === undefined ? path : [...path, field], at: "value", message });
  if (entry.node === undefined) {
    if (entry.address === undefined) fault(undefined, "has no address; give an address, or a node whose address it has");
  } else if (!mesh.nodeNames.has(entry.node)) fault("node", unknownName("node", entry.node, mesh.nodeNames));
  if (ports.length === 0) fault(undefined, `the service has no ports to reach this replica at; add ports: [${entry.port ?? 80}]`);
  else if (entry.port !== undefined && ports.length > 1)
    fault("port", "the service has several ports; leave this out and give each of them a target");
  const address = parseIp(entry.address ?? mesh.nodes.get(entry.node ?? "")?.address ?? "");
  return {
    address: address ? formatIp(address) : "",
    node: entry.node ?? null,
    netns: entry.netns ?? null,
    weight: entry.weight ?? 1,
    ports: ports.map((mapping) => ({ ...mapping, target: ports.length === 1 ? (entry.port ?? mapping.target) : mapping.target })),
  };
}

function virtualAddresses(entry: ServiceEntry): { ipv4: string | undefined; ipv6: string | undefined } {
  const given = [entry.address ?? []].flat().map((text) => parseIp(text)!);
  const ipv4 = given.find(({ family }) => family === 4);
  const ipv6 = given.find(({ family }) => family === 6);
  return { ipv4: ipv4 && formatIp(ipv4), ipv6: ipv6 && formatIp(ipv6) };
}

function addressFindings(name: string, entry: ServiceEntry): Finding[] {
  if (!Array.isArray(entry.address) || entry.address.length < 2) return [];
  const [first, second] = entry.address.map((text) => parseIp(text)!.family);
  if (first !== second) return [];
  return [{ path: ["services", name, "address", 1], at: "value", message: `a second IPv${second} address; give one for each family` }];
}

function repeatedPorts(name: string, ports: readonly PortMapping[]): Finding[] {
  return ports.flatMap((mapping, index) => {
    const first = ports.findIndex(({ port, protocol }) => port === mapping.port && protocol === mapping.protocol);
    const message = `port ${mapping.port}/${mapping.protocol} is already given as ${formatPort(ports[first]!)} in ports[${first}]; remove one`;
    return first === index ? [] : [{ path: ["services", name, "ports", index], at: "value" as const, message }];
  });
}
