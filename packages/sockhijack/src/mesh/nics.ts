/** The nicd processes that are registered: the last one takes the connections, and when it goes, the one before it. @module */
import { ipBytes, isLoopback, isMapped, isWildcard } from "../kernel/ip.ts";
import type { Endpoint } from "./listening.ts";
import type { Namespace } from "./namespaces.ts";

/** One nicd; its workers share the port. */
export interface Nic {
  /** The process that holds the registration. */
  readonly pid: number;
  readonly port: number;
  /** Addresses it listens at; `0.0.0.0` and `::` stand for all of its namespace. */
  readonly addresses: readonly string[];
}

/** One that was registered with an earlier daemon has this long to come back: long enough for its next try, and a look at a busy machine. */
const heldMs = 5_000;

/**
 * Who is registered, in order.
 *
 * @example
 * ```ts
 * nics.add({ pid: 4711, port: 15001, addresses: ["0.0.0.0"] });
 * nics.current?.port; // 15001
 * ```
 */
export class Nics {
  readonly #list: { readonly nic: Nic; readonly heldUntilMs: number }[] = [];
  #frozen = false;

  /** The one that takes the connections. */
  get current(): Nic | undefined {
    return this.#list.at(-1)?.nic;
  }

  /** All that are registered or held, the first first. */
  get all(): readonly Nic[] {
    return this.#list.map(({ nic }) => nic);
  }

  /** Registers one; what an earlier daemon knew of the same process is forgotten. */
  add(nic: Nic): void {
    const held = this.#list.findIndex((one) => one.nic.pid === nic.pid && one.heldUntilMs !== Number.POSITIVE_INFINITY);
    if (held >= 0) this.#list.splice(held, 1);
    this.#list.push({ nic, heldUntilMs: Number.POSITIVE_INFINITY });
  }

  /** Takes up what an earlier daemon knew: its connections go on to nicd while that finds its way to this daemon. */
  hold(nic: Nic, nowMs: number): void {
    this.#list.push({ nic, heldUntilMs: nowMs + heldMs });
  }

  /** Ends a registration. @returns whether it was one. */
  remove(nic: Nic): boolean {
    const at = this.#frozen ? -1 : this.#list.findIndex((one) => one.nic === nic);
    if (at >= 0) this.#list.splice(at, 1);
    return at >= 0;
  }

  /** This daemon ends, which ends the streams: whoever is registered stays so for the next one. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Lets go of those held in vain, and of those whose process has ended. @returns whether there were any. */
  expire(nowMs: number, lives: (pid: number) => boolean): boolean {
    const gone = this.#list.filter(
      ({ nic, heldUntilMs }) => heldUntilMs !== Number.POSITIVE_INFINITY && (heldUntilMs < nowMs || !lives(nic.pid)),
    );
    for (const { nic } of gone) this.remove(nic);
    return gone.length > 0;
  }
}

/**
 * nicd as a replica: clients in its own namespace reach it by loopback where it listens there, those in others at its first other address
 * of the family they use.
 *
 * @param service That its cgroup belongs to; empty when to none.
 * @param namespace That it lives in; undefined when its process has ended.
 */
export function nicEndpoint({ port, addresses: given }: Nic, service: string, namespace: Namespace | undefined): Endpoint {
  const listening = given.map(ipBytes);
  const wild = listening.filter(isWildcard);
  const all = ["127.0.0.1", ...(wild.some((ip) => !isMapped(ip)) ? ["::1"] : []), ...(namespace?.addresses ?? [])].map(ipBytes);
  const addresses = [...listening.filter((ip) => !isWildcard(ip)), ...(wild.length > 0 ? all : [])];
  const away = addresses.filter((ip) => !isLoopback(ip));
  return {
    service,
    port,
    target: port,
    protocol: "tcp",
    netns: namespace?.cookie ?? 0n,
    weight: 1,
    addresses,
    local: addresses.find(isLoopback) ?? addresses[0]!,
    ip: away.find(isMapped) ?? away[0] ?? addresses[0]!,
    up: true,
  };
}
