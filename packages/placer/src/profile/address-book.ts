/** Which service an address and port belong to, by the catalog and the problem. @module */
import { type Catalog, formatIp, parseIp } from "@mitsu/catalog";
import type { Problem } from "../problem/problem.ts";
import type { AddressKey } from "./segment.ts";

/** Whose an end of a flow is. */
export interface Owner {
  readonly service: string;
  /** The port too is known as the service's: this end is the server. */
  readonly listens: boolean;
}

/** The key of an address' text; undefined when it is none. */
export function addressKey(text: string): AddressKey | undefined {
  const address = parseIp(text);
  if (!address) return undefined;
  if (address.family === 4) return Number(address.bits);
  return [96n, 64n, 32n, 0n].map((shift) => ((address.bits >> shift) & 0xffffffffn).toString(16)).join(":");
}

/** The text of a key: dotted, or RFC 5952's. */
export function addressText(key: AddressKey): string {
  if (typeof key === "number") return formatIp({ family: 4, bits: BigInt(key) });
  return formatIp({ family: 6, bits: key.split(":").reduce((bits, part) => (bits << 32n) | BigInt(`0x${part}`), 0n) });
}

/**
 * Addresses and ports of services.
 *
 * A port that a service listens on tells it at once. An address alone tells it when no other service has the same, as in containers; at a node's
 * address, which its services share, only the ports do, and a client there stays unknown.
 *
 * @example
 * ```ts
 * const book = new AddressBook();
 * book.add("db", "10.0.0.2", 5432, "tcp");
 * book.find(addressKey("10.0.0.2")!, 5432, "tcp"); // { service: "db", listens: true }
 * ```
 */
export class AddressBook {
  readonly #ports = new Map<string, Owner>();
  /** null: several services have it. */
  readonly #addresses = new Map<AddressKey, Owner | null>();

  /** Knows a service at an address, and at a port there. */
  add(service: string, address: string, port?: number, protocol: "tcp" | "udp" = "tcp"): void {
    const key = addressKey(address);
    if (key === undefined) return;
    if (port !== undefined) this.#ports.set(`${key} ${port} ${protocol}`, { service, listens: true });
    const known = this.#addresses.get(key);
    if (known === undefined) this.#addresses.set(key, { service, listens: false });
    else if (known?.service !== service) this.#addresses.set(key, null);
  }

  /** Marks an address as a machine's, which many programs share. */
  share(address: string): void {
    const key = addressKey(address);
    if (key !== undefined) this.#addresses.set(key, null);
  }

  /** Takes in a catalog: replicas, virtual addresses, and the nodes' addresses as shared ones. */
  addCatalog(catalog: Catalog): void {
    for (const { address } of catalog.nodes) this.share(address);
    for (const service of catalog.services) {
      for (const { port, protocol } of service.ports) {
        for (const address of [service.ipv4, service.ipv6]) this.add(service.name, address, port, protocol);
      }
      for (const replica of service.replicas) {
        this.add(service.name, replica.address);
        for (const { target, protocol } of replica.ports) this.add(service.name, replica.address, target, protocol);
      }
    }
  }

  /** Takes in a problem: replicas whose name is an address (`10.0.0.2`, `10.0.0.2:80`, `[fd00::1]:80`), and services' label `address` with such, by commas. */
  addProblem({ services }: Pick<Problem, "services">): void {
    for (const { name, replicas, labels } of services) {
      for (const text of [...replicas, ...(labels.address?.split(",") ?? [])]) {
        const [, six, four, port] = /^\s*(?:\[([^\]]+)\]|([\d.]+|[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*))(?::(\d{1,5}))?\s*$/i.exec(text) ?? [];
        const address = six ?? four;
        if (address) this.add(name, address, port === undefined ? undefined : Number(port));
      }
    }
  }

  /** Whether nothing is known at all. */
  get empty(): boolean {
    return this.#addresses.size === 0;
  }

  /** Whose an end is; undefined when nobody's that is known. */
  find(address: AddressKey, port: number, protocol: "tcp" | "udp"): Owner | undefined {
    return this.#ports.get(`${address} ${port} ${protocol}`) ?? this.#addresses.get(address) ?? undefined;
  }
}
