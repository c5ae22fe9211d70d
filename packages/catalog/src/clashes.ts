/** Finds two things that claim one address, or one cgroup. @module */
import type { Replica } from "./catalog.ts";
import { parseIp } from "./ip.ts";
import type { FieldPath, Finding } from "./problem.ts";
import { formatPath } from "./problem.ts";
import type { UnaddressedService } from "./service.ts";

/** Lists every clash between services: virtual addresses, replicas' address:port/protocol, a virtual address that is a replica's own, cgroups. */
export function clashes(services: readonly UnaddressedService[]): Finding[] {
  const virtual = new Claims();
  const replicas = new Claims();
  const real = new Map<string, FieldPath>();
  const cgroups = new Claims();
  for (const service of services) {
    const path = ["services", service.name];
    service.replicas.forEach((replica, index) => {
      const place = [...path, "replicas", index];
      if (replica.address === "") return;
      real.set(replica.address, place);
      // Two ports of a service may lead to one target: that is one claim.
      const targets = new Map(
        replica.ports.map(({ target, protocol }) => [endpointKey(replica, target, protocol), endpointText(replica, target, protocol)]),
      );
      for (const [key, text] of targets) replicas.claim(key, place, text);
    });
    if (service.cgroup !== null) cgroups.claim(service.cgroup, [...path, "cgroup"], `cgroup ${JSON.stringify(service.cgroup)}`);
    for (const address of [service.ipv4, service.ipv6])
      if (address !== undefined) virtual.claim(address, [...path, "address"], `virtual address ${address}`);
  }
  const shadowed = [...virtual.first].flatMap(([address, path]): Finding[] => {
    const place = real.get(address);
    return place
      ? [
          {
            path,
            at: "value",
            message: `virtual address ${address} is the real address of ${formatPath(place)}; choose another or leave it out`,
          },
        ]
      : [];
  });
  return [...virtual.findings, ...replicas.findings, ...cgroups.findings, ...shadowed];
}

/** Address bits of one family that assigned virtual addresses must avoid. */
export function takenAddresses(services: readonly UnaddressedService[], nodeAddresses: Iterable<string>, family: 4 | 6): Set<bigint> {
  const given = services.flatMap(({ ipv4, ipv6, replicas }) => [ipv4, ipv6, ...replicas.map(({ address }) => address)]);
  const parsed = [...given, ...nodeAddresses].flatMap((text) => parseIp(text ?? "") ?? []);
  return new Set(parsed.filter((ip) => ip.family === family).map(({ bits }) => bits));
}

/** Who claimed a key first, and a finding for everyone after. */
class Claims {
  readonly first = new Map<string, FieldPath>();
  readonly findings: Finding[] = [];

  claim(key: string, path: FieldPath, what: string): void {
    const owner = this.first.get(key);
    if (owner) this.findings.push({ path, at: "value", message: `${what} is already taken by ${formatPath(owner)}; give each its own` });
    else this.first.set(key, path);
  }
}

/** Equal addresses in two network namespaces are two endpoints, and so are equal loopback addresses on two nodes. */
function endpointKey(replica: Replica, port: number, protocol: string): string {
  const local = replica.netns !== null || replica.address.startsWith("127.") || replica.address === "::1";
  return [local ? replica.node : "", replica.netns, replica.address, port, protocol].join(" ");
}

function endpointText({ address }: Replica, port: number, protocol: string): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}/${protocol}`;
}
